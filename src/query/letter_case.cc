#include "query/letter_case.h"

#include <cstdint>

#include "base/utf8.h"

namespace neurallog::query {
namespace {

// Letters whose lower-case form lies `offset` behind the upper-case one; with offset 1 upper and lower
// case alternate, beginning with `first`.
struct CaseRange {
  uint32_t first;  // upper case
  uint32_t last;
  uint32_t offset;
};
constexpr CaseRange kRanges[] = {
    {'A', 'Z', 32},     {0xc0, 0xd6, 32},    {0xd8, 0xde, 32},    {0x100, 0x12e, 1},
    {0x132, 0x136, 1},  {0x139, 0x147, 1},   {0x14a, 0x176, 1},   {0x179, 0x17d, 1},
    {0x386, 0x386, 38}, {0x388, 0x38a, 37},  {0x391, 0x3a1, 32},  {0x3a3, 0x3ab, 32},
    {0x400, 0x40f, 80}, {0x410, 0x42f, 32},  {0x460, 0x480, 1},   {0x48a, 0x4be, 1},
    {0x4d0, 0x52e, 1},  {0x1e00, 0x1e94, 1}, {0x1ea0, 0x1efe, 1},
};

uint32_t Convert(uint32_t code, bool to_upper) {
  for (const CaseRange& range : kRanges) {
    const uint32_t shift = to_upper ? range.offset : 0;
    const uint32_t first = range.first + shift;
    if (code < first || code > range.last + shift) continue;
    const bool alternates = range.offset == 1;
    if (alternates && (code - first) % 2 != 0) continue;
    return to_upper ? code - range.offset : code + range.offset;
  }
  return code;
}

// The code point at text[0] and its length; length 0 when it is not valid or has four bytes.
size_t Decode(std::string_view text, uint32_t* code) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  if (byte(0) < 0x80) {
    *code = byte(0);
    return 1;
  }
  if (byte(0) >> 5 == 6 && continues(1)) {
    *code = (byte(0) & 31u) << 6 | (byte(1) & 63u);
    return 2;
  }
  if (byte(0) >> 4 == 14 && continues(1) && continues(2)) {
    *code = (byte(0) & 15u) << 12 | (byte(1) & 63u) << 6 | (byte(2) & 63u);
    return 3;
  }
  return 0;
}

void AppendCase(std::string* to, std::string_view text, bool to_upper) {
  while (!text.empty()) {
    uint32_t code = 0;
    const size_t length = Decode(text, &code);
    const uint32_t converted = length == 0 ? code : Convert(code, to_upper);
    if (length == 0 || converted == code) {
      to->append(text.substr(0, length == 0 ? 1 : length));
    } else {
      base::AppendUtf8(to, converted);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

}  // namespace

void AppendUpperCase(std::string* to, std::string_view text) { AppendCase(to, text, true); }
void AppendLowerCase(std::string* to, std::string_view text) { AppendCase(to, text, false); }

}  // namespace neurallog::query
