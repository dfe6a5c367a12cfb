#include "storage/rocksdb_crc32c.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/hash.h"

namespace rocksdb::crc32c {

uint32_t Extend(uint32_t crc, const char* data, size_t bytes);
uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_bytes);
std::string IsFastCrc32Supported();

uint32_t Extend(uint32_t crc, const char* data, size_t bytes) {
  return neurallog::base::Crc32c(crc, data, bytes);
}
uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_bytes) {
  return neurallog::base::Crc32cCombine(first, second, second_bytes);
}
std::string IsFastCrc32Supported() { return "Supported by neurallog::base::Crc32c"; }

}  // namespace rocksdb::crc32c

namespace neurallog::storage {
void UseHardwareCrc32c() {}
}  // namespace neurallog::storage
