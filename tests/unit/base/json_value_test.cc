#include "base/json_value.h"

#include <catch2/catch.hpp>

#include "base/json_text.h"

namespace neurallog::base {
namespace {

JsonValue Parsed(std::string_view text) {
  auto value = ParseJson(text);
  INFO(text);
  REQUIRE(value.ok());
  return std::move(value).value();
}

TEST_CASE("a document's members are found by name and kind") {
  const JsonValue document = Parsed(
      R"( {"id":"a\"b","count":18446744073709551615,"delta":-5,"list":[1,[2],{}],"on":true,"off":null} )");
  CHECK(document.String("id").value() == "a\"b");
  CHECK(document.Unsigned("count").value() == UINT64_MAX);
  CHECK(document.Signed("delta").value() == -5);
  CHECK(document.Array("list").value()->items().size() == 3);
  CHECK(document.Find("on")->text() == "true");
  CHECK(document.Find("off")->kind() == JsonValue::Kind::kNull);
  CHECK(document.Find("none") == nullptr);
  CHECK(document.String("count").status().message() == "member \"count\": expected a string");
  CHECK(document.Unsigned("delta").status().code() == Code::kInvalidArgument);
  CHECK_FALSE(document.Unsigned("none").ok());
}

TEST_CASE("every escape of a string is undone") {
  CHECK(Parsed(R"("\"\\\/\b\f\n\r\t")").text() == "\"\\/\b\f\n\r\t");
  CHECK(Parsed(R"("\u0041\u00e9\u20ac\ud83d\ude00")").text() == "A\u00e9\u20ac\U0001F600");
  CHECK(Parsed(R"("\ud83d!")").text() == "\uFFFD!");
}

TEST_CASE("what AppendJsonString writes is read back") {
  std::string all;
  for (int c = 0; c < 128; ++c) all.push_back(static_cast<char>(c));
  std::string json;
  AppendJsonString(&json, all);
  CHECK(Parsed(json).text() == all);
}

TEST_CASE("what is not JSON is refused with its place") {
  for (const char* text :
       {"",        " ",           "{",      "[",   "[1,]",  "{\"a\"}",   "{\"a\":}", "{\"a\":1,}",
        "{a:1}",   "01",          "-",      "1.",  "1e",    "tru",       "nul",      "\"",
        "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "1 2", "[1 2]", "{\"a\" 1}", "\"\\"}) {
    INFO(text);
    const auto value = ParseJson(text);
    REQUIRE_FALSE(value.ok());
    CHECK(value.status().code() == Code::kInvalidArgument);
    CHECK(value.status().message().find("at byte ") != std::string_view::npos);
  }
}

TEST_CASE("nesting is bounded") {
  CHECK(ParseJson(std::string(60, '[') + std::string(60, ']')).ok());
  CHECK_FALSE(ParseJson(std::string(100'000, '[')).ok());
}

}  // namespace
}  // namespace neurallog::base
