// Hashes of byte strings. Values that are stored use XXH3 (seed 0), whose output is stable across versions.
#pragma once

#include <cstdint>
#include <string_view>

namespace neurallog::base {

uint64_t Hash64(std::string_view bytes);

struct Hash128Value {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const Hash128Value&) const = default;
  bool empty() const { return low == 0 && high == 0; }
};
Hash128Value Hash128(std::string_view bytes);

// CRC-32C (Castagnoli, reflected, as in RFC 3720), continuing from `crc` (0 to begin). Uses SSE4.2 and PCLMULQDQ where the CPU has them.
uint32_t Crc32c(uint32_t crc, const void* data, size_t bytes);
// The plain table version, for the test that compares both.
uint32_t Crc32cPortable(uint32_t crc, const void* data, size_t bytes);
// CRC of the concatenation of two strings from their CRCs and the second one's length.
uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_bytes);

}  // namespace neurallog::base
