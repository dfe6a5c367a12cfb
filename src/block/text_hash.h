// Hash of short byte strings, inline and never stored. Seeded once per process, so that nobody
// outside can choose values that collide.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace neurallog::block {

// Random, the same for the life of the process.
uint64_t TextHashSeed();

inline uint64_t MixWords(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Two secrets, so that no word can be chosen that makes a product zero.
struct TextHashKeys {
  explicit TextHashKeys(uint64_t seed)
      : first(seed ^ 0x9e3779b97f4a7c15), second(seed * 0xd1b54a32d192ed03 | 1) {}
  uint64_t first;
  uint64_t second;
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

// The two below are for values that lie in buffers with padding: they may read up to 7 bytes past
// them. Sizes up to 32 go without a loop, whose end would be mispredicted.

inline uint64_t HashValue(const char* text, size_t size, uint64_t seed) {
  const TextHashKeys keys(seed);
  const auto word = [text](size_t at) { return base::LoadLe<uint64_t>(text + at); };
  if (size > 32) return HashText({text, size}, seed);
  if (size < 8)
    return MixWords((size == 0 ? 0 : word(0) << (64 - 8 * size)) ^ keys.first, keys.second ^ size);
  uint64_t hash = MixWords(word(0) ^ keys.first, word(size - 8) ^ keys.second ^ size);
  if (size > 16) hash ^= MixWords(word(8) ^ keys.second, word(size - 16) ^ keys.first);
  return MixWords(hash, keys.second);
}

inline bool SameText(const char* a, const char* b, size_t size) {
  const auto differ = [a, b](size_t at) {
    return base::LoadLe<uint64_t>(a + at) ^ base::LoadLe<uint64_t>(b + at);
  };
  if (size == 0) return true;
  if (size < 8) return differ(0) << (64 - 8 * size) == 0;
  if (size <= 16) return (differ(0) | differ(size - 8)) == 0;
  if (size <= 32) return (differ(0) | differ(8) | differ(size - 16) | differ(size - 8)) == 0;
  return std::memcmp(a, b, size) == 0;
}

}  // namespace neurallog::block
