#include "base/json_text.h"

#include <bit>
#include <cstdint>

#include "base/json_plain.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace neurallog::base {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Length of the well-formed UTF-8 sequence (RFC 3629) at the front of `text`, or 0.
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool too_large = lead == 0xF4 && byte(1) > 0x8F;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

void AppendEscaped(std::string* to, unsigned char byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"': to->append("\\\""); return;
    case '\\': to->append("\\\\"); return;
    case '\n': to->append("\\n"); return;
    case '\r': to->append("\\r"); return;
    case '\t': to->append("\\t"); return;
    default:
      to->append("\\u00");
      to->push_back(kHex[byte >> 4]);
      to->push_back(kHex[byte & 15]);
  }
}

bool IsPlain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

size_t CountPlainScalar(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && IsPlain(static_cast<unsigned char>(text[count]))) ++count;
  return count;
}

#if defined(__SSE2__)
// A bit for each byte that is not plain. Those from 0x80 on are negative.
uint32_t NotPlain(__m128i bytes) {
  const __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return static_cast<uint32_t>(
      _mm_movemask_epi8(_mm_or_si128(special, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)))));
}

__m128i Load16(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
__m128i Load8(const char* from) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
}

// At least 8 bytes and at most 16, as two words that may overlap.
size_t CountPlainShort(std::string_view text) {
  const size_t second = text.size() - 8;
  const uint32_t found =
      NotPlain(_mm_unpacklo_epi64(Load8(text.data()), Load8(text.data() + second)));
  if (found == 0) return text.size();
  const auto at = static_cast<size_t>(std::countr_zero(found));
  return at < 8 ? at : second + at - 8;
}
#endif

}  // namespace

size_t CountPlainJson(std::string_view text) {
#if defined(__SSE2__)
  if (text.size() < 8) return CountPlainScalar(text);
  if (text.size() <= 16) return CountPlainShort(text);
  size_t at = 0;
  for (; at + 16 <= text.size(); at += 16)
    if (const uint32_t found = NotPlain(Load16(text.data() + at)); found != 0)
      return at + static_cast<size_t>(std::countr_zero(found));
  at = text.size() - 16;  // also what was seen already
  const uint32_t found = NotPlain(Load16(text.data() + at));
  return found == 0 ? text.size() : at + static_cast<size_t>(std::countr_zero(found));
#else
  return CountPlainScalar(text);
#endif
}

void AppendJsonString(std::string* to, std::string_view text) {
  to->push_back('"');
  size_t i = 0;
  while (i < text.size()) {
    const size_t plain = CountPlainJson(text.substr(i));
    to->append(text, i, plain);
    i += plain;
    if (i == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      AppendEscaped(to, byte);
      ++i;
      continue;
    }
    const size_t length = Utf8SequenceLength(text.substr(i));
    if (length == 0) {
      to->append(kReplacement);
      ++i;
    } else {
      to->append(text, i, length);
      i += length;
    }
  }
  to->push_back('"');
}

}  // namespace neurallog::base
