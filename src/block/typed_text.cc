#include "block/typed_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "block/block_format.h"
#include "block/slot_format.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace neurallog::block {
namespace {

constexpr size_t kIpv4BytesMin = 7;
constexpr size_t kIpv4BytesMax = 15;
constexpr size_t kDecimalBytesMax = 21;
constexpr uint8_t kNotHex = 16;
// The groups of a UUID: where each begins in the text, and how many digits it has.
constexpr std::array<std::pair<size_t, size_t>, 5> kUuidGroups = {
    {{0, 8}, {9, 4}, {14, 4}, {19, 4}, {24, 12}}};

constexpr std::array<uint8_t, 256> kHexValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNotHex);
  for (uint8_t i = 0; i < 16; ++i) values[static_cast<size_t>("0123456789abcdef"[i])] = i;
  return values;
}();

constexpr std::array<std::array<char, 2>, 256> kHexTexts = [] {
  std::array<std::array<char, 2>, 256> texts{};
  for (size_t i = 0; i < 256; ++i)
    texts[i] = {"0123456789abcdef"[i >> 4], "0123456789abcdef"[i & 15]};
  return texts;
}();

#if defined(__SSE2__)
__m128i ToDigits(__m128i values) {
  const __m128i is_letter = _mm_cmpgt_epi8(values, _mm_set1_epi8(9));
  const __m128i to_letters = _mm_and_si128(is_letter, _mm_set1_epi8('a' - '0' - 10));
  return _mm_add_epi8(_mm_add_epi8(values, _mm_set1_epi8('0')), to_letters);
}

void Unpack16(const char* packed, char* to) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(packed));
  const __m128i low_bits = _mm_set1_epi8(15);
  const __m128i high = ToDigits(_mm_and_si128(_mm_srli_epi16(bytes, 4), low_bits));
  const __m128i low = ToDigits(_mm_and_si128(bytes, low_bits));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi8(high, low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + 1, _mm_unpackhi_epi8(high, low));
}
#endif

bool PackUuid(std::string_view text, char* to) {
  for (const auto& [begin, digits] : kUuidGroups) {
    if (begin > 0 && text[begin - 1] != '-') return false;
    if (!PackHex(text.substr(begin, digits), to)) return false;
    to += digits / 2;
  }
  return true;
}

void UnpackUuid(std::string_view packed, char* to) {
  for (const auto& [begin, digits] : kUuidGroups) {
    if (begin > 0) to[begin - 1] = '-';
    UnpackHex(packed.substr(0, digits / 2), to + begin);
    packed.remove_prefix(digits / 2);
  }
}

Status DecodeHex(base::ByteReader* reader, uint32_t values, std::vector<int64_t>* lengths,
                 base::Buffer* bytes) {
  const auto is_uuid = reader->ReadLe<uint8_t>();
  const size_t digits = reader->ReadLe<uint8_t>();
  if (is_uuid > 1 || digits < kHexDigitsMin || digits > kHexDigitsMax || digits % 2 != 0 ||
      (is_uuid == 1 && digits != kUuidDigits))
    return Corruption(fmt::format("identifiers of form {} with {} digits", is_uuid, digits));
  const size_t length = is_uuid == 1 ? kUuidBytes : digits;
  std::string_view packed = reader->ReadBytes(values * digits / 2);
  if (!reader->ok()) return Corruption("identifiers end early");
  lengths->assign(values, static_cast<int64_t>(length));
  char* to = bytes->Prepare(values * length);
  bytes->Commit(values * length);
  if (is_uuid == 0) {
    UnpackHex(packed, to);
    return Status::Ok();
  }
  for (; !packed.empty(); packed.remove_prefix(digits / 2), to += length)
    UnpackUuid(packed.substr(0, digits / 2), to);
  return Status::Ok();
}

Status DecodeIpv4(base::ByteReader* reader, uint32_t values, std::vector<int64_t>* lengths,
                  base::Buffer* bytes) {
  std::vector<int64_t> addresses(values);
  NL_RETURN_IF_ERROR(DecodeInts(reader, addresses));
  bytes->Reserve(values * kIpv4BytesMax);
  for (const int64_t address : addresses) {
    if (address < 0 || address > UINT32_MAX) return Corruption(fmt::format("address {}", address));
    char* const to = bytes->data() + bytes->size();
    const auto length = static_cast<size_t>(PrintIpv4(to, static_cast<uint32_t>(address)) - to);
    bytes->Commit(length);
    lengths->push_back(static_cast<int64_t>(length));
  }
  return Status::Ok();
}

