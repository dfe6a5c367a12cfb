// Reading slots: the values of one variable, of whatever kind.
#include <fmt/format.h>

#include <cstring>

#include "block/bitpack.h"
#include "block/block_format.h"
#include "block/put_digits.h"
#include "block/template_decoder.h"
#include "block/typed_text.h"

namespace neurallog::block {

Status TemplateDecoder::ReadText(std::string_view* text) {
  *text = from(Stream::kTexts).ReadBytes(from(Stream::kLengths).ReadVarint());
  if (!from(Stream::kTexts).ok() || !from(Stream::kLengths).ok())
    return Corruption("variable texts end early");
  return Status::Ok();
}

// Their lengths are varints, most of them of one byte.
Status TemplateDecoder::PassTexts(size_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t length = from(Stream::kLengths).ReadVarint();
    if (length > kColumnBytesMax) return Corruption("variable texts end early");
    bytes += length;
  }
  passed_ = from(Stream::kTexts).ReadBytes(bytes);
  if (!from(Stream::kTexts).ok() || !from(Stream::kLengths).ok())
    return Corruption("variable texts end early");
  return Status::Ok();
}

Status TemplateDecoder::PushTexts(size_t count) {
  if (passes_) return PassTexts(count);
  for (size_t i = 0; i < count; ++i) NL_RETURN_IF_ERROR(ReadText(&texts_.emplace_back()));
  return Status::Ok();
}

Status TemplateDecoder::ReadSlot(uint32_t rows, Slot* slot) {
  const auto shape = from(Stream::kShapes).ReadLe<uint8_t>();
  if (!from(Stream::kShapes).ok()) return Corruption("variable shapes end early");
  const uint8_t kind = shape & kSlotKindMask;
  const uint8_t flags = shape & ~kSlotKindMask;
  slot->kind = static_cast<SlotKind>(kind);
  slot->first = static_cast<uint32_t>(texts_.size());
  if (kind > static_cast<uint8_t>(SlotKind::kCopy) || (shape & 128) != 0 ||
      (flags != 0 && slot->kind != SlotKind::kNumbers && slot->kind != SlotKind::kIpv4))
    return Corruption(fmt::format("unknown variable shape {}", shape));
  switch (slot->kind) {
    case SlotKind::kConst: return ReadText(&slot->prefix);
    case SlotKind::kTexts: return PushTexts(rows);
    case SlotKind::kNumbers:
    case SlotKind::kIpv4: return ReadNumbers(flags, rows, slot);
    case SlotKind::kFixed: return ReadFixed(rows, slot);
    case SlotKind::kDict: return ReadDict(rows, slot);
    case SlotKind::kCopy: return ReadCopy(rows, slot);
  }
  return Corruption("unknown variable kind");
}

Status TemplateDecoder::ReadNumbers(uint8_t flags, uint32_t rows, Slot* slot) {
  base::ByteReader& shapes = from(Stream::kShapes);
  if (slot->kind == SlotKind::kNumbers) {
    slot->digits = shapes.ReadLe<uint8_t>();
    slot->is_padded = slot->digits > 0;
    if ((flags & kSlotPointed) != 0) slot->scale = shapes.ReadLe<uint8_t>();
    if (((flags & kSlotPointed) != 0) != (slot->scale > 0) ||
        size_t{slot->digits} + slot->scale > kSlotDigitsMax)
      return Corruption(fmt::format("numbers of {} and {} digits", slot->digits, slot->scale));
    if ((flags & kSlotAffixes) != 0) {
      NL_RETURN_IF_ERROR(ReadText(&slot->prefix));
      NL_RETURN_IF_ERROR(ReadText(&slot->suffix));
    }
  } else if ((flags & (kSlotPointed | kSlotAffixes)) != 0) {
    return Corruption("addresses with the flags of numbers");
  }
  const bool deltas = (flags & kSlotDeltas) != 0;
  const uint64_t low = shapes.ReadVarint();
  const uint64_t step = deltas ? static_cast<uint64_t>(base::UnZigZag(shapes.ReadVarint())) : 0;
  const int width = shapes.ReadLe<uint8_t>();
  if (!shapes.ok() || width > 64) return Corruption(fmt::format("numbers of {} bits", width));
  slot->first = static_cast<uint32_t>(numbers_.size());
  NL_RETURN_IF_ERROR(ReadPacked(rows, width, (flags & kSlotPlanes) != 0));
  uint64_t previous = low;
  for (size_t i = slot->first; i < numbers_.size(); ++i) {
    numbers_[i] += (deltas ? previous : low) + step;
    previous = numbers_[i];
  }
  return Status::Ok();
}

Status TemplateDecoder::ReadPacked(uint32_t rows, int width, bool planes) {
  const size_t first = numbers_.size();
  if (!planes) {
    const std::string_view packed = from(Stream::kPacked).ReadBytes(PackedBytes(rows, width));
    if (!from(Stream::kPacked).ok()) return Corruption("packed numbers end early");
    if (passes_) return Status::Ok();
    numbers_.resize(first + rows);
    UnpackBits(packed, width, std::span(numbers_).subspan(first));
    return Status::Ok();
  }
  if (!passes_) numbers_.resize(first + rows);
  for (int shift = 0; shift < width; shift += 8) {
    const std::string_view plane = from(Stream::kPlanes).ReadBytes(rows);
    if (plane.size() != rows) return Corruption("planes of numbers end early");
    if (passes_) continue;
    for (uint32_t i = 0; i < rows; ++i)
      numbers_[first + i] |= uint64_t{static_cast<unsigned char>(plane[i])} << shift;
  }
  return Status::Ok();
}

