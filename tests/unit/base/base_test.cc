#include <catch2/catch.hpp>
#include <random>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/json_plain.h"
#include "base/json_text.h"
#include "base/time_format.h"
#include "base/time_printer.h"

namespace neurallog::base {
namespace {

TEST_CASE("varints round-trip at every width") {
  std::string bytes;
  std::vector<uint64_t> values = {0, 1, UINT64_MAX};
  for (int bit = 0; bit < 64; ++bit) {
    values.push_back((1ull << bit) - 1);
    values.push_back(1ull << bit);
  }
  for (const uint64_t value : values) AppendVarint(&bytes, value);
  ByteReader reader(bytes);
  for (const uint64_t value : values) CHECK(reader.ReadVarint() == value);
  CHECK((reader.ok() && reader.empty()));
}

TEST_CASE("reading past the end fails for good and returns nothing") {
  ByteReader reader(
      "\x05"
      "ab");
  CHECK(reader.ReadLengthPrefixed().empty());
  CHECK_FALSE(reader.ok());
  CHECK(reader.ReadLe<uint32_t>() == 0);
}

TEST_CASE("CRC-32C matches its check value, and hardware matches the tables at every length") {
  CHECK(Crc32c(0, "123456789", 9) == 0xE3069283u);
  std::mt19937 random(7);
  std::string bytes(20'000, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  for (size_t length = 0; length < 8'000; length += length < 600 ? 1 : 137) {
    const uint32_t crc = Crc32c(17, bytes.data() + 3, length);
    REQUIRE(crc == Crc32cPortable(17, bytes.data() + 3, length));
    const uint32_t first = Crc32c(0, bytes.data(), 100),
                   second = Crc32c(0, bytes.data() + 100, length);
    REQUIRE(Crc32cCombine(first, second, length) == Crc32c(0, bytes.data(), 100 + length));
  }
}

TEST_CASE("RFC 3339 times are read with their offsets and fractions") {
  CHECK(ParseRfc3339("1970-01-01T00:00:00Z") == 0);
  CHECK(ParseRfc3339("2025-06-01T00:00:00.111Z") == 1748736000111000000);
  CHECK(ParseRfc3339("2025-06-01T02:00:00.5+02:00") == 1748736000500000000);
  CHECK(ParseRfc3339("2025-05-31 22:30:00-0130") == 1748736000000000000);
  CHECK(ParseRfc3339("2024-02-29T00:00:00Z").has_value());
  CHECK(ParseRfc3339("1969-12-31T23:59:59.999999999Z") == -1);
  CHECK(ParseRfc3339("2025-06-01T00:00:00.1234567899999Z") == 1748736000123456789);
}

TEST_CASE("impossible times are refused") {
  for (const char* text :
       {"", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-06-01T24:00:00Z",
        "2025-06-01T00:60:00Z", "2025-06-01", "2025-06-01T00:00:00.Z", "2025-06-01T00:00:00X",
        "2025-06-01T00:00:00Zx", "9999-12-31T00:00:00Z", "yesterday", "2025-06-00T00:00:00Z",
        "1900-02-29T00:00:00Z", "2025-6-1T00:00:00Z"})
    CHECK_FALSE(ParseRfc3339(text).has_value());
}

TEST_CASE("times round-trip through text with the shortest fraction") {
  CHECK(FormatRfc3339(0) == "1970-01-01T00:00:00Z");
  CHECK(FormatRfc3339(1748736000111000000) == "2025-06-01T00:00:00.111Z");
  CHECK(FormatRfc3339(-1) == "1969-12-31T23:59:59.999999999Z");
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    const auto ns = static_cast<int64_t>(random());
    CHECK(ParseRfc3339(FormatRfc3339(ns)) == ns);
  }
}

TEST_CASE("epoch numbers are told apart by magnitude") {
  CHECK(ParseEpoch("1748736000") == 1748736000000000000);
  CHECK(ParseEpoch("1748736000.5") == 1748736000500000000);
  CHECK(ParseEpoch("1748736000111") == 1748736000111000000);
  CHECK(ParseEpoch("1748736000111222") == 1748736000111222000);
  CHECK(ParseEpoch("1748736000111222333") == 1748736000111222333);
  CHECK(ParseEpoch("-1") == -1000000000);
  CHECK(ParseEpoch("1.748736e+18") == 1748736000000000000);
  CHECK(ParseEpoch("1.5e9") == 1500000000000000000);
  for (const char* text : {"", "-", "1e", "e3", "1e30", "12a", "1.", ".5", "99999999999999999999"})
    CHECK_FALSE(ParseEpoch(text).has_value());
}

TEST_CASE("durations and partial times name what they say") {
  CHECK(ParseDuration("1h30m") == 5400000000000);
  CHECK(ParseDuration("250ms") == 250000000);
  CHECK(ParseDuration("1.5h") == 5400000000000);
  for (const char* text : {"", "5", "m", "5x", "-"}) CHECK_FALSE(ParseDuration(text).has_value());
  const auto day = ParsePartialTime("2025-06-01");
  REQUIRE(day.has_value());
  CHECK(day->start_ns == 1748736000000000000);
  CHECK(day->end_ns - day->start_ns == 86400000000000);
  const auto month = ParsePartialTime("2024-02");
  REQUIRE(month.has_value());
  CHECK(month->end_ns - month->start_ns == 29 * 86400000000000);
  CHECK_FALSE(ParsePartialTime("2025-06-31").has_value());
}

TEST_CASE("JSON strings are always valid JSON") {
  const auto json = [](std::string_view text) {
    std::string out;
    AppendJsonString(&out, text);
    return out;
  };
  CHECK(json("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\n\\u0001\"");
  CHECK(json("\xE6\x95\xB0") == "\"\xE6\x95\xB0\"");
  CHECK(json("\xFFz\xC0\x80") == "\"\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\"");
  CHECK(json("\xED\xA0\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("the plain front of a text ends at the first byte that JSON strings escape") {
  for (size_t size = 0; size <= 70; ++size) {
    const std::string plain(size, '\x7f');
    CHECK(CountPlainJson(plain) == size);
    for (size_t at = 0; at < size; ++at) {
      for (const char special : {'"', '\\', '\0', '\x1f', '\x80', '\xff'}) {
        std::string text = plain;
        text[at] = special;
        text[size - 1] = special;
        CHECK(CountPlainJson(text) == at);
      }
    }
  }
}

TEST_CASE("base64 gives back what it took, and nothing for what is not base64") {
  CHECK(Base64("") == "");
  CHECK(Base64("f") == "Zg==");
  CHECK(Base64("fo") == "Zm8=");
  CHECK(Base64("foo\xff\xfe") == "Zm9v//4=");
  for (size_t bytes = 0; bytes < 100; ++bytes) {
    std::string text(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 37 + bytes);
    CHECK(DecodeBase64(Base64(text)) == text);
  }
  for (const std::string_view bad : {"Z", "Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zm9-", "Zm 9"})
    CHECK(DecodeBase64(bad) == std::nullopt);
}

TEST_CASE("a printer of times prints each as if it were alone") {
  Rfc3339Printer printer;
  for (const int64_t ns :
       {int64_t{0}, int64_t{999'999'999}, int64_t{1'000'000'000}, int64_t{1'000'000'001},
        int64_t{-1}, int64_t{-1'000'000'000}, int64_t{1'748'736'000'110'000'000},
        int64_t{1'748'736'000'111'100'000}, int64_t{1'748'735'999'500'000'000},
        int64_t{-9'223'372'035'000'000'001}, INT64_MAX}) {
    char text[Rfc3339Printer::kBytesMax];
    const std::string_view printed(text, static_cast<size_t>(printer.Put(text, ns) - text));
    CHECK(printed == FormatRfc3339(ns));
    CHECK(ParseRfc3339(printed) == ns);
  }
}

}  // namespace
}  // namespace neurallog::base
