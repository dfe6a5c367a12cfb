// Which bytes the variables of templates may hold.
#include <array>

#include "block/template_decoder.h"

namespace neurallog::block {

namespace {

ByteSet SetOf(std::string_view text) {
  ByteSet set;
  constexpr size_t kShort = 256;
  if (text.size() < kShort) {
    for (const char c : text) set.set(static_cast<unsigned char>(c));
    return set;
  }
  std::array<bool, 256> has{};
  for (const char c : text) has[static_cast<unsigned char>(c)] = true;
  for (size_t i = 0; i < has.size(); ++i) set[i] = has[i];
  return set;
}

ByteSet SetOfPattern(std::string_view pattern) {
  static const ByteSet digits = SetOf("0123456789"), hex_digits = SetOf("0123456789abcdef");
  ByteSet set;
  for (const char c : pattern) {
    if (c == kPatternDigit) {
      set |= digits;
    } else if (c == kPatternHex) {
      set |= hex_digits;
    } else {
      set.set(static_cast<unsigned char>(c));
    }
  }
  return set;
}

}  // namespace

// Of the slot that was passed last.
ByteSet TemplateDecoder::PassedBytes(const Slot& slot) const {
  static const ByteSet number_bytes = SetOf("0123456789.");
  switch (slot.kind) {
    case SlotKind::kConst: return SetOf(slot.prefix);
    case SlotKind::kTexts:
    case SlotKind::kDict: return SetOf(passed_);
    case SlotKind::kFixed: return SetOfPattern(passed_);
    case SlotKind::kIpv4:
    case SlotKind::kNumbers:
    case SlotKind::kCopy: break;
  }
  return number_bytes | SetOf(slot.prefix) | SetOf(slot.suffix);
}

// Of a slot that was read.
ByteSet TemplateDecoder::BytesOf(const Slot& slot, uint32_t rows) const {
  ByteSet set;
  if (slot.kind == SlotKind::kFixed)
    return SetOf({fixed_.data() + slot.bytes, size_t{rows} * slot.length});
  if (slot.kind != SlotKind::kTexts && slot.kind != SlotKind::kDict) return PassedBytes(slot);
  for (uint32_t i = 0; i < rows; ++i) set |= SetOf(texts_[slot.first + i]);
  return set;
}

Result<std::vector<ByteSet>> TemplateDecoder::ReadVariableBytes() {
  return is_joined_ ? ReadBytesOfShared() : PassForBytes();
}

// Slots that templates share are read once for all of them.
Result<std::vector<ByteSet>> TemplateDecoder::ReadBytesOfShared() {
  NL_RETURN_IF_ERROR(ReadSlots());
  std::vector<ByteSet> sets;
  for (size_t i = 0; i < count_; ++i) {
    const Template& each = templates_[i];
    for (uint32_t at = 0; at < each.slots; ++at) {
      const Slot& slot = slots_[each.first_slot + at];
      const bool is_own = slot.set == SlotGroups::kNone;
      sets.push_back(BytesOf(slot, is_own ? each.rows : groups_.set_rows()[slot.set]));
    }
  }
  return sets;
}

Result<std::vector<ByteSet>> TemplateDecoder::PassForBytes() {
  passes_ = true;
  std::vector<ByteSet> sets;
  for (size_t i = 0; i < count_; ++i) {
    for (uint32_t at = 0; at < templates_[i].slots; ++at) {
      Slot passed;
      NL_RETURN_IF_ERROR(ReadSlot(templates_[i].rows, &passed));
      sets.push_back(PassedBytes(passed));
    }
  }
  return sets;
}

}  // namespace neurallog::block
