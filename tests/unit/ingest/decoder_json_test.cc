#include "ingest/decoder_json.h"

#include <catch2/catch.hpp>

#include "base/time_format.h"
#include "decode_support.h"

namespace neurallog::ingest {
namespace {

using Fields = std::vector<std::string>;

DecodeResult Native(std::string_view text, bool ndjson_hint = false,
                    const DecodeLimits& limits = {}) {
  auto result = DecodeNative(BodyOf(text), ndjson_hint, limits, kArrivalNs);
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  return std::move(*result);
}

DecodeResult Lines(std::string_view text, const JsonLineParams& params = {}) {
  auto result = DecodeJsonLines(BodyOf(text), params, DecodeLimits{}, kArrivalNs);
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  return std::move(*result);
}

// The fields of a body that holds one good record.
Fields One(std::string_view text) {
  const DecodeResult result = Native(text);
  INFO(text << (result.errors.empty() ? "" : result.errors[0].reason));
  REQUIRE(result.accepted == 1);
  REQUIRE(result.rejected == 0);
  return RowsOf(result)[0].fields;
}

std::string OneError(std::string_view text, const DecodeLimits& limits = {}) {
  const DecodeResult result = Native(text, false, limits);
  CHECK(result.accepted == 0);
  REQUIRE(result.errors.size() == 1);
  return result.errors[0].reason;
}

std::vector<uint64_t> ErrorIndexes(const DecodeResult& result) {
  std::vector<uint64_t> indexes;
  for (const RecordError& error : result.errors) indexes.push_back(error.index);
  return indexes;
}

// The field n of each accepted record.
std::string Numbers(const DecodeResult& result) {
  std::string numbers;
  for (const RowText& row : RowsOf(result)) numbers.append(row.values.at("n")).push_back(' ');
  return numbers;
}

TEST_CASE("values keep their type and nested names are joined with dots") {
  CHECK(One(R"({"a":"x","b":{"c":1,"d":{"e":true}},"f":null,"g":[1,"z",{}],"h":{},"i":false})") ==
        Fields{"a=string:x", "b.c=number:1", "b.d.e=bool:true", "f=null:", "g=array:[1,\"z\",{}]",
               "h=object:{}", "i=bool:false"});
}

TEST_CASE("white space between tokens changes nothing") {
  CHECK(One(" \r\n{ \"a\" : \"x y\" ,\n\t\"b\" : { \"c\" : 1.50 } , \"d\" : [ 1 , { \"e\" : [ ] , "
            "\"f\" : \"g h\" } ] , \"i\" : { } } \n") == Fields{"a=string:x y", "b.c=number:1.50",
                                                                R"(d=array:[1,{"e":[],"f":"g h"}])",
                                                                "i=object:{}"});
}

TEST_CASE("numbers stay as they were written") {
  for (const char* number : {"0", "-0", "1.50", "1e400", "18446744073709551616",
                             "-123456789012345678901234567890.5E+10", "1E-2", "0.000"})
    CHECK(One(std::string("{\"n\":") + number + "}") == Fields{std::string("n=number:") + number});
}

TEST_CASE("numbers that JSON does not know are refused, in fields and in arrays") {
  for (const char* number : {"01", "+1", ".5", "1.", "1e", "1e+", "-", "--1", "0x10", "1_000",
                             "NaN", "Infinity", "-Infinity", "1.2.3", "1a", "00"}) {
    INFO(number);
    CHECK(OneError(std::string("{\"n\":") + number + "}") == "byte 5: expected a value");
    CHECK(OneError(std::string("{\"n\":[") + number + "]}") == "byte 6: expected a value");
  }
}

TEST_CASE("escapes are undone in names and values") {
  CHECK(One(R"({"a\"b\\":"q\"\\\/\b\f\n\r\t","\u0061\u00e9":"\u20ac\ud83d\ude00\u0041"})") ==
        Fields{"a\"b\\=string:q\"\\/\b\f\n\r\t",
               "a\xc3\xa9=string:\xe2\x82\xac\xf0\x9f\x98\x80"
               "A"});
}

TEST_CASE("an escaped and a plain spelling of a name are one name") {
  const DecodeResult result = Native("{\"ab\":1}\n{\"\\u0061b\":2}\n");
  CHECK(result.batch->names().size() == 1);
}

TEST_CASE("a lone surrogate becomes U+FFFD and an escaped NUL stays") {
  using namespace std::string_literals;
  CHECK(One(R"({"a":"x\ud800y\udc00","b":"\u0000","c":["\ud800\n"],"d":"\ud800\ud83d\ude00"})") ==
        Fields{"a=string:x\xef\xbf\xbdy\xef\xbf\xbd", "b=string:\0"s,
               "c=array:[\"\xef\xbf\xbd\\n\"]", "d=string:\xef\xbf\xbd\xf0\x9f\x98\x80"});
}

TEST_CASE("escapes that JSON does not know are refused, in names, values and arrays") {
  for (const char* escape : {R"(\x41)", R"(\u12)", R"(\u12g4)", R"(\a)", R"(\ud83d\u)", R"(\')"}) {
    INFO(escape);
    CHECK(OneError(std::string("{\"n\":\"") + escape + "\"}") == "byte 5: bad escape in a string");
    CHECK(OneError(std::string("{\"n\":[{\"a\":\"") + escape + "\"}]}") ==
          "byte 11: bad escape in a string");
    CHECK(OneError(std::string("{\"n\":[{\"") + escape + "\":1}]}") ==
          "byte 7: bad escape in a string");
    CHECK(OneError(std::string("{\"") + escape + "\":1}") == "byte 1: bad escape in a field name");
  }
}

TEST_CASE("names are told apart by every byte, however long and whatever stands behind them") {
  const std::string shared = "0123456789abcdef";
  std::string record = "{\"\":0";
  Fields expected{"=number:0"};
  for (size_t length = 1; length <= 2 * shared.size(); ++length) {
    const std::string name = (shared + shared).substr(0, length);
    for (const std::string& twin : {name, name.substr(0, length - 1) + '~'}) {
      record.append(",\"").append(twin).append(length % 2 == 0 ? "\" :1" : "\":1");
      expected.push_back(twin + "=number:1");
    }
  }
  record.append("}\n");
  // Three times: names are looked up by their place among the others from the second record on.
  const auto result = DecodeNative(BodyOf(record + record + record), false, {}, kArrivalNs);
  REQUIRE(result.ok());
  const auto rows = RowsOf(*result);
  REQUIRE(rows.size() == 3);
  for (const RowText& row : rows) CHECK(row.fields == expected);
}

TEST_CASE("values of every length come through whole") {
  std::string record = "{\"first\":1";
  Fields expected{"first=number:1"};
  for (size_t length = 0; length <= 300; ++length) {
    const std::string name = std::to_string(length);
    record.append(",\"").append(name).append("\":\"").append(length, 'v').append("\"");
    expected.push_back(name + "=string:" + std::string(length, 'v'));
  }
  for (size_t digits = 1; digits <= 20; ++digits) {
    record.append(",\"n\":").append(digits, '7');
    expected.push_back("n=number:" + std::string(digits, '7'));
  }
  CHECK(One(record + "}") == expected);
}

TEST_CASE("a name given twice is kept twice") {
  CHECK(One(R"({"a":1,"a":2})") == Fields{"a=number:1", "a=number:2"});
}

TEST_CASE("an empty object is a record without fields and an empty name is a name") {
  CHECK(One("{}") == Fields{});
  CHECK(One(R"({"":1,"a":{"":2}})") == Fields{"=number:1", "a.=number:2"});
}

TEST_CASE("_msg is stored as message") {
  CHECK(One(R"({"_msg":"x"})") == Fields{"message=string:x"});
}

TEST_CASE("the time is timestamp, else _time, else @timestamp, else the arrival") {
  const int64_t noon = *base::ParseRfc3339("2025-06-01T12:00:00Z");
  const auto time_of = [](std::string_view text) {
    return RowsOf(Native(text)).at(0).timestamp_ns;
  };
  CHECK(time_of(R"({"timestamp":"2025-06-01T12:00:00Z"})") == noon);
  CHECK(time_of(R"({"timestamp":"2025-06-01T14:00:00+02:00"})") == noon);
  CHECK(time_of(R"({"timestamp":"2025-06-01T12:00:00\u005a"})") == noon);
  CHECK(time_of(R"({"timestamp":1748779200})") == noon);
  CHECK(time_of(R"({"timestamp":1748779200000})") == noon);
  CHECK(time_of(R"({"timestamp":"1748779200000000"})") == noon);
  CHECK(time_of(R"({"timestamp":1748779200000000001})") == noon + 1);
  CHECK(time_of(R"({"_time":"2025-06-01T12:00:00Z","@timestamp":5})") == noon);
  CHECK(time_of(R"({"_time":5,"timestamp":"2025-06-01T12:00:00Z"})") == noon);
  CHECK(time_of(R"({"timestamp":null,"_time":"","@timestamp":"2025-06-01T12:00:00Z"})") == noon);
  CHECK(time_of(R"({"@timestamp":"yesterday"})") == kArrivalNs);
  CHECK(time_of(R"({"a":{"timestamp":"2025-06-01T12:00:00Z"}})") == kArrivalNs);
}

TEST_CASE("the time's field is consumed, @timestamp stays") {
  CHECK(One(R"({"timestamp":1748779200,"_time":3,"@timestamp":7,"x":1})") ==
        Fields{"@timestamp=number:7", "x=number:1"});
}

TEST_CASE("a bad timestamp rejects the record and says so") {
  CHECK(OneError(R"({"timestamp":"yesterday"})") == "bad timestamp \"yesterday\"");
  CHECK(OneError(R"({"_time":"2025-02-30T00:00:00Z"})") ==
        "bad timestamp \"2025-02-30T00:00:00Z\"");
  CHECK(OneError(R"({"timestamp":true})") == "bad timestamp \"true\"");
  CHECK(OneError(R"({"timestamp":[1]})") == "bad timestamp \"[1]\"");
}

TEST_CASE("all four shapes of a native body hold the same records") {
  for (const char* body :
       {"{\"n\":1}\n{\"n\":2}\n\n{\"n\":3}\n", "[{\"n\":1},{\"n\":2},{\"n\":3}]",
        " [\n{\"n\":1} , {\"n\":2}\n,{\"n\":3} ] \n", "{\"logs\":[{\"n\":1},{\"n\":2},{\"n\":3}]}",
        "{ \"logs\" : [ {\"n\":1},{\"n\":2},{\"n\":3} ] }\n", "{\"n\":1}{\"n\":2} {\"n\":3}",
        "\xef\xbb\xbf{\"n\":1}\r\n{\"n\":2}\r\n{\"n\":3}",
        "{\n  \"n\": 1\n}\n{\n  \"n\": 2\n}\n{\n  \"n\": 3\n}\n"}) {
    INFO(body);
    const DecodeResult result = Native(body);
    CHECK(result.rejected == 0);
    CHECK(Numbers(result) == "1 2 3 ");
  }
}

TEST_CASE("an empty array is a good body without records") {
  CHECK(Native("[]").rejected == 0);
  CHECK(Native(" [ ] ").rejected == 0);
  CHECK(Native("{\"logs\":[]}").rejected == 0);
}

TEST_CASE(
    "an object with logs and more is a record, and so is any object when lines are announced") {
  CHECK(One(R"({"logs":[1],"n":2})") == Fields{"logs=array:[1]", "n=number:2"});
  CHECK(RowsOf(Native("{\"logs\":[{}]}\n", /*ndjson_hint=*/true))[0].fields ==
        Fields{"logs=array:[{}]"});
}

TEST_CASE("a body without anything to read is an invalid argument") {
  for (const char* body :
       {"", " \n\t ", "\xef\xbb\xbf", "hello", "true", "123", "\"{}\"", "<html>"}) {
    INFO(body);
    const auto result = DecodeNative(BodyOf(body), false, DecodeLimits{}, kArrivalNs);
    CHECK(result.status().code() == Code::kInvalidArgument);
  }
}

TEST_CASE("a bad line is rejected by its index and its neighbours are kept") {
  for (const char* bad : {"{\"n\":}",
                          "{\"n\":1",
                          "{\"n\":\"x}",
                          "{\"n\":1}}",
                          "{\"n\":1},",
                          "hello",
                          "{\"n\":\"\xff\"}",
                          "{\"n\":\"\x01\"}",
                          "{\"n\":{\"a\":[1}",
                          "[1]",
                          "{\"n\" 1}",
                          "{n:1}",
                          "\"",
                          "{\"n\":\"\\\"}",
                          "{\"a\":{\"b\":",
                          "]",
                          "}",
                          "{\"timestamp\":\"x\"}",
                          "{\"n\":tru}",
                          "{\"n\":truex}",
                          "{\"n\":1}x",
                          "{\"n\":1 2}",
                          "\\\"",
                          "{\"n\":[1,]}",
                          "{\"n\":1,}",
                          "{,}"}) {
    INFO(bad);
    for (const bool hint : {true, false}) {
      const DecodeResult result =
          Native(std::string("{\"n\":1}\n{\"n\":2}\n\n") + bad + "\n{\"n\":4}\n{\"n\":5}\n", hint);
      CHECK(Numbers(result) == "1 2 4 5 ");
      CHECK(ErrorIndexes(result) == std::vector<uint64_t>{2});
    }
  }
}

TEST_CASE("a bad last line is rejected alone") {
  for (const char* bad : {"{\"n\":1", "{\"n\":\"x", "{", "\"", "{\"n\":1}}", "{\"n\":[{"}) {
    INFO(bad);
    const DecodeResult result = Native(std::string("{\"n\":1}\n{\"n\":2}\n") + bad);
    CHECK(Numbers(result) == "1 2 ");
    CHECK(ErrorIndexes(result) == std::vector<uint64_t>{2});
  }
}

TEST_CASE("a bad object over several lines is one error") {
  const DecodeResult result = Native("{\n \"n\": 1\n}\n{\n \"n\": x\n}\n{\n \"n\": 3\n}\n");
  CHECK(Numbers(result) == "1 3 ");
  CHECK(ErrorIndexes(result) == std::vector<uint64_t>{1});
  CHECK(result.errors[0].reason == "byte 8: expected a value");
}

TEST_CASE("a bad element is rejected by its index and its neighbours are kept") {
  for (const char* bad : {"{\"n\":}",
                          "{\"n\":1}}",
                          "{\"n\":1}x",
                          "hello",
                          "{\"n\":\"\xff\"}",
                          "{\"n\":\"\x01\"}",
                          "[1,{\"n\":9}]",
                          "{\"n\" 1}",
                          "",
                          "1",
                          "null",
                          "\"x\"",
                          "{\"n\":[1}",
                          "{\"timestamp\":\"x\"}",
                          "{\"n\":tru}",
                          "{n:1}",
                          "{\"n\":1 2}",
                          "{\"n\":1} {\"n\":2}",
                          "{,}",
                          "{\"a\":{\"b\":}}",
                          "[[[[]]]]",
                          "{\"n\":\"\\x\"}",
                          "\"a,]b\"",
                          "\"\n\""}) {
    INFO(bad);
    for (const bool wrapped : {true, false}) {
      std::string body = std::string("[{\"n\":1},{\"n\":2},") + bad + ",{\"n\":4},{\"n\":5}]";
      if (wrapped) body = "{\"logs\":" + body + "}";
      const DecodeResult result = Native(body);
      CHECK(Numbers(result) == "1 2 4 5 ");
      CHECK(ErrorIndexes(result) == std::vector<uint64_t>{2});
    }
  }
}

TEST_CASE("an element without an end takes the rest of the array with it") {
  const DecodeResult string = Native(R"([{"n":1},{"n":2},{"n":3},{"n":"x},{"n":5}])");
  CHECK(Numbers(string) == "1 2 3 ");
  REQUIRE(string.errors.size() == 1);
  CHECK(string.errors[0].index == 3);
  CHECK(string.errors[0].reason == "unclosed string; the rest of the array cannot be read");
  const DecodeResult bracket = Native(R"([{"n":1},{"n":[2,{"n":5}])");
  CHECK(Numbers(bracket) == "1 ");
  REQUIRE(bracket.errors.size() == 1);
  CHECK(bracket.errors[0].reason == "unclosed bracket; the rest of the array cannot be read");
  for (const char* open : {"[{\"n\":1}", "[{\"n\":1},", "[{\"n\":1} ", "{\"logs\":[{\"n\":1}"}) {
    const DecodeResult result = Native(open);
    CHECK(Numbers(result) == "1 ");
    REQUIRE(result.errors.size() == 1);
    CHECK(result.errors[0].reason == "the array is not closed");
  }
  const DecodeResult junk = Native("[{\"n\":1}] x");
  CHECK(Numbers(junk) == "1 ");
  CHECK(junk.rejected == 1);
}