Status DecodeDecimals(base::ByteReader* reader, uint32_t values, std::vector<int64_t>* lengths,
                      Column* column) {
  std::vector<int64_t>& numbers = column->ints;
  base::Buffer* const bytes = &column->bytes;
  numbers.resize(values);
  std::vector<int64_t> scales(values);
  const int most = reader->ReadLe<uint8_t>();
  NL_RETURN_IF_ERROR(DecodeInts(reader, scales));
  NL_RETURN_IF_ERROR(DecodeInts(reader, numbers));
  if (most > kDecimalScaleMax) return Corruption(fmt::format("{} decimal places", most));
  column->places = static_cast<uint8_t>(most);
  bytes->Reserve(values * kDecimalBytesMax);
  for (size_t i = 0; i < values; ++i) {
    if (scales[i] < 0 || scales[i] > most)
      return Corruption(fmt::format("{} of {} decimal places", scales[i], most));
    const int scale = static_cast<int>(scales[i]);
    const auto unit = static_cast<int64_t>(kPowersOfTen[static_cast<size_t>(most - scale)]);
    if (numbers[i] % unit != 0)
      return Corruption(fmt::format("{} with {} of {} decimal places", numbers[i], scale, most));
    char* const to = bytes->data() + bytes->size();
    const auto length = static_cast<size_t>(PrintDecimal(to, numbers[i] / unit, scale) - to);
    bytes->Commit(length);
    lengths->push_back(static_cast<int64_t>(length));
  }
  return Status::Ok();
}

}  // namespace

bool PackHex(std::string_view text, char* to) {
  uint8_t seen = 0;
  const char* at = text.data();
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    const uint8_t high = kHexValues[static_cast<unsigned char>(at[i])];
    const uint8_t low = kHexValues[static_cast<unsigned char>(at[i + 1])];
    seen |= high | low;
    *to++ = static_cast<char>(high << 4 | low);
    if (i % 64 == 0 && (seen & kNotHex) != 0) return false;
  }
  return (seen & kNotHex) == 0;
}

void UnpackHex(std::string_view packed, char* to) {
#if defined(__SSE2__)
  for (; packed.size() >= 16; packed.remove_prefix(16), to += 32) Unpack16(packed.data(), to);
#endif
  for (const char byte : packed) {
    std::memcpy(to, kHexTexts[static_cast<unsigned char>(byte)].data(), 2);
    to += 2;
  }
}

bool ParseIpv4(std::string_view text, uint32_t* address) {
  if (text.size() < kIpv4BytesMin || text.size() > kIpv4BytesMax) return false;
  uint32_t sum = 0;
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    const size_t begin = at;
    unsigned octet = 0;
    for (; at < text.size() && at - begin < 3; ++at) {
      const auto digit = static_cast<unsigned>(static_cast<unsigned char>(text[at])) - '0';
      if (digit > 9) break;
      octet = octet * 10 + digit;
    }
    const size_t digits = at - begin;
    if (digits == 0 || octet > 255 || (digits > 1 && text[begin] == '0')) return false;
    sum = sum << 8 | octet;
    if (part < 3 && (at == text.size() || text[at++] != '.')) return false;
  }
  *address = sum;
  return at == text.size();
}

char* PrintIpv4(char* to, uint32_t address) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to = std::to_chars(to, to + 3, address >> shift & 255).ptr;
    if (shift > 0) *to++ = '.';
  }
  return to;
}

bool ParseDecimal(std::string_view text, int64_t* digits, int* scale) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view behind =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0') ||
      whole.size() + behind.size() > kIntDigitsMax || behind.size() > size_t{kDecimalScaleMax} ||
      (point != std::string_view::npos && behind.empty()))
    return false;
  int64_t sum = 0;
  for (const std::string_view part : {whole, behind}) {
    for (const char c : part) {
      const auto digit = static_cast<unsigned>(static_cast<unsigned char>(c)) - '0';
      if (digit > 9) return false;
      sum = sum * 10 + static_cast<int64_t>(digit);
    }
  }
  if (negative && sum == 0) return false;
  *digits = negative ? -sum : sum;
  *scale = static_cast<int>(behind.size());
  return true;
}

