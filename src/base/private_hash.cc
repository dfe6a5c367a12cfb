#include "base/private_hash.h"

#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace neurallog::base {

Hash128Value PrivateHash128(std::string_view bytes) {
  static const uint64_t seed = uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

}  // namespace neurallog::base