TEST_CASE("a record with more leaves than allowed keeps its nested objects as JSON text") {
  DecodeLimits limits;
  limits.record_fields_max = 4;
  const DecodeResult result =
      Native(R"({"a":1,"b":{ "c":[1, 2],"d":2,"e":{"f":"\ud800"}},"g":"x","h":{}}
{"a":1,"b":{"c":1}})",
             false, limits);
  CHECK(result.rejected == 0);
  const auto rows = RowsOf(result);
  CHECK(rows[0].fields == Fields{"a=number:1",
                                 "b=object:{\"c\":[1,2],\"d\":2,\"e\":{\"f\":\"\xef\xbf\xbd\"}}",
                                 "g=string:x", "h=object:{}"});
  CHECK(rows[1].fields == Fields{"a=number:1", "b.c=number:1"});
}

TEST_CASE("what is over a limit of a record rejects it with the numbers") {
  DecodeLimits limits;
  limits.record_fields_max = 3;
  limits.record_bytes_max = 60;
  limits.field_name_bytes_max = 5;
  CHECK(OneError(R"({"a":1,"b":2,"c":3,"d":4,"e":5})", limits) ==
        "record has 5 fields, more than 3");
  CHECK(OneError(R"({"a":{"bcde":1}})", limits) == "field name has 6 bytes, more than 5");
  CHECK(Native(R"({"a":{"bcd":1}})", false, limits).accepted == 1);
  const std::string exact = "{\"a\":\"" + std::string(52, 'x') + "\"}";
  CHECK(Native(exact, false, limits).accepted == 1);
  CHECK(OneError("{\"a\":\"" + std::string(53, 'x') + "\"}", limits) ==
        "record has 61 bytes, more than 60");
  CHECK(OneError("[{\"a\":\"" + std::string(53, 'x') + "\"}]", limits) ==
        "record has 61 bytes, more than 60");
}

