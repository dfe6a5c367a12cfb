#include "rules/value_encoding.h"

#include <cstdint>

namespace neurallog::rules {
namespace {

constexpr char kBase64Digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string ToBase64(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    const size_t digits = bytes.size() - i < 3 ? bytes.size() - i + 1 : 4;
    for (size_t j = 0; j < 4; ++j)
      text.push_back(j < digits ? kBase64Digits[group >> (18 - 6 * j) & 63] : '=');
  }
  return text;
}

// What of the encoded text does not depend on its neighbours, when the value begins `offset` bytes
// into a group of three.
std::string Base64AtOffset(std::string_view value, size_t offset) {
  constexpr size_t kDropFront[] = {0, 2, 3};
  constexpr size_t kDropBack[] = {0, 3, 2};
  const std::string encoded = ToBase64(std::string(offset, ' ') + std::string(value));
  const size_t back = kDropBack[(value.size() + offset) % 3];
  if (encoded.size() < kDropFront[offset] + back) return {};
  return encoded.substr(kDropFront[offset], encoded.size() - kDropFront[offset] - back);
}

void AppendUnit(std::string* to, uint32_t unit, bool big_endian) {
  const char low = static_cast<char>(unit), high = static_cast<char>(unit >> 8);
  to->push_back(big_endian ? high : low);
  to->push_back(big_endian ? low : high);
}

// Bytes that are not UTF-8 count as the code points of their values.
uint32_t NextCodePoint(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(*at);
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
  if (length == 1 || *at + length > text.size()) return byte((*at)++);
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) code = code << 6 | (byte(*at + i) & 0x3f);
  *at += length;
  return code;
}

std::string ToUtf16(std::string_view text, bool big_endian) {
  std::string encoded;
  for (size_t at = 0; at < text.size();) {
    const uint32_t code = NextCodePoint(text, &at);
    if (code < 0x10000) {
      AppendUnit(&encoded, code, big_endian);
    } else {
      AppendUnit(&encoded, 0xd800 + ((code - 0x10000) >> 10 & 0x3ff), big_endian);
      AppendUnit(&encoded, 0xdc00 + ((code - 0x10000) & 0x3ff), big_endian);
    }
  }
  return encoded;
}

Pattern ToUtf16(Pattern pattern, bool big_endian) {
  for (PatternPiece& piece : pattern) piece.text = ToUtf16(piece.text, big_endian);
  return pattern;
}

}  // namespace

std::vector<Pattern> EncodeValue(Encoding encoding, const Pattern& pattern) {
  switch (encoding) {
    case Encoding::kWindash: return {SpreadDashes(pattern)};
    case Encoding::kUtf16Le: return {ToUtf16(pattern, /*big_endian=*/false)};
    case Encoding::kUtf16Be: return {ToUtf16(pattern, /*big_endian=*/true)};
    case Encoding::kUtf16: {
      Pattern encoded = ToUtf16(pattern, /*big_endian=*/false);
      encoded.insert(encoded.begin(), {PatternPiece::Kind::kText, "\xff\xfe"});
      return {DecodePattern(EncodePattern(encoded))};  // joins neighbouring texts
    }
    default: break;
  }
  const auto plain = PlainText(pattern);
  if (!plain) return {};
  if (encoding == Encoding::kBase64) return {PlainPattern(ToBase64(*plain))};
  return {PlainPattern(Base64AtOffset(*plain, 0)), PlainPattern(Base64AtOffset(*plain, 1)),
          PlainPattern(Base64AtOffset(*plain, 2))};
}

}  // namespace neurallog::rules
