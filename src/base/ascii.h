// What the bytes of ASCII are, whatever the locale. Thread-safe.
#pragma once

#include <algorithm>
#include <string_view>

namespace neurallog::base {

constexpr bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Its value, or -1.
constexpr int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Bytes beyond ASCII are equal only to themselves.
constexpr bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ToLower(x) == ToLower(y); });
}

// [A-Za-z0-9_]
constexpr bool IsWordByte(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return IsDigit(c) || (lower >= 'a' && lower <= 'z') || c == '_';
}

// The white space of JSON.
constexpr bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace neurallog::base