char* PrintDecimal(char* to, int64_t digits, int scale) {
  if (digits < 0) *to++ = '-';
  const uint64_t size =
      digits < 0 ? 0 - static_cast<uint64_t>(digits) : static_cast<uint64_t>(digits);
  const uint64_t unit = kPowersOfTen[static_cast<size_t>(scale)];
  to = std::to_chars(to, to + 20, size / unit).ptr;
  if (scale == 0) return to;
  *to++ = '.';
  uint64_t behind = size % unit;
  for (int i = scale; i-- > 0; behind /= 10) to[i] = static_cast<char>('0' + behind % 10);
  return to + scale;
}

bool TypedTextEncoder::Plan(const GatheredColumn& column, Encoding* encoding) {
  const size_t length = column.length_min == column.length_max ? column.length_max : 0;
  const bool is_planned = (length >= kHexDigitsMin && length <= kHexDigitsMax && length % 2 == 0 &&
                           PlanHex(column, false)) ||
                          (length == kUuidBytes && PlanHex(column, true)) ||
                          PlanIpv4(column.cells) || PlanDecimals(column.cells);
  *encoding = encoding_;
  return is_planned;
}

bool TypedTextEncoder::PlanHex(const GatheredColumn& column, bool is_uuid) {
  encoding_ = Encoding::kHex;
  is_uuid_ = is_uuid;
  const size_t digits = is_uuid ? kUuidDigits : column.length_max;
  hex_digits_ = static_cast<uint8_t>(digits);
  const std::span<const Cell> cells = column.cells;
  hex_.resize(cells.size() * digits / 2);
  char* to = hex_.data();
  for (size_t i = 0; i < cells.size(); ++i, to += digits / 2) {
    PrefetchCell(cells, i);
    if (!(is_uuid ? PackUuid(cells[i].text(), to) : PackHex(cells[i].text(), to))) return false;
  }
  return true;
}

bool TypedTextEncoder::PlanIpv4(std::span<const Cell> cells) {
  encoding_ = Encoding::kIpv4;
  numbers_.resize(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    PrefetchCell(cells, i);
    uint32_t address;
    if (!ParseIpv4(cells[i].text(), &address)) return false;
    numbers_[i] = address;
  }
  return true;
}

bool TypedTextEncoder::PlanDecimals(std::span<const Cell> cells) {
  encoding_ = Encoding::kDecimal;
  numbers_.resize(cells.size());
  scales_.resize(cells.size());
  int64_t most = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    PrefetchCell(cells, i);
    int scale;
    if (!ParseDecimal(cells[i].text(), &numbers_[i], &scale)) return false;
    scales_[i] = scale;
    most = std::max<int64_t>(most, scale);
  }
  // All to one scale, so that what is near is near.
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto unit = static_cast<int64_t>(kPowersOfTen[static_cast<size_t>(most - scales_[i])]);
    if (__builtin_mul_overflow(numbers_[i], unit, &numbers_[i])) return false;
  }
  return true;
}

void TypedTextEncoder::Append(std::string* to) {
  if (encoding_ == Encoding::kHex) {
    to->push_back(is_uuid_ ? 1 : 0);
    to->push_back(static_cast<char>(hex_digits_));
    to->append(hex_);
    return;
  }
  if (encoding_ == Encoding::kDecimal) {
    to->push_back(static_cast<char>(*std::max_element(scales_.begin(), scales_.end())));
    ints_encoder_.Plan(scales_);
    ints_encoder_.Append(to);
  }
  ints_encoder_.Plan(numbers_);
  ints_encoder_.Append(to);
}

Status DecodeTypedTexts(base::ByteReader* reader, Encoding encoding, uint32_t values,
                        std::vector<int64_t>* lengths, Column* column) {
  if (encoding == Encoding::kHex) return DecodeHex(reader, values, lengths, &column->bytes);
  if (encoding == Encoding::kIpv4) return DecodeIpv4(reader, values, lengths, &column->bytes);
  return DecodeDecimals(reader, values, lengths, column);
}

}  // namespace neurallog::block
