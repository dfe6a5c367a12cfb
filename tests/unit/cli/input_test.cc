#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/record_json.h"
#include "cli/record_reader.h"

namespace neurallog::cli {
namespace {

// A text that comes in pieces of a few bytes.
class Pieces : public InputFile {
 public:
  Pieces(std::string text, size_t piece) : text_(std::move(text)), piece_(piece) {}
  Result<bool> Read(std::string* to) override {
    const std::string_view piece = std::string_view(text_).substr(at_, piece_);
    to->append(piece);
    at_ += piece.size();
    return !piece.empty();
  }

 private:
  const std::string text_;
  const size_t piece_;
  size_t at_ = 0;
};

struct Read {
  std::string record;
  uint64_t line;
  bool operator==(const Read&) const = default;
};

std::vector<Read> ReadAll(const std::string& text, InputFormat format, size_t piece) {
  Pieces pieces(text, piece);
  RecordReader reader(&pieces);
  reader.set_format(format);
  std::vector<Read> all;
  std::string record;
  for (;;) {
    const auto more = reader.Next(&record);
    REQUIRE(more.ok());
    if (!*more) break;
    all.push_back({record, reader.line()});
  }
  REQUIRE(reader.offset() == text.size());
  return all;
}

TEST_CASE("lines are records with their numbers, however the text is cut") {
  for (size_t piece = 1; piece < 12; ++piece) {
    REQUIRE(ReadAll("one\r\n\ntwo\nthree", InputFormat::kNdjson, piece) ==
            std::vector<Read>{{"one", 1}, {"", 2}, {"two", 3}, {"three", 4}});
    REQUIRE(ReadAll("\xef\xbb\xbfx\n", InputFormat::kText, piece) == std::vector<Read>{{"x", 1}});
    REQUIRE(ReadAll("", InputFormat::kText, piece).empty());
  }
}

TEST_CASE("a CSV record goes on over lines while its quotes are open") {
  for (size_t piece = 1; piece < 12; ++piece)
    REQUIRE(ReadAll("a,\"b\n\"\"c\"\"\n\"\r\nd,e\n", InputFormat::kCsv, piece) ==
            std::vector<Read>{{"a,\"b\n\"\"c\"\"\n\"", 1}, {"d,e", 4}});
}

TEST_CASE("the format is guessed by the first character that is not blank") {
  const auto guess = [](const std::string& text) {
    Pieces pieces(text, 1);
    RecordReader reader(&pieces);
    const auto format = reader.GuessFormat();
    REQUIRE(format.ok());
    std::string record;
    REQUIRE(*reader.Next(&record) == !text.empty());  // nothing is lost
    return *format;
  };
  REQUIRE(guess("{\"message\":\"x\"}") == InputFormat::kNdjson);
  REQUIRE(guess("\xef\xbb\xbf \n\t{}") == InputFormat::kNdjson);
  REQUIRE(guess("[2025-06-01] started") == InputFormat::kText);
  REQUIRE(guess("") == InputFormat::kText);
}

TEST_CASE("CSV cells are unquoted and named; empty ones are left out") {
  REQUIRE(SplitCsv("a,\"b,\"\"c\"\"\",,\"\"") == std::vector<std::string>{"a", "b,\"c\"", "", ""});
  std::string json;
  AppendRecord(NameCells({"x", "y"}, SplitCsv("1,,3")), "src", &json);
  REQUIRE(json == "{\"x\":\"1\",\"column_3\":\"3\",\"source\":\"src\"}");
  json.clear();
  AppendRecord({{"source", "own"}}, "src", &json);
  REQUIRE(json == "{\"source\":\"own\"}");
}

}  // namespace
}  // namespace neurallog::cli
