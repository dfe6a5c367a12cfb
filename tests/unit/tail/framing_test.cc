#include "tail/framing.h"

#include <catch2/catch.hpp>

namespace neurallog::tail {
namespace {

std::string Event(Framing framing, const Cursor* cursor, std::string_view lines) {
  std::string out;
  AppendEvent(framing, cursor, lines, &out);
  return out;
}

TEST_CASE("cursors are read back, and nothing else is one") {
  for (const Cursor cursor : {Cursor{12, 3}, Cursor{12}, Cursor{0, 0}, Cursor{UINT64_MAX, 7}}) {
    std::string text;
    AppendCursor(&text, cursor);
    CHECK(ParseCursor(text) == cursor);
  }
  for (const char* text :
       {"", "-", "1-", "-1", "1-2-3", "x", "1 ", "99999999999999999999", "1-4294967296"})
    CHECK_FALSE(ParseCursor(text));
  CHECK(Cursor{12, 3} < Cursor{12});
  CHECK(Cursor{12} < Cursor{13, 0});
}

TEST_CASE("each form carries the record and its cursor") {
  const Cursor cursor{12, 3};
  CHECK(Event(Framing::kSse, &cursor, "{\"a\":1}\n") == "id: 12-3\ndata: {\"a\":1}\n\n");
  CHECK(Event(Framing::kSse, nullptr, "{}\n{}\n") == "data: {}\ndata: {}\n\n");
  CHECK(Event(Framing::kLines, &cursor, "{\"a\":1}\n") == "{\"a\":1}\n");
  CHECK(Event(Framing::kEnvelope, &cursor, "{\"a\":1}\n") ==
        "{\"cursor\":\"12-3\",\"log\":{\"a\":1}}\n");
  CHECK(Event(Framing::kWebSocket, nullptr, "{}\n") == "\x81\x0a{\"log\":{}}");
}

}  // namespace
}  // namespace neurallog::tail
