#include "block/slot_encoder.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/bytes.h"
#include "block/bitpack.h"
#include "block/text_hash.h"
#include "block/typed_text.h"

namespace neurallog::block {
namespace {

constexpr size_t kDictValuesMin = 16;  // fewer values are no dictionary
constexpr size_t kPlanesValuesMin = 16;
constexpr size_t kDeltaValuesMin = 16;

using base::IsDigit;

// Of a hexadecimal digit.
unsigned HexValue(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte & 15u) + (byte >> 6) * 9u;
}

constexpr uint8_t kDigitByte = 1;
constexpr uint8_t kHexByte = 2;
constexpr std::array<uint8_t, 256> kDigitKinds = [] {
  std::array<uint8_t, 256> kinds{};
  for (size_t c = '0'; c <= '9'; ++c) kinds[c] = kDigitByte | kHexByte;
  for (size_t c = 'a'; c <= 'f'; ++c) kinds[c] = kHexByte;
  return kinds;
}();

// Makes room for `bytes` more and returns where they go.
char* Extend(std::string* text, size_t bytes) {
  text->resize(text->size() + bytes);
  return text->data() + text->size() - bytes;
}

bool Same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && SameText(a.data(), b.data(), a.size());
}

// 1 to 8 digits, read as one word.
inline bool ParseEight(const char* at, size_t size, uint64_t* value) {
  uint64_t word = (base::LoadLe<uint64_t>(at) ^ 0x3030303030303030) << (64 - 8 * size);
  if (((word | (word + 0x7676767676767676)) & 0x8080808080808080) != 0) return false;
  word = word * 10 + (word >> 8);
  word = (((word & 0x000000ff000000ff) * 0x000f424000000064) +
          (((word >> 16) & 0x000000ff000000ff) * 0x0000271000000001)) >>
         32;
  *value = word;
  return true;
}

// 1 to kSlotDigitsMax digits. May read 7 bytes past them.
inline bool ParseDigits(const char* at, size_t size, uint64_t* value) {
  const size_t first = (size - 1) % 8 + 1;
  uint64_t sum;
  if (!ParseEight(at, first, &sum)) return false;
  for (size_t done = first; done < size; done += 8) {
    uint64_t more;
    if (!ParseEight(at + done, 8, &more)) return false;
    sum = sum * 100'000'000 + more;
  }
  *value = sum;
  return true;
}

}  // namespace

void SlotEncoder::Clear() {
  for (std::string& stream : streams_) stream.clear();
}

void SlotEncoder::PutText(std::string_view text) {
  base::AppendVarint(&to(Stream::kLengths), text.size());
  to(Stream::kTexts).append(text);
}

void SlotEncoder::AddCopy(size_t distance) {
  PutShape(static_cast<uint8_t>(SlotKind::kCopy));
  base::AppendVarint(&to(Stream::kShapes), distance);
}

void SlotEncoder::PutTexts(std::span<const std::string_view> texts) {
  for (const std::string_view text : texts) PutText(text);
}

void SlotEncoder::AddTexts(std::span<const std::string_view> texts, index::TokenSet* tokens) {
  PutTexts(texts);
  if (tokens == nullptr) return;
  for (const std::string_view text : texts) tokens->Add(text);
}

void SlotEncoder::Add(std::span<const std::string_view> values, index::TokenSet* tokens) {
  const std::span<const std::string_view> distinct = Put(values);
  if (tokens == nullptr) return;
  for (const std::string_view value : distinct) tokens->Add(value);
}

std::span<const std::string_view> SlotEncoder::Put(std::span<const std::string_view> values) {
  if (AddConst(values)) return values.first(1);
  NumberForm form;
  if (ReadNumbers(values, &form)) {
    AddNumbers(form);
  } else if (ReadIpv4(values)) {
    PutNumbers(static_cast<uint8_t>(SlotKind::kIpv4), nullptr);
  } else if (AddDict(values, SIZE_MAX)) {
    return entries_;
  } else if (!AddFixed(values)) {
    PutShape(static_cast<uint8_t>(SlotKind::kTexts));
    PutTexts(values);
  }
  return values;
}

bool SlotEncoder::AddConst(std::span<const std::string_view> values) {
  for (const std::string_view value : values.subspan(1))
    if (!Same(value, values.front())) return false;
  PutShape(static_cast<uint8_t>(SlotKind::kConst));
  PutText(values.front());
  return true;
}

// The last run of digits is the number, with the one before it when a point lies between.
bool SlotEncoder::NumberForm::Learn(std::string_view first) {
  size_t end = first.size();
  while (end > 0 && !IsDigit(first[end - 1])) --end;
  size_t begin = end;
  while (begin > 0 && IsDigit(first[begin - 1])) --begin;
  if (begin > 1 && first[begin - 1] == '.' && IsDigit(first[begin - 2])) {
    scale = end - begin;
    end = begin - 1;
    begin = end;
    while (begin > 0 && IsDigit(first[begin - 1])) --begin;
  }
  digits = end - begin;
  prefix = first.substr(0, begin);
  suffix = first.substr(end + (scale > 0 ? scale + 1 : 0));
  return digits > 0 && digits + scale <= kSlotDigitsMax;
}

