// Hash of short byte strings, inline and never stored. Seeded once per process, so that nobody
// outside can choose values that collide.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "base/bytes.h"

namespace neurallog::block {

// Random, the same for the life of the process.
uint64_t TextHashSeed();

inline uint64_t MixWords(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Secrets, so that no word can be chosen that makes a product zero.
struct TextHashKeys {
  explicit TextHashKeys(uint64_t seed)
      : first(seed ^ 0x9e3779b97f4a7c15),
        second(seed * 0xd1b54a32d192ed03 | 1),
        third(seed * 0xa0761d6478bd642f ^ 0xe7037ed1a0b428db) {}
  uint64_t first;
  uint64_t second;
  uint64_t third;
};

inline uint64_t HashText(std::string_view text, uint64_t seed) {
  const TextHashKeys keys(seed);
  const char* at = text.data();
  size_t left = text.size();
  uint64_t hash = keys.second ^ left;
  for (; left > 16; at += 16, left -= 16)
    hash = MixWords(base::LoadLe<uint64_t>(at) ^ keys.first, base::LoadLe<uint64_t>(at + 8) ^ hash);
  uint64_t low = 0;
  uint64_t high = 0;
  if (left >= 8) {
    low = base::LoadLe<uint64_t>(at);
    high = base::LoadLe<uint64_t>(at + left - 8);
  } else if (left >= 4) {
    low = base::LoadLe<uint32_t>(at);
    high = base::LoadLe<uint32_t>(at + left - 4);
  } else if (left > 0) {
    low = static_cast<unsigned char>(at[0]) |
          static_cast<uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8;
    high = static_cast<unsigned char>(at[left - 1]);
  }
  return MixWords(MixWords(low ^ keys.first, high ^ hash), keys.second);
}

// Those below are for values that lie in buffers with padding: they may read up to 64 bytes past
// them. Up to their size they go without branches on it, which would be mispredicted.

// The first 32 bytes of a text with zeros behind its end.
struct MaskedWords {
  MaskedWords(const char* text, size_t size) {
    alignas(64) static constexpr std::array<uint8_t, 64> kMasks = [] {
      std::array<uint8_t, 64> masks{};
      for (size_t i = 0; i < 32; ++i) masks[i] = 0xff;
      return masks;
    }();
    const uint8_t* const mask = kMasks.data() + 32 - size;
    for (size_t i = 0; i < 4; ++i)
      words[i] = base::LoadLe<uint64_t>(text + 8 * i) & base::LoadLe<uint64_t>(mask + 8 * i);
  }
  uint64_t words[4];
};

// `size` is at most 16.
inline uint64_t HashTiny(const char* text, size_t size, const TextHashKeys& keys) {
  alignas(32) static constexpr std::array<uint8_t, 32> kMasks = [] {
    std::array<uint8_t, 32> masks{};
    for (size_t i = 0; i < 16; ++i) masks[i] = 0xff;
    return masks;
  }();
  const uint8_t* const mask = kMasks.data() + 16 - size;
  return MixWords((base::LoadLe<uint64_t>(text) & base::LoadLe<uint64_t>(mask)) ^ keys.first,
                  (base::LoadLe<uint64_t>(text + 8) & base::LoadLe<uint64_t>(mask + 8)) ^
                      keys.second ^ size);
}

// `size` is at most 32.
inline uint64_t HashShort(const char* text, size_t size, const TextHashKeys& keys) {
  const MaskedWords masked(text, size);
  const uint64_t* const words = masked.words;
  return MixWords(words[0] ^ keys.first, words[1] ^ keys.second ^ size) ^
         MixWords(words[2] ^ keys.third, words[3] ^ keys.first);
}

// `size` is at most 64.
inline uint64_t HashMiddling(const char* text, size_t size, const TextHashKeys& keys) {
  const size_t behind = size > 32 ? size - 32 : 0;
  return MixWords(HashShort(text, size - behind, keys), keys.second ^ behind) ^
         HashShort(text + 32, behind, keys);
}

inline uint64_t HashValue(const char* text, size_t size, uint64_t seed) {
  const TextHashKeys keys(seed);
  if (size > 32) return HashText({text, size}, seed);
  return MixWords(HashShort(text, size, keys), keys.second);
}

#if defined(__x86_64__)

// Bit i: the bytes at i are equal.
inline uint32_t EqualBytes32(const char* a, const char* b) {
  const auto half = [a, b](size_t at) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + at));
    const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + at));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(x, y)));
  };
  return half(0) | half(16) << 16;
}

inline bool SameText(const char* a, const char* b, size_t size) {
  for (; size > 32; a += 32, b += 32, size -= 32)
    if (EqualBytes32(a, b) != UINT32_MAX) return false;
  const uint64_t inside = (uint64_t{1} << size) - 1;
  return (EqualBytes32(a, b) & inside) == inside;
}

#else

inline bool SameText(const char* a, const char* b, size_t size) {
  return std::memcmp(a, b, size) == 0;
}

#endif

}  // namespace neurallog::block