TEST_CASE("a record of megabytes is kept up to the limit, in lines and in arrays") {
  const DecodeLimits limits;
  const auto record = [](size_t bytes) {
    return "{\"n\":\"" + std::string(bytes - 8, 'x') + "\"}";
  };
  for (const bool array : {false, true}) {
    const std::string body = (array ? "[" : "") + record(10) + (array ? "," : "\n") +
                             record(limits.record_bytes_max) + (array ? "," : "\n") +
                             record(limits.record_bytes_max + 1) + (array ? "," : "\n") +
                             record(11) + (array ? "]" : "\n");
    const DecodeResult result = Native(body);
    CHECK(result.accepted == 3);
    CHECK(RowsOf(result)[1].values.at("n").size() == limits.record_bytes_max - 8);
    REQUIRE(ErrorIndexes(result) == std::vector<uint64_t>{2});
    CHECK(result.errors[0].reason == "record has 2097153 bytes, more than 2097152");
  }
}

TEST_CASE("bodies of many windows lose nothing, whatever the separator") {
  constexpr int kRecords = 20'000;
  for (const std::string separator : {"\n", ",", " ,\n ", "", "\r\n"}) {
    const bool array = separator.find(',') != std::string::npos;
    std::string body = array ? "[" : "";
    std::string expected;
    for (int i = 0; i < kRecords; ++i) {
      if (i > 0) body += separator;
      // Text that looks like the end of an element, and nested arrays of objects.
      body += "{\"n\":" + std::to_string(i) +
              ",\"m\":\"},{\\\"a\\\":1},{\",\"k\":[{\"a\":1},{\"b\":[{\"c\":2},{\"d\":" +
              std::to_string(i) + "}]}]}";
      expected += std::to_string(i) + " ";
    }
    if (array) body += "]";
    const DecodeResult result = Native(body);
    CHECK(result.rejected == 0);
    CHECK(Numbers(result) == expected);
  }
}

