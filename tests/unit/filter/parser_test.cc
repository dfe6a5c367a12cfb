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
  CHECK(Parse("\"a\":b a\"b\":c") == "a:b \"a\\\"b\\\"\":c");
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
  CHECK(Parse("f:contains_all(a, \"b c\")") == "f:contains_all(a, \"b c\")");
  CHECK(Parse("{source=\"x\",a=~\"re\" or b!=y, c in (\"a\",b), d not_in (e), f!~g}") ==
        "{source=x, a=~\"re\" or b!=y, c in (a, b), d not_in (e), f!~g}");
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
  CHECK(Parse("_time:>2025-06-01") == "_time:>=2025-06-01T00:00:00.000000001Z");
  CHECK(Parse("_time:<=2025-06-01") == "_time:<2025-06-02T00:00:00Z");
  CHECK(Parse("_time:2025-02-07:00") == "_time:[2025-02-01T07:00:00Z, 2025-03-01T07:00:00Z)");
  CHECK(Parse("_time:>5m") == "_time:<now-300000000000ns");
  CHECK(Parse("_time:>=5m") == "_time:<now-299999999999ns");
  CHECK(Parse("_time:<5m") == "_time:[now-299999999999ns, now+1ns)");
  CHECK(Parse("_time:<=1.5\xc2\xb5s") == "_time:[now-1500ns, now+1ns)");
  CHECK(Parse("_time:offset 1h") == "_time:<now-3599999999999ns");
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
  CHECK(Parse("foo*bar") ==
        "1:5: expected white space behind '*'; use ~\"regexp\" to match in the middle of a word");
  CHECK(Parse("*foo") == "1:5: expected '*' behind '*foo'; *text* finds a text inside of words");
  CHECK(Parse("f:ipv4_ragne(a)") ==
        "1:3: unknown filter \"ipv4_ragne\"; did you mean \"ipv4_range\"?; put white space or "
        "quotes around it to "
        "search for the word");
  CHECK(Parse("f:nonsense(a)") ==
        "1:3: unknown filter \"nonsense\"; put white space or quotes around it to search for the "
        "word");
  CHECK(Parse("{a~b}") ==
        "1:3: expected '=', '!=', '=~', '!~', 'in' or 'not_in' behind label a, found '~'");
}

TEST_CASE("a value goes on until white space or what ends it in its place") {
  CHECK(Parse("key=value&x<1") == "\"key=value&x<1\"");
  CHECK(Parse("http://a.b/c?d=1") == "http:\"//a.b/c?d=1\"");
  CHECK(Parse("f:(a b):c").substr(0, 22) == "1:8: expected a filter");
  CHECK(Parse("url:http://a.b/c?d=1") == "url:\"http://a.b/c?d=1\"");
  CHECK(Parse("host:10.0.0.1:80 x") == "host:\"10.0.0.1:80\" x");
  CHECK(Parse("f:(a:b or c=d*)") == "f:\"a:b\" or f:\"c=d\"*");
  CHECK(Parse("f:=a[1]:b* f:~a.*b$ f:>=-1.5e3") == "f:=\"a[1]:b\"* f:~\"a.*b$\" f:>=\"-1.5e3\"");
  CHECK(Parse("f:in(a=b,-5,*) f:in(*) f:contains_any(*)") ==
        "1:13: expected a value or ')', found '*'");
  CHECK(Parse("f:in(a=b,-5,<x>) f:in(*) f:contains_any(*)") ==
        "f:in(\"a=b\", \"-5\", \"<x>\") * *");
}

TEST_CASE("functions may have white space before their parentheses, words need it") {
  CHECK(Parse("f:in (a, b) i (c)") == "f:in(a, b) i(c)");
  CHECK(Parse("a in(b)") == "a in(b)");
  CHECK(Parse("x (b or c)") == "x (b or c)");
  CHECK(Parse("seq range in") == "\"seq\" \"range\" \"in\"");
}

