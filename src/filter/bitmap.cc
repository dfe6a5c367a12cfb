#include "filter/bitmap.h"

namespace neurallog::filter {

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