TEST_CASE("bad bytes in the middle of many windows cost only their record") {
  for (const bool array : {false, true}) {
    std::string body = array ? "[" : "";
    for (int i = 0; i < 5'000; ++i) {
      if (i > 0) body += array ? "," : "\n";
      body +=
          "{\"n\":" + std::to_string(i) + ",\"m\":\"" + (i % 1000 == 500 ? "\xff" : "ok") + "\"}";
    }
    if (array) body += "]";
    const DecodeResult result = Native(body);
    CHECK(result.accepted == 4'995);
    CHECK(ErrorIndexes(result) == std::vector<uint64_t>{500, 1500, 2500, 3500, 4500});
    CHECK(result.errors[0].reason == "invalid UTF-8");
  }
}

TEST_CASE("objects over several lines may cross windows") {
  std::string body;
  for (int i = 0; i < 3'000; ++i)
    body += "{\n  \"n\": " + std::to_string(i) + ",\n  \"m\": [\n    1,\n    {\"x\": 2}\n  ]\n}\n";
  const DecodeResult result = Native(body);
  CHECK(result.accepted == 3'000);
  CHECK(result.rejected == 0);
}

TEST_CASE("only the first errors are reported but all are counted") {
  std::string body = "[";
  for (int i = 0; i < 1'000; ++i) body += "1,";
  const DecodeResult result = Native(body + "{}]");
  CHECK(result.accepted == 1);
  CHECK(result.rejected == 1'000);
  CHECK(result.errors.size() == 100);
}

TEST_CASE("containers nest up to 256 deep") {
  const auto arrays = [](size_t n) {
    return "{\"a\":" + std::string(n, '[') + std::string(n, ']') + "}";
  };
  CHECK(Native(arrays(255)).accepted == 1);
  CHECK_THAT(OneError(arrays(256)), Catch::EndsWith("nested deeper than 256 levels"));
  const auto objects = [](size_t n) {
    std::string body;
    for (size_t i = 0; i < n; ++i) body += "{\"\":";
    return body + "1" + std::string(n, '}');
  };
  CHECK(Native(objects(256)).accepted == 1);
  CHECK_THAT(OneError(objects(257)), Catch::EndsWith("nested deeper than 256 levels"));
}

TEST_CASE("a request with too many different names loses only the records beyond") {
  DecodeLimits limits;
  limits.record_fields_max = 70'000;
  std::string many = "{";
  for (int i = 0; i < 65'534; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  many += "\"n\":1}\n";
  const DecodeResult result = Native(many + "{\"n\":2,\"new\":1}\n{\"n\":3}\n", false, limits);
  CHECK(Numbers(result) == "1 3 ");
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].reason == "too many different field names in one request");
}

TEST_CASE("hostile bodies take linear time") {
  const size_t bytes = 2u << 20;
  const auto repeated = [bytes](std::string_view head, std::string_view piece) {
    std::string body(head);
    while (body.size() < bytes) body += piece;
    return body;
  };
  for (const std::string& body : {repeated("", "["),
                                  repeated("[", "[1],"),
                                  repeated("", "{\"a\":\n"),
                                  repeated("", "{\"a\":"),
                                  repeated("{\"a\":[\n", "{\"a\":[\n"),
                                  repeated("[", "1,"),
                                  repeated("", "{}"),
                                  repeated("[", "{},"),
                                  repeated("", "x\n"),
                                  repeated("", "{x\ny\n"),
                                  repeated("", "\""),
                                  repeated("[", "\"\",{\"a\":\"\xff\"},"),
                                  repeated("", "{\"a\":\"\xff\"}\n"),
                                  repeated("[{", "\\"),
                                  repeated("[", "{\"a\":1"),
                                  repeated("{\"a\":1,\n", "\"a\":1,\n"),
                                  repeated("", "{\"a\":1}x\n"),
                                  repeated("{\"logs\":[", "{\"a\":[{},"),
                                  repeated("[", "},{\""),
                                  repeated("", "{\"\\u0061\":\"\\n\",x\n"),
                                  repeated("[", "{\"\\u0061\":\"\\n\",x},"),
                                  repeated("{\"a\":", "{\"a\":[[{},{}],"),
                                  repeated("", "{\n{\n}\n"),
                                  repeated("", "{\"timestamp\":1,\"timestamp\":{}}\n"),
                                  repeated("", " "),
                                  repeated("[", ",")}) {
    const auto started = std::chrono::steady_clock::now();
    const auto result = DecodeNative(BodyOf(body), false, DecodeLimits{}, kArrivalNs);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started;
    INFO(body.substr(0, 40) << " took " << spent.count());
    CHECK(spent.count() < 15.0);
    CHECK((!result.ok() || result->accepted + result->rejected > 0));
  }
}

TEST_CASE("jsonline: time and message fields are found by their names") {
  JsonLineParams params;
  params.time_fields = {"ts", "log.time"};
  params.msg_fields = {"log.text", "msg"};
  const DecodeResult result = Lines(R"({"ts":"2025-06-01T12:00:00Z","msg":"m","x":1}
{"log":{"time":1748779200,"text":"t"},"msg":"m"}
{"msg":"","log":{"text":""},"ts":"0"}
{"msg":"m","log":{"text":"t","time":5},"ts":1748779200}
{"x":2})",
                                    params);
  CHECK(result.rejected == 0);
  const auto rows = RowsOf(result);
  const int64_t noon = *base::ParseRfc3339("2025-06-01T12:00:00Z");
  CHECK(rows[0].fields == Fields{"x=number:1", "message=string:m"});
  CHECK(rows[0].timestamp_ns == noon);
  CHECK(rows[1].fields == Fields{"msg=string:m", "message=string:t"});
  CHECK(rows[1].timestamp_ns == noon);
  CHECK(rows[2].fields == Fields{"msg=string:", "log.text=string:"});
  CHECK(rows[2].timestamp_ns == kArrivalNs);
  CHECK(rows[3].fields == Fields{"msg=string:m", "log.time=number:5", "message=string:t"});
  CHECK(rows[3].timestamp_ns == noon);
  CHECK(rows[4].timestamp_ns == kArrivalNs);
}

TEST_CASE("jsonline: the defaults are _time and _msg, and other time names are plain fields") {
  const DecodeResult result = Lines(
      "{\"_time\":1748779200,\"_msg\":\"m\\n\",\"@timestamp\":1}\n{\"_time\":\"bad\"}\n{\"_time\":"
      "0,\"a\":1}\n");
  const auto rows = RowsOf(result);
  CHECK(rows[0].fields == Fields{"@timestamp=number:1", "message=string:m\n"});
  CHECK(rows[1].timestamp_ns == kArrivalNs);
  CHECK(ErrorIndexes(result) == std::vector<uint64_t>{1});
}

TEST_CASE("jsonline: _time is never stored as a field") {
  JsonLineParams params;
  params.time_fields = {"ts"};
  const auto rows =
      RowsOf(Lines("{\"_time\":5,\"ts\":1748779200}\n{\"_time\":1748779200}\n", params));
  CHECK(rows[0].fields.empty());
  CHECK(rows[1].timestamp_ns == rows[0].timestamp_ns);
}

TEST_CASE("jsonline: stream fields make _stream, extra fields replace, ignored fields go") {
  JsonLineParams params;
  params.stream_fields = {"pod", "app", "zone", "gone"};
  params.ignore_fields = {"secret", "debug.*", "debugger*"};
  params.extra_fields = {{"zone", "eu"}, {"x", "extra"}};
  const auto rows = RowsOf(Lines(
      R"({"app":"a\"b","pod":1,"x":"own","secret":1,"debug":{"a":1,"b":{"c":2}},"debugger":1,"debu":1,"gone":"","zone":"us"})",
      params));
  CHECK(rows[0].fields == Fields{"app=string:a\"b", "pod=number:1", "debu=number:1",
                                 "gone=string:", "zone=string:eu", "x=string:extra",
                                 R"(_stream=string:{app="a\"b",pod="1",zone="eu"})"});
}

TEST_CASE("jsonline: the stream field source needs no _stream") {
  JsonLineParams params;
  params.stream_fields = {"source"};
  CHECK(RowsOf(Lines("{\"source\":\"s\"}", params))[0].fields == Fields{"source=string:s"});
}

TEST_CASE("jsonline: a message field is also a stream field") {
  JsonLineParams params;
  params.msg_fields = {"a"};
  params.stream_fields = {"a"};
  CHECK(RowsOf(Lines("{\"a\":\"s\"}", params))[0].fields ==
        Fields{"message=string:s", "_stream=string:{a=\"s\"}"});
}

TEST_CASE("jsonline: arrays are not records") {
  auto result = DecodeJsonLines(BodyOf("[{\"a\":1}]\n{\"a\":2}\n"), JsonLineParams{},
                                DecodeLimits{}, kArrivalNs);
  REQUIRE(result.ok());
  CHECK(result->accepted == 1);
  CHECK(result->errors.at(0).reason == "not a JSON object");
}

}  // namespace
}  // namespace neurallog::ingest
