// A row's place in the log, as clients see it: what to go on behind.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace neurallog::tail {

struct Cursor {
  static constexpr uint32_t kWholeFrame = UINT32_MAX;

  uint64_t lsn = 0;
  uint32_t row = kWholeFrame;  // in the frame; kWholeFrame stands behind all of its rows

  auto operator<=>(const Cursor&) const = default;
};

// "12-3", or "12" when all of the frame is meant.
void AppendCursor(std::string* to, const Cursor& cursor);
std::optional<Cursor> ParseCursor(std::string_view text);

}  // namespace neurallog::tail