bool SlotEncoder::NumberForm::ReadBare(std::string_view value, uint64_t* number) {
  if (value.size() > kSlotDigitsMax || !ParseDigits(value.data(), value.size(), number))
    return false;
  canonical &= value.size() == 1 || value[0] != '0';
  one_length &= value.size() == digits;
  return true;
}

bool SlotEncoder::NumberForm::Read(std::string_view value, uint64_t* number) {
  const size_t around = prefix.size() + suffix.size() + (scale > 0 ? scale + 1 : 0);
  if (value.size() <= around) return false;
  const size_t size = value.size() - around;
  const char* at = value.data();
  if (size + scale > kSlotDigitsMax || !SameText(at, prefix.data(), prefix.size())) return false;
  at += prefix.size();
  if (!ParseDigits(at, size, number)) return false;
  canonical &= size == 1 || *at != '0';
  one_length &= size == digits;
  at += size;
  if (scale > 0) {
    uint64_t behind;
    if (*at != '.' || !ParseDigits(at + 1, scale, &behind)) return false;
    *number = *number * kPowersOfTen[scale] + behind;
    at += scale + 1;
  }
  return SameText(at, suffix.data(), suffix.size());
}

bool SlotEncoder::ReadNumbers(std::span<const std::string_view> values, NumberForm* form) {
  if (!form->Learn(values.front())) return false;
  numbers_.resize(values.size());
  const bool bare = form->prefix.empty() && form->suffix.empty() && form->scale == 0;
  for (size_t i = 0; i < values.size(); ++i)
    if (!(bare ? form->ReadBare(values[i], &numbers_[i]) : form->Read(values[i], &numbers_[i])))
      return false;
  return form->canonical || form->one_length;
}

bool SlotEncoder::ReadIpv4(std::span<const std::string_view> values) {
  numbers_.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t address;
    if (!ParseIpv4(values[i], &address)) return false;
    numbers_[i] = address;
  }
  return true;
}

void SlotEncoder::AddNumbers(const NumberForm& form) {
  uint8_t kind = static_cast<uint8_t>(SlotKind::kNumbers);
  if (!form.prefix.empty() || !form.suffix.empty()) kind |= kSlotAffixes;
  if (form.scale > 0) kind |= kSlotPointed;
  PutNumbers(kind, &form);
}

// Shape: kind, [digits before the point, 0: as many as it takes] [digits behind it] low width.
void SlotEncoder::PutNumbers(uint8_t kind, const NumberForm* form) {
  uint64_t low = numbers_[0], high = numbers_[0];
  size_t repeated = 0;
  int64_t delta_low = INT64_MAX, delta_high = INT64_MIN;
  for (size_t i = 1; i < numbers_.size(); ++i) {
    low = std::min(low, numbers_[i]);
    high = std::max(high, numbers_[i]);
    const auto delta = static_cast<int64_t>(numbers_[i] - numbers_[i - 1]);
    repeated += delta == 0;
    delta_low = std::min(delta_low, delta);
    delta_high = std::max(delta_high, delta);
  }
  int width = BitWidth(high - low);
  const int delta_width =
      BitWidth(static_cast<uint64_t>(delta_high) - static_cast<uint64_t>(delta_low));
  const bool deltas = numbers_.size() >= kDeltaValuesMin && delta_width + 1 < width;
  const bool planes = numbers_.size() >= kPlanesValuesMin && repeated * 3 > numbers_.size();
  packed_.resize(numbers_.size());
  if (deltas) {
    width = delta_width;
    uint64_t previous = numbers_[0] - static_cast<uint64_t>(delta_low);
    low = previous;
    for (size_t i = 0; i < numbers_.size(); ++i) {
      packed_[i] = numbers_[i] - previous - static_cast<uint64_t>(delta_low);
      previous = numbers_[i];
    }
  } else {
    for (size_t i = 0; i < numbers_.size(); ++i) packed_[i] = numbers_[i] - low;
  }
  if (deltas) kind |= kSlotDeltas;
  if (planes) kind |= kSlotPlanes;
  PutShape(kind);
  if (form != nullptr) {
    PutShape(form->canonical ? 0 : static_cast<uint8_t>(form->digits));
    if (form->scale > 0) PutShape(static_cast<uint8_t>(form->scale));
    if ((kind & kSlotAffixes) != 0) {
      PutText(form->prefix);
      PutText(form->suffix);
    }
  }
  base::AppendVarint(&to(Stream::kShapes), low);
  if (deltas) base::AppendVarint(&to(Stream::kShapes), base::ZigZag(delta_low));
  PutShape(static_cast<uint8_t>(width));
  if (!planes) return PackBits(packed_, width, &to(Stream::kPacked));
  for (int shift = 0; shift < width; shift += 8) {
    char* plane = Extend(&to(Stream::kPlanes), packed_.size());
    for (const uint64_t value : packed_) *plane++ = static_cast<char>(value >> shift);
  }
}

