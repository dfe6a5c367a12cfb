#include <catch2/catch.hpp>

#include "filter/parser.h"

namespace neurallog::filter {
namespace {

// The printed form of what was parsed, or the error's message.
std::string Parse(std::string_view text) {
  const auto filter = ParseFilter(text);
  return filter.ok() ? ToText(**filter) : std::string(filter.status().message());
}

TEST_CASE("words that stand beside each other are a conjunction that binds closer than or") {
  CHECK(Parse("a b") == "a b");
  CHECK(Parse("a AND b and c") == "a b c");
  CHECK(Parse("a b or c") == "(a b) or c");
  CHECK(Parse("a (b or c)") == "a (b or c)");
  CHECK(Parse("(a b) c") == "a b c");
  CHECK(Parse("a or (b OR c)") == "a or b or c");
}

TEST_CASE("negations are written in four ways") {
  CHECK(Parse("not a") == "!a");
  CHECK(Parse("-a") == "!a");
  CHECK(Parse("!a !(b c)") == "!a !(b c)");
  CHECK(Parse("level:-error level:!=info") == "!level:error !level:=info");
  CHECK(Parse("-level:in(debug,info)") == "!level:in(debug, info)");
}

TEST_CASE("names and words may hold dots, dashes, slashes and signs") {
  CHECK(Parse("metadata.trace_id:=\"x\"") == "metadata.trace_id:=x");
  CHECK(Parse("eu-west-1") == "\"eu-west-1\"");
  CHECK(Parse("user@host /a/b $x") == "user@host /a/b \"$x\"");
  CHECK(Parse("\"my field\":'v w'") == "\"my field\":\"v w\"");
  CHECK(Parse("k8s-app:a:b") ==
        "1:10: expected a filter, found ':' behind a value; put values that hold ':' into quotes");
}

TEST_CASE("quoted texts know the escapes of Go") {
  CHECK(Parse(R"("a\tb\x41\101\u00e4\"")") == "\"a\\tbAA\xc3\xa4\\\"\"");
  CHECK(Parse(R"(`a\tb`)") == R"("a\\tb")");
  CHECK(Parse("'it is \"quoted\"'") == R"("it is \"quoted\"")");
  CHECK(Parse("\"a") == "1:1: expected a closing \"");
  CHECK(Parse("x \"\\q\"") == "1:3: unknown escape in a quoted text; write \\\\ for a backslash");
}

TEST_CASE("every construct has its printed form") {
  CHECK(Parse("*") == "*");
  CHECK(Parse("abc* \"abc d\"*") == "abc* \"abc d\"*");
  CHECK(Parse("f:* f:\"\"") == "f:* f:\"\"");
  CHECK(Parse("f:=\"pfx\"* ='all of it'") == "f:=pfx* =\"all of it\"");
  CHECK(Parse("f:>10 f:>= -5 f:<1.5 f:<=10KiB") == "f:>10 f:>=\"-5\" f:<1.5 f:<=10KiB");
  CHECK(Parse("f:range(1, 5] f:range[a,b)") == "f:range(1, 5] f:range[a, b)");
  CHECK(Parse("f:~\"a.*b\" ~'c|d'") == "f:~\"a.*b\" ~\"c|d\"");
  CHECK(Parse("i(Word) f:i(\"a b\"*) f:i(*)") == "i(Word) f:i(\"a b\"*) f:*");
  CHECK(Parse("f:(a or b -c)") == "f:a or (f:b !f:c)");
  CHECK(Parse("f:contains_all(a, \"b c\")") == "f:a f:\"b c\"");
  CHECK(Parse("{source=\"x\",a=~\"re\" or b!=y, c in (\"a\",b), d not_in (e), f!~g}") ==
        "{source=x, a=~re or b!=y, c in (a, b), d not_in (e), f!~g}");
  CHECK(Parse("_msg:x message:y") == "x y");
  CHECK(Parse("# a comment\nerror # another") == "error");
}

TEST_CASE("times become half-open ranges") {
  CHECK(Parse("_time:[2025-06-01T04:00:00.000Z, 2025-06-01T06:00:00Z)") ==
        "_time:[2025-06-01T04:00:00Z, 2025-06-01T06:00:00Z)");
  CHECK(Parse("_time:2025-06-01") == "_time:[2025-06-01T00:00:00Z, 2025-06-02T00:00:00Z)");
  CHECK(Parse("_time:[2025-06-01, 2025-06-02]") ==
        "_time:[2025-06-01T00:00:00Z, 2025-06-03T00:00:00Z)");
  CHECK(Parse("_time:>=2025-06-01T00:00:00+02:00") == "_time:>=2025-05-31T22:00:00Z");
  CHECK(Parse("_time:>2025-06-01") == "_time:>=2025-06-02T00:00:00Z");
  CHECK(Parse("_time:1s") == "_time:[now-999999999ns, now+1ns)");
  CHECK(Parse("_time:1s offset 1s") == "_time:[now-1999999999ns, now-999999999ns)");
  CHECK(Parse("timestamp:<now-1m error") == "_time:<now-60000000000ns error");
  CHECK(Parse("_time:365d") == "_time:[now-31535999999999999ns, now+1ns)");
  CHECK(Parse("_time:[now-31535999999999999ns, now+1ns)") ==
        "_time:[now-31535999999999999ns, now+1ns)");
  CHECK(Parse("_time:<2262-04-11T23:47:16.854775807Z") == "_time:<9223372036854775807");
  CHECK(Parse("_time:<9223372036854775807") == "_time:<9223372036854775807");
  CHECK(Parse("_time:soon") ==
        "1:7: expected a time such as 2025-06-01T12:30:00Z, now-5m or 5m, found 'soon'");
}

TEST_CASE("errors name the place and what was expected") {
  CHECK(Parse("") == "1:1: expected a filter, found the end of the query");
  CHECK(Parse("level:") == "1:7: expected a value for field level, found the end of the query");
  CHECK(Parse("(a b") == "1:5: expected ')', found the end of the query");
  CHECK(Parse("a b)") == "1:4: expected the end of the filter, found ')'");
  CHECK(Parse("a or") == "1:5: expected a filter, found the end of the query");
  CHECK(Parse("\xc3\xa4 or )") == "1:6: expected a filter, found ')'");
  CHECK(Parse("a\n  f:in(x y)") == "2:10: expected ',' or ')', found 'y'");
  CHECK(Parse("*foo*") ==
        "1:2: expected white space behind '*'; use ~\"regexp\" to match in the middle of a word");
  CHECK(Parse("f:seq(a,b)") == "1:3: filter \"seq\" is not supported yet");
  CHECK(Parse("f:nonsense(a)") ==
        "1:3: unknown filter \"nonsense\"; put white space or quotes around it to search for the "
        "word");
  CHECK(Parse("{a~b}") ==
        "1:3: expected '=', '!=', '=~', '!~', 'in' or 'not_in' behind label a, found '~'");
}

TEST_CASE("depth and length of a query are bounded") {
  CHECK(ParseFilter(std::string(100, '(') + "a" + std::string(100, ')')).ok());
  CHECK(Parse(std::string(101, '(') + "a" + std::string(101, ')')) ==
        "1:101: parentheses and negations are nested more than 100 deep");
  CHECK(ParseFilter(std::string(100, '!') + "a").ok());
  CHECK_FALSE(ParseFilter(std::string(101, '!') + "a").ok());
  CHECK(ParseFilter(std::string(kQueryBytesMax, 'a')).ok());
  CHECK(Parse(std::string(kQueryBytesMax + 1, 'a')) == "query is 65537 bytes long, at most 65536");
}

}  // namespace
}  // namespace neurallog::filter