Status TemplateDecoder::ReadFixed(uint32_t rows, Slot* slot) {
  slot->length = from(Stream::kShapes).ReadLe<uint8_t>();
  const size_t length = slot->length;
  const std::string_view pattern = from(Stream::kShapes).ReadBytes(length);
  if (!from(Stream::kShapes).ok() || length == 0 || length > kFixedLengthMax)
    return Corruption(fmt::format("a pattern of {} bytes", length));
  if (passes_) passed_ = pattern;
  pattern_has_delete_ |= pattern.find(kDelete) != std::string_view::npos;
  slot->bytes = static_cast<uint32_t>(fixed_.size());
  if (fixed_.size() + rows * length > stored_.stream_bytes_max())
    return Corruption("fixed texts beyond all bounds");
  char* const out = passes_ ? nullptr : fixed_.Prepare(rows * length);
  if (!passes_) {
    for (uint32_t i = 0; i < rows; ++i) std::memcpy(out + i * length, pattern.data(), length);
    fixed_.Commit(rows * length);
  }
  NL_RETURN_IF_ERROR(PutFixedDigits(rows, pattern, out));
  return PutFixedHex(rows, pattern, out);
}

Status TemplateDecoder::PutFixedDigits(uint32_t rows, std::string_view pattern, char* out) {
  const size_t length = pattern.size();
  for (size_t at = 0; at < length; ++at) {
    if (pattern[at] != kPatternDigit) continue;
    const bool pair = at + 1 < length && pattern[at + 1] == kPatternDigit;
    const std::string_view plane = from(Stream::kPlanes).ReadBytes(rows);
    if (plane.size() != rows) return Corruption("planes of digits end early");
    for (uint32_t i = 0; i < rows && out != nullptr; ++i) {
      const auto value = static_cast<unsigned char>(plane[i]);
      if (value > (pair ? 99 : 9)) return Corruption(fmt::format("digits {}", value));
      PutPadded(out + i * length + at, value, pair ? 2 : 1);
    }
    at += pair ? 1 : 0;
  }
  return Status::Ok();
}

Status TemplateDecoder::PutFixedHex(uint32_t rows, std::string_view pattern, char* out) {
  std::array<uint8_t, kFixedLengthMax> hex_at;
  size_t digits = 0;
  for (size_t at = 0; at < pattern.size(); ++at)
    if (pattern[at] == kPatternHex) hex_at[digits++] = static_cast<uint8_t>(at);
  const std::string_view hex = from(Stream::kHex).ReadBytes(rows * ((digits + 1) / 2));
  if (!from(Stream::kHex).ok()) return Corruption("hexadecimal digits end early");
  const char* next = hex.data();
  for (uint32_t i = 0; i < rows && out != nullptr; ++i) {
    char* const text = out + i * pattern.size();
    for (size_t d = 0; d < digits; d += 2) {
      const auto byte = static_cast<unsigned char>(*next++);
      const bool pair = d + 1 < digits;
      if (!pair && byte > 15) return Corruption("a single hexadecimal digit of two");
      text[hex_at[d]] = "0123456789abcdef"[pair ? byte >> 4 : byte];
      if (pair) text[hex_at[d + 1]] = "0123456789abcdef"[byte & 15];
    }
  }
  return Status::Ok();
}

Status TemplateDecoder::ReadDict(uint32_t rows, Slot* slot) {
  const size_t count = from(Stream::kShapes).ReadLe<uint8_t>() + size_t{1};
  slot->entries = static_cast<uint32_t>(texts_.size());
  NL_RETURN_IF_ERROR(PushTexts(count));
  slot->first = static_cast<uint32_t>(texts_.size());
  const std::string_view codes = from(Stream::kCodes).ReadBytes(rows);
  if (codes.size() != rows) return Corruption("codes of variables end early");
  if (passes_) return Status::Ok();
  for (const char code : codes) {
    if (static_cast<unsigned char>(code) >= count)
      return Corruption(fmt::format("code {} of {}", static_cast<unsigned char>(code), count));
    texts_.push_back(texts_[slot->entries + static_cast<unsigned char>(code)]);
  }
  return Status::Ok();
}

Status TemplateDecoder::ReadCopy(uint32_t rows, Slot* slot) {
  const uint64_t distance = from(Stream::kShapes).ReadVarint();
  const size_t index = is_joined_ ? group_slots_.size() - 1 : 0;
  if (distance == 0 || distance > index || groups_.groups()[index - distance].rows != rows)
    return Corruption(fmt::format("a copy of the slot {} before", distance));
  *slot = group_slots_[index - distance];
  return Status::Ok();
}

}  // namespace neurallog::block