// Gives up as soon as more than a quarter of the values are distinct.
bool SlotEncoder::AddDict(std::span<const std::string_view> values, size_t other_bytes) {
  if (values.size() < kDictValuesMin) return false;
  const size_t entries_max = std::min(values.size() / 4, kSlotDictEntriesMax);
  constexpr size_t kSlots = 1024;
  std::array<uint16_t, kSlots> slots{};
  entries_.clear();
  codes_.resize(values.size());
  const uint64_t seed = TextHashSeed();
  size_t bytes = values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string_view value = values[i];
    size_t slot = HashValue(value.data(), value.size(), seed) % kSlots;
    while (slots[slot] != 0 && !Same(entries_[slots[slot] - 1u], value)) slot = (slot + 1) % kSlots;
    if (slots[slot] == 0) {
      if (entries_.size() == entries_max) return false;
      entries_.push_back(value);
      bytes += value.size();
      slots[slot] = static_cast<uint16_t>(entries_.size());
    }
    codes_[i] = static_cast<uint8_t>(slots[slot] - 1);
  }
  if (bytes >= other_bytes) return false;
  PutShape(static_cast<uint8_t>(SlotKind::kDict));
  PutShape(static_cast<uint8_t>(entries_.size() - 1));
  PutTexts(entries_);
  to(Stream::kCodes).append(reinterpret_cast<const char*>(codes_.data()), codes_.size());
  return true;
}

// Of the first value: where all others are equal to it, and where all are digits.
bool SlotEncoder::FindPattern(std::span<const std::string_view> values,
                              std::array<char, kFixedLengthMax>* pattern) const {
  const std::string_view first = values.front();
  std::array<uint8_t, kFixedLengthMax> differs{};
  std::array<uint8_t, kFixedLengthMax> kinds;
  kinds.fill(kDigitByte | kHexByte);
  for (const std::string_view value : values) {
    if (value.size() != first.size()) return false;
    for (size_t i = 0; i < first.size(); ++i) {
      differs[i] |= static_cast<uint8_t>(value[i] ^ first[i]);
      kinds[i] &= kDigitKinds[static_cast<unsigned char>(value[i])];
    }
  }
  for (size_t i = 0; i < first.size(); ++i) {
    if (differs[i] != 0 && kinds[i] == 0) return false;
    (*pattern)[i] = differs[i] == 0                ? first[i]
                    : (kinds[i] & kDigitByte) != 0 ? kPatternDigit
                                                   : kPatternHex;
  }
  return true;
}

bool SlotEncoder::AddFixed(std::span<const std::string_view> values) {
  const size_t length = values.front().size();
  std::array<char, kFixedLengthMax> pattern;
  if (length > kFixedLengthMax || !FindPattern(values, &pattern)) return false;
  PutShape(static_cast<uint8_t>(SlotKind::kFixed));
  PutShape(static_cast<uint8_t>(length));
  to(Stream::kShapes).append(pattern.data(), length);
  // Two digits in a row make one plane.
  std::string& planes = to(Stream::kPlanes);
  for (size_t i = 0; i < length; ++i) {
    if (pattern[i] != kPatternDigit) continue;
    const bool pair = i + 1 < length && pattern[i + 1] == kPatternDigit;
    char* plane = Extend(&planes, values.size());
    for (const std::string_view value : values)
      *plane++ =
          static_cast<char>(pair ? (value[i] - '0') * 10 + value[i + 1] - '0' : value[i] - '0');
    i += pair ? 1 : 0;
  }
  AddHexDigits(values, {pattern.data(), length});
  return true;
}

// The hexadecimal digits of each value, two to a byte, the last one alone where they are odd.
void SlotEncoder::AddHexDigits(std::span<const std::string_view> values, std::string_view pattern) {
  std::array<uint8_t, kFixedLengthMax + 1> at;
  size_t digits = 0;
  for (size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == kPatternHex) at[digits++] = static_cast<uint8_t>(i);
  char* to_hex = Extend(&to(Stream::kHex), values.size() * ((digits + 1) / 2));
  for (const std::string_view value : values) {
    for (size_t d = 0; d + 1 < digits; d += 2)
      *to_hex++ = static_cast<char>(HexValue(value[at[d]]) << 4 | HexValue(value[at[d + 1]]));
    if (digits % 2 != 0) *to_hex++ = static_cast<char>(HexValue(value[at[digits - 1]]));
  }
}

}  // namespace neurallog::block