TEST_CASE("filters of LogsQL have one spelling each") {
  CHECK(Parse("*amp* f:*\"a b\"*") == "*amp* f:*\"a b\"*");
  CHECK(Parse("seq(error, \"\", \"open file\") seq()") == "seq(error, \"open file\") *");
  CHECK(Parse("ip:ipv4_range(10.1.2.3/8) ip:ipv4_range(1.2.3.4) ip:ipv4_range(1.1.1.1,2.2.2.2)") ==
        "ip:ipv4_range(10.0.0.0, 10.255.255.255) ip:ipv4_range(1.2.3.4, 1.2.3.4) "
        "ip:ipv4_range(1.1.1.1, 2.2.2.2)");
  CHECK(Parse("ip:ipv6_range(\"FE80::1/9\")") ==
        "ip:ipv6_range(\"fe80::\", \"feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\")");
  CHECK(Parse("a:eq_field(b) a:le_field(_msg) lt_field(\"c d\")") ==
        "a:eq_field(b) a:le_field(message) lt_field(\"c d\")");
  CHECK(Parse("a:value_type(UINT8)") == "a:value_type(uint8)");
  CHECK(Parse("pattern_match('<N> x') f:pattern_match_full(<W>)") ==
        "pattern_match(\"<N> x\") f:pattern_match_full(\"<W>\")");
  CHECK(Parse("f:len_range(0x1f, 1_000) f:>1_000 f:range[0b11, 1_0KiB]") ==
        "f:len_range(31, 1000) f:>1000 f:range[3, 10KiB]");
  CHECK(Parse("_time:day_range(8:00, 18:00] offset 2h") ==
        "_time:day_range(08:00, 18:00] offset 7200000000000ns");
  CHECK(Parse("_time:week_range[monday, FRI) offset -1h") ==
        "_time:week_range[Mon, Fri) offset -3600000000000ns");
  CHECK(Parse("_stream_id:abc _stream_id:in(a, b)") == "_stream_id:abc _stream_id:in(a, b)");
  CHECK(Parse("not not a !!!b") == "a !b");
}

TEST_CASE("what an argument must be is said where it stands") {
  CHECK(Parse("f:ipv4_range(1.2.3)") == "1:14: expected an IPv4 address, found '1.2.3'");
  CHECK(Parse("f:ipv4_range(1.2.3.4/33)") == "1:14: expected an IPv4 address, found '1.2.3.4/33'");
  CHECK(Parse("f:ipv6_range(a, b, c)") ==
        "1:13: expected one IPv6 address or network, or two addresses, found 3 arguments");
  CHECK(Parse("f:len_range(1)") == "1:12: expected two bounds, found 1 arguments");
  CHECK(Parse("f:len_range(1, x)") == "1:16: expected a length or inf, found 'x'");
  CHECK(
      Parse("f:value_type(dict)") ==
      "1:14: unknown type \"dict\"; the types of values are string, uint8, uint16, uint32, uint64, "
      "int64, float64, ipv4, iso8601");
  CHECK(Parse("_time:day_range[8, 9]") == "1:17: expected a time of day such as 08:30, found '8'");
  CHECK(Parse("_time:week_range[Mon, Foo]") ==
        "1:23: expected a day such as Mon or Monday, found 'Foo'");
  CHECK(Parse("f:eq_field(_time)") == "1:12: _time cannot be compared with another field");
  CHECK(Parse("f:in(x | fields y)") ==
        "1:5: expected a list of values; there can be no query inside of this filter");
  CHECK(Parse("level:{a=b}") ==
        "1:7: expected a value for field level; a selector {...} stands alone or behind _stream:");
}

TEST_CASE("filters that mean the same have the same key") {
  const auto key = [](std::string_view text) { return ToKey(**ParseFilter(text)); };
  CHECK(key("b a b") == key("a b"));
  CHECK(key("(a or b) c") == key("c (b or a or b)"));
  CHECK(key("f:in(b, a, a)") == key("f:in(a, b)"));
  CHECK(key("f:>10KiB") == key("f:>10240"));
  CHECK(key("f:range(1ms, 2ms]") == key("f:range(1000000, 2000000]"));
  CHECK(key("a a") == "a");
  CHECK(key("seq(b, a)") != key("seq(a, b)"));
  CHECK(key("f:>abc") == "f:>abc");
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
