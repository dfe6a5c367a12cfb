#include "filter/bitmap.h"

namespace neurallog::filter {
namespace {

using CountFunction = uint32_t (*)(std::span<const uint64_t>);

inline uint32_t CountAll(std::span<const uint64_t> words) {
  uint32_t count = 0;
  for (const uint64_t word : words) count += static_cast<uint32_t>(std::popcount(word));
  return count;
}

uint32_t CountPortable(std::span<const uint64_t> words) { return CountAll(words); }

#if defined(__x86_64__)
// The baseline has no instruction for it.
__attribute__((target("popcnt"), flatten)) uint32_t CountPopcnt(std::span<const uint64_t> words) {
  return CountAll(words);
}
CountFunction ChooseCount() {
  return __builtin_cpu_supports("popcnt") ? CountPopcnt : CountPortable;
}
#else
CountFunction ChooseCount() { return CountPortable; }
#endif

}  // namespace

uint32_t Bitmap::Count() const {
  static const CountFunction count = ChooseCount();
  return count(words_);
}

void Bitmap::KeepRange(uint32_t begin, uint32_t end) {
  if (end > rows_) end = rows_;
  for (size_t i = 0; i < words_.size(); ++i) {
    const uint64_t low = i * 64;
    const uint64_t high = low + 64;
    if (high <= begin || low >= end) {
      words_[i] = 0;
      continue;
    }
    if (begin > low) words_[i] &= ~uint64_t{0} << (begin - low);
    if (end < high) words_[i] &= (uint64_t{1} << (end - low)) - 1;
  }
}

}  // namespace neurallog::filter
