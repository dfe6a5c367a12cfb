#include <charconv>

#include "block/block.h"

namespace neurallog::block {

std::string_view Column::TextAt(uint32_t row, char* scratch) const {
  if (!Has(row)) return {};
  switch (encoding) {
    case Encoding::kConst: return entries.front();
    case Encoding::kDict: return entries[codes[row]];
    case Encoding::kInts:
      return {scratch,
              static_cast<size_t>(std::to_chars(scratch, scratch + 24, ints[row]).ptr - scratch)};
    case Encoding::kStrings:
    case Encoding::kTemplates:
    case Encoding::kHex:
    case Encoding::kIpv4:
    case Encoding::kDecimal:
      return {bytes.data() + offsets[row], offsets[row + 1] - offsets[row]};
  }
  return {};
}

size_t Column::memory_bytes() const {
  return sizeof(*this) + present.capacity() * sizeof(uint64_t) + types.capacity() +
         entries.capacity() * sizeof(std::string_view) + codes.capacity() * sizeof(uint16_t) +
         ints.capacity() * sizeof(int64_t) + offsets.capacity() * sizeof(uint32_t) +
         bytes.capacity();
}

}  // namespace neurallog::block
