// CRC-32C runs three independent crc32 instruction streams and joins them by carry-less multiplication with x^(8n-33) mod P, so that
// the three-cycle latency of the instruction is hidden (the method of Intel's "Fast CRC Computation for iSCSI Polynomial", 2011).
#include "base/hash.h"

#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace neurallog::base {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bit-reflected

using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ kPolynomial : crc >> 1;
    tables[0][i] = crc;
  }
  for (size_t i = 0; i < 256; ++i)
    for (size_t k = 1; k < 8; ++k)
      tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
  return tables;
}

constexpr Tables kTables = MakeTables();

// a * b mod P in the reflected bit order.
constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  while (a != 0) {
    if (a & 0x80000000u) product ^= b;
    a <<= 1;
    b = b & 1 ? b >> 1 ^ kPolynomial : b >> 1;
  }
  return product;
}

// x^n mod P.
constexpr uint32_t PowerOfX(uint64_t n) {
  uint32_t result = 0x80000000u;
  for (uint32_t base = 0x40000000u; n != 0; n >>= 1) {
    if (n & 1) result = Multiply(result, base);
    base = Multiply(base, base);
  }
  return result;
}

#if defined(__x86_64__)
template <size_t kLane>
__attribute__((target("sse4.2,pclmul"))) uint64_t JoinLanes(uint64_t a, uint64_t b, uint64_t c) {
  constexpr uint32_t kTwoLanes = PowerOfX(2 * kLane * 8 - 33);
  constexpr uint32_t kOneLane = PowerOfX(kLane * 8 - 33);
  const auto shift = [](uint64_t crc, uint32_t power) __attribute__((target("sse4.2,pclmul"))) {
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(crc)),
                                                 _mm_cvtsi32_si128(static_cast<int>(power)), 0);
    return _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product)));
  };
  return shift(a, kTwoLanes) ^ shift(b, kOneLane) ^ c;
}

template <size_t kLane>
__attribute__((target("sse4.2,pclmul"))) uint64_t ThreeLanes(uint64_t crc, const char** at,
                                                             size_t* bytes) {
  while (*bytes >= 3 * kLane) {
    uint64_t b = 0, c = 0, word;
    for (size_t i = 0; i < kLane; i += 8) {
      std::memcpy(&word, *at + i, 8);
      crc = _mm_crc32_u64(crc, word);
      std::memcpy(&word, *at + kLane + i, 8);
      b = _mm_crc32_u64(b, word);
      std::memcpy(&word, *at + 2 * kLane + i, 8);
      c = _mm_crc32_u64(c, word);
    }
    crc = JoinLanes<kLane>(crc, b, c);
    *at += 3 * kLane;
    *bytes -= 3 * kLane;
  }
  return crc;
}

__attribute__((target("sse4.2,pclmul"))) uint32_t Crc32cHardware(uint32_t crc, const char* at,
                                                                 size_t bytes) {
  uint64_t state = ~crc & 0xffffffffu;
  state = ThreeLanes<1024>(state, &at, &bytes);
  state = ThreeLanes<128>(state, &at, &bytes);
  for (; bytes >= 8; at += 8, bytes -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    state = _mm_crc32_u64(state, word);
  }
  for (; bytes > 0; ++at, --bytes)
    state = _mm_crc32_u8(static_cast<uint32_t>(state), static_cast<unsigned char>(*at));
  return ~static_cast<uint32_t>(state);
}

const bool g_has_hardware = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
#endif

}  // namespace

uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hash128Value Hash128(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

uint32_t Crc32cPortable(uint32_t crc, const void* data, size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  uint32_t state = ~crc;
  for (; bytes >= 8; at += 8, bytes -= 8) {
    uint32_t low, high;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + 4, 4);
    low ^= state;
    state = kTables[7][low & 255] ^ kTables[6][low >> 8 & 255] ^ kTables[5][low >> 16 & 255] ^
            kTables[4][low >> 24] ^ kTables[3][high & 255] ^ kTables[2][high >> 8 & 255] ^
            kTables[1][high >> 16 & 255] ^ kTables[0][high >> 24];
  }
  for (; bytes > 0; ++at, --bytes) state = state >> 8 ^ kTables[0][(state ^ *at) & 255];
  return ~state;
}

uint32_t Crc32c(uint32_t crc, const void* data, size_t bytes) {
#if defined(__x86_64__)
  if (g_has_hardware) return Crc32cHardware(crc, static_cast<const char*>(data), bytes);
#endif
  return Crc32cPortable(crc, data, bytes);
}

uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_bytes) {
  return Multiply(PowerOfX(static_cast<uint64_t>(second_bytes) * 8), first) ^ second;
}

}  // namespace neurallog::base
