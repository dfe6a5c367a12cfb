#include "cli/caret.h"

#include <charconv>

namespace neurallog::cli {
namespace {

// The number at the front and the colon behind it are cut off; 0 when they are not there.
size_t TakeNumber(std::string_view* text) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end == text->data() + text->size() || *end != ':') return 0;
  text->remove_prefix(static_cast<size_t>(end - text->data()) + 1);
  return number;
}

std::string_view LineOf(std::string_view text, size_t number) {
  for (; number > 1; --number) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string CaretAt(std::string_view query, std::string_view message) {
  const size_t line_number = TakeNumber(&message);
  const size_t column = TakeNumber(&message);
  if (line_number == 0 || column == 0) return {};
  const std::string_view line = LineOf(query, line_number);
  std::string text = std::string("  ").append(line).append("\n  ");
  size_t characters = 1;
  for (const char c : line) {
    const bool goes_on = (c & 0xc0) == 0x80;  // of a character of several bytes
    if (goes_on) continue;
    if (characters++ == column) break;
    text.push_back(c == '\t' ? '\t' : ' ');
  }
  return text.append("^\n");
}

}  // namespace neurallog::cli
