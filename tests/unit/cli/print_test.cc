#include <catch2/catch.hpp>

#include <memory>
#include <string>

#include "cli/caret.h"
#include "cli/row.h"
#include "cli/row_printer.h"

namespace neurallog::cli {
namespace {

using MakePrinter = std::unique_ptr<RowPrinter> (*)(std::FILE*);

// What the printer makes of the text, given in pieces of `piece` bytes.
std::string Printed(MakePrinter make, std::string_view text, size_t piece = 7) {
  char* bytes = nullptr;
  size_t count = 0;
  std::FILE* const out = open_memstream(&bytes, &count);
  const auto printer = make(out);
  for (size_t at = 0; at < text.size(); at += piece) REQUIRE(printer->Take(text.substr(at, piece)));
  REQUIRE(printer->Finish());
  std::fclose(out);
  const std::string printed(bytes, count);
  std::free(bytes);
  return printed;
}

std::unique_ptr<RowPrinter> PlainTable(std::FILE* out) { return MakeTablePrinter(out, false); }
std::unique_ptr<RowPrinter> PlainLines(std::FILE* out) { return MakeLinePrinter(out, false); }
std::unique_ptr<RowPrinter> ColourLines(std::FILE* out) { return MakeLinePrinter(out, true); }

TEST_CASE("JSON passes as it is, in pieces of any size") {
  const std::string text = "{\"a\":1}\n{\"b\":\"x\"}\n";
  for (const size_t piece : {1u, 2u, 9u, 100u})
    REQUIRE(Printed(MakeJsonPrinter, text, piece) == text);
}

TEST_CASE("CSV has a line of names, quotes what needs it, and an empty cell for what is missing") {
  REQUIRE(
      Printed(MakeCsvPrinter, "{\"a\":\"1,2\",\"m\":{\"n\":\"say \\\"x\\\"\"}}\n{\"b\":null}\n") ==
      "a,m.n,b\r\n\"1,2\",\"say \"\"x\"\"\",\r\n,,null\r\n");
  REQUIRE(Printed(MakeCsvPrinter, "").empty());
}

TEST_CASE("a table aligns columns, and numbers to the right") {
  REQUIRE(Printed(PlainTable, "{\"level\":\"error\",\"n\":7}\n{\"level\":\"i\",\"n\":100}\n") ==
          "level    n\n"
          "error    7\n"
          "i      100\n");
}

TEST_CASE("cells are as wide as their characters, not as their bytes") {
  REQUIRE(Printed(PlainTable, "{\"a\":\"\xc3\xa4\xc3\xb6\",\"b\":1}\n{\"a\":\"xyz\",\"b\":2}\n") ==
          "a    b\n"
          "\xc3\xa4\xc3\xb6   1\n"
          "xyz  2\n");
}

TEST_CASE("records are lines, and other rows a table") {
  REQUIRE(Printed(PlainLines,
                  "{\"timestamp\":\"T\",\"level\":\"warn\",\"message\":\"m\",\"source\":\"s\","
                  "\"metadata\":{\"k\":[1,{\"x\":2}]}}\n") == "T warn  s m metadata.k=[1,x=2]\n");
  REQUIRE(Printed(PlainLines, "{\"n\":1}\n") == "n\n1\n");
  REQUIRE(Printed(ColourLines, "{\"timestamp\":\"T\",\"level\":\"error\",\"message\":\"m\"}\n") ==
          "\033[2mT\033[0m \033[31merror\033[0m m\n");
}

TEST_CASE("rows behind the first thousand use the columns that there are") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "{\"a\":1}\n";
  const std::string printed = Printed(MakeCsvPrinter, text + "{\"late\":2}\n", 4096);
  REQUIRE(printed.starts_with("a\r\n1\r\n"));
  REQUIRE(printed.ends_with("1\r\n\r\n"));
}

TEST_CASE("control characters of a log are written out") {
  REQUIRE(Harmless("a\tb\x1b[2J\r\x7f") == "a\\tb\\x1b[2J\\x0d\\x7f");
  REQUIRE(Harmless("\xc2\x9bm \xc2\xa0 \xc3\xa4") == "\\x9bm \xc2\xa0 \xc3\xa4");
  REQUIRE(Printed(PlainTable, "{\"a\\u001b\":\"x\\ny\"}\n") == "a\\x1b\nx\\ny\n");
}

TEST_CASE("an output that is full is an error, one whose reader has gone is not") {
  std::FILE* const full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  const auto printer = MakeJsonPrinter(full);
  REQUIRE((!printer->Take("{}\n") || !printer->Finish()));
  REQUIRE(printer->status().code() == Code::kIoError);
  std::fclose(full);
}

TEST_CASE("a caret stands below the place that a message names") {
  REQUIRE(CaretAt("level:in(", "1:10: expected a value") == "  level:in(\n           ^\n");
  REQUIRE(CaretAt("a\n\t\xc3\xa4 | b", "2:5: unknown pipe") == "  \t\xc3\xa4 | b\n  \t   ^\n");
  REQUIRE(CaretAt("x", "the server is away").empty());
  REQUIRE(CaretAt("x", "12: no column").empty());
}

}  // namespace
}  // namespace neurallog::cli
