#include "rules/json_elements.h"

#include <charconv>
#include <cstdint>

#include "base/utf8.h"

namespace neurallog::rules {
namespace {

// The length of the string that begins at the quote text[0], with both quotes; npos without an end.
size_t StringLength(std::string_view text, bool* has_escapes) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] != '\\') continue;
    *has_escapes = true;
    ++i;
  }
  return std::string_view::npos;
}

// The length of a value that is no string: up to the comma or bracket that ends it.
size_t ValueLength(std::string_view text) {
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      bool ignored = false;
      const size_t length = StringLength(text.substr(i), &ignored);
      if (length == std::string_view::npos) return length;
      i += length - 1;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string_view::npos;
}

// The code unit of the four hex digits at text[at]; 0xfffd when there are none.
uint32_t HexUnit(std::string_view text, size_t at) {
  uint32_t unit = 0xfffd;
  if (at + 4 > text.size()) return unit;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, unit, 16);
  return error == std::errc() && end == text.data() + at + 4 ? unit : 0xfffd;
}

// Appends the \u escape whose digits begin at text[at]; returns how many bytes of text it took.
size_t AppendUnicode(std::string_view text, size_t at, std::string* to) {
  const uint32_t unit = HexUnit(text, at);
  const bool is_high = unit >= 0xd800 && unit < 0xdc00;
  if (is_high && text.substr(at + 4, 2) == "\\u") {
    const uint32_t low = HexUnit(text, at + 6);
    if (low >= 0xdc00 && low < 0xe000) {
      base::AppendUtf8(to, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
      return 10;
    }
  }
  base::AppendUtf8(to, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
  return 4;
}

char PlainEscape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

}  // namespace

bool NextElement(std::string_view* rest, JsonElement* element) {
  if (rest->empty() || rest->front() == ']') return false;
  if (rest->front() == ',') rest->remove_prefix(1);
  if (rest->empty()) return false;
  *element = {};
  const bool is_string = rest->front() == '"';
  const size_t length = is_string ? StringLength(*rest, &element->has_escapes) : ValueLength(*rest);
  if (length == std::string_view::npos || length == 0) return false;
  element->text = is_string ? rest->substr(1, length - 2) : rest->substr(0, length);
  element->is_null = element->text == "null" && !is_string;
  rest->remove_prefix(length);
  return true;
}

void Unescape(std::string_view escaped, std::string* to) {
  to->clear();
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) {
      to->push_back(escaped[i]);
    } else if (escaped[++i] == 'u') {
      i += AppendUnicode(escaped, i + 1, to);
    } else {
      to->push_back(PlainEscape(escaped[i]));
    }
  }
}

}  // namespace neurallog::rules
