#include "tail/cursor.h"

#include <charconv>

namespace neurallog::tail {
namespace {

template <typename T>
bool ParseWhole(std::string_view text, T* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void AppendCursor(std::string* to, const Cursor& cursor) {
  to->append(std::to_string(cursor.lsn));
  if (cursor.row == Cursor::kWholeFrame) return;
  to->push_back('-');
  to->append(std::to_string(cursor.row));
}

std::optional<Cursor> ParseCursor(std::string_view text) {
  Cursor cursor;
  const size_t dash = text.find('-');
  if (!ParseWhole(text.substr(0, dash), &cursor.lsn)) return std::nullopt;
  if (dash != std::string_view::npos && !ParseWhole(text.substr(dash + 1), &cursor.row))
    return std::nullopt;
  return cursor;
}

}  // namespace neurallog::tail
