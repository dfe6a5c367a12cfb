#include "rules/gram_masks.h"

#include <algorithm>

namespace neurallog::rules {
namespace {

constexpr size_t kBuckets = 8;

uint8_t ByteOf(uint32_t gram, size_t i) { return static_cast<uint8_t>(gram >> 8 * i); }

}  // namespace

// Grams that begin alike go into the same bucket, whose masks are narrower for it.
void GramMasks::Build(std::vector<uint32_t> grams) {
  std::sort(grams.begin(), grams.end(),
            [](uint32_t a, uint32_t b) { return __builtin_bswap32(a) < __builtin_bswap32(b); });
  grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
  for (size_t i = 0; i < grams.size(); ++i) {
    const auto bucket = static_cast<uint8_t>(1u << i * kBuckets / grams.size());
    for (size_t place = 0; place < 4; ++place) {
      const uint8_t byte = ByteOf(grams[i], place);
      low_[place][byte & 15] |= bucket;
      high_[place][byte >> 4] |= bucket;
      if (byte >= 'a' && byte <= 'z') high_[place][(byte ^ 0x20) >> 4] |= bucket;
    }
  }
}

}  // namespace neurallog::rules
