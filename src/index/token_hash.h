// The hash of a token, sixteen lower-cased bytes at a time. The last chunk is filled up with zeros,
// which stand for nothing else since no token holds a zero byte.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "index/token.h"


namespace neurallog::index {

class TokenHasher {
 public:
  static constexpr size_t kChunkBytes = 16;

  // `size` is 1..16; below 16 only for the last chunk. Reads 16 bytes, whatever the size.
  void Update(const char* chunk, size_t size) {
    const Words words = LoadChunk(chunk, size);
    state_ = Mix(words.low ^ kSecret, words.high ^ state_);
  }

  // A whole token, or the rest of one. Reads up to 15 bytes past its end.
  void UpdateAll(const char* text, size_t size) {
    for (; size > kChunkBytes; text += kChunkBytes, size -= kChunkBytes) Update(text, kChunkBytes);
    Update(text, size);
  }

  TokenHash Finish() const {
    const auto hash = static_cast<TokenHash>((state_ ^ state_ >> 29) * kMultiplier >> 32);
    return hash + (hash == 0);
  }

 private:
  static constexpr uint64_t kSeed = 0x9fb21c651e98df25;
  static constexpr uint64_t kSecret = 0xc3a5c85c97cb3127;
  static constexpr uint64_t kMultiplier = 0xd6e8feb86659fd93;

  struct Words {
    uint64_t low;
    uint64_t high;
  };

  static uint64_t Mix(uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  static Words LoadChunk(const char* chunk, size_t size) {
    alignas(16) static constexpr unsigned char kMask[32] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    const unsigned char* mask = kMask + kChunkBytes - size;
    return {base::LoadLe<uint64_t>(chunk) & base::LoadLe<uint64_t>(mask),
            base::LoadLe<uint64_t>(chunk + 8) & base::LoadLe<uint64_t>(mask + 8)};
  }

  uint64_t state_ = kSeed;
};

}  // namespace neurallog::index
