#include "ingest/json_scalar.h"

#include <cstring>
#include <vector>

#include "base/ascii.h"
#include "base/utf8.h"

namespace neurallog::ingest {
namespace {

constexpr size_t kScanDepthMax = 4096;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

using base::IsDigit;

// Returns the first byte that is no digit; equal to `at` when there is none.
const char* SkipDigits(const char* at, const char* end) {
  while (at < end && IsDigit(*at)) ++at;
  return at;
}

using base::HexDigit;

// The code unit of \uXXXX at `at`, or -1 when none stands there.
int32_t CodeUnit(const char* at, const char* end) {
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return -1;
  int32_t unit = 0;
  for (int i = 2; i < 6; ++i) {
    const int digit = HexDigit(at[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

bool IsHighSurrogate(int32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool IsLowSurrogate(int32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

// One escape of a string.
struct Escape {
  int bytes = 0;      // 0: not an escape of RFC 8259
  uint32_t code = 0;  // the character
  bool lone = false;  // half of a surrogate pair
};

Escape ReadUnicodeEscape(const char* at, const char* end) {
  const int32_t unit = CodeUnit(at, end);
  if (unit < 0) return {};
  if (IsLowSurrogate(unit)) return {6, 0, true};
  if (!IsHighSurrogate(unit)) return {6, static_cast<uint32_t>(unit), false};
  const int32_t low = CodeUnit(at + 6, end);
  if (!IsLowSurrogate(low)) return {6, 0, true};
  return {
      12,
      0x10000u + (static_cast<uint32_t>(unit - 0xd800) << 10) + static_cast<uint32_t>(low - 0xdc00),
      false};
}

// `at` is a backslash.
Escape ReadEscape(const char* at, const char* end) {
  if (end - at < 2) return {};
  switch (at[1]) {
    case '"':
    case '\\':
    case '/': return {2, static_cast<uint32_t>(at[1]), false};
    case 'b': return {2, '\b', false};
    case 'f': return {2, '\f', false};
    case 'n': return {2, '\n', false};
    case 'r': return {2, '\r', false};
    case 't': return {2, '\t', false};
    case 'u': return ReadUnicodeEscape(at, end);
    default: return {};
  }
}

// Calls `plain` for each stretch without escapes and `escape` for each escape; false at the first that is none.
template <typename Plain, typename OnEscape>
bool ForEachEscape(std::string_view inside, Plain plain, OnEscape on_escape) {
  const char* at = inside.data();
  const char* end = at + inside.size();
  while (at < end) {
    const char* found =
        static_cast<const char*>(std::memchr(at, '\\', static_cast<size_t>(end - at)));
    if (found == nullptr) found = end;
    plain(std::string_view(at, static_cast<size_t>(found - at)));
    if (found == end) return true;
    const Escape escape = ReadEscape(found, end);
    if (escape.bytes == 0) return false;
    on_escape(escape, std::string_view(found, static_cast<size_t>(escape.bytes)));
    at = found + escape.bytes;
  }
  return true;
}

}  // namespace

bool IsJsonNumber(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  if (at < end && *at == '-') ++at;
  const char* digits = SkipDigits(at, end);
  if (digits == at || (*at == '0' && digits != at + 1)) return false;
  at = digits;
  if (at < end && *at == '.') {
    digits = SkipDigits(at + 1, end);
    if (digits == at + 1) return false;
    at = digits;
  }
  if (at < end && (*at | 0x20) == 'e') {
    ++at;
    if (at < end && (*at == '+' || *at == '-')) ++at;
    digits = SkipDigits(at, end);
    if (digits == at) return false;
    at = digits;
  }
  return at == end;
}

bool CheckEscapes(std::string_view inside, bool* lone_surrogate) {
  return ForEachEscape(
      inside, [](std::string_view) {},
      [lone_surrogate](const Escape& escape, std::string_view) { *lone_surrogate |= escape.lone; });
}

bool AppendUnescaped(std::string* to, std::string_view inside) {
  return ForEachEscape(
      inside, [to](std::string_view plain) { to->append(plain); },
      [to](const Escape& escape, std::string_view) {
        if (escape.lone) {
          to->append(kReplacement);
        } else {
          base::AppendUtf8(to, escape.code);
        }
      });
}

void AppendWithoutLoneSurrogates(std::string* to, std::string_view inside) {
  ForEachEscape(
      inside, [to](std::string_view plain) { to->append(plain); },
      [to](const Escape& escape, std::string_view text) {
        to->append(escape.lone ? kReplacement : text);
      });
}

Scan ScanExtent(Extent extent, const char* begin, const char* end) {
  std::string open;  // the brackets that are open
  bool in_string = false;
  for (const char* at = begin; at < end; ++at) {
    const char c = *at;
    if (c == '\\') {
      ++at;  // stage 1 of simdjson, too, lets a backslash outside of strings escape a quote
    } else if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      continue;
    } else if (c == '{' || c == '[') {
      if (open.size() == kScanDepthMax) return {nullptr, "nested too deep"};
      open.push_back(c);
    } else if (c == '}' || c == ']') {
      const char opener = c == '}' ? '{' : '[';
      while (!open.empty() && opener == '{' && open.back() == '[') open.pop_back();
      if (extent == Extent::kElement && open.empty() && c == ']') return {at, nullptr};
      if (c == ']' && !open.empty() && open.back() == '{') return {nullptr, "unclosed bracket"};
      if (!open.empty()) open.pop_back();
      if (extent == Extent::kObject && open.empty()) return {at + 1, nullptr};
    } else if (c == ',' && extent == Extent::kElement && open.empty()) {
      return {at, nullptr};
    }
  }
  return {nullptr, in_string ? "unclosed string" : "unclosed bracket"};
}

}  // namespace neurallog::ingest
