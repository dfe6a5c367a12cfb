#include "config/option_value.h"

#include <catch2/catch.hpp>

namespace neurallog::config {
namespace {

using namespace std::chrono_literals;

TEST_CASE("sizes are read in powers of 1024 and of 1000") {
  CHECK(ParseBytes("0") == 0);
  CHECK(ParseBytes("4096") == 4096);
  CHECK(ParseBytes("7B") == 7);
  CHECK(ParseBytes("16KiB") == 16 * 1024);
  CHECK(ParseBytes("64 MiB") == 64 * kMiB);
  CHECK(ParseBytes("1gib") == kGiB);
  CHECK(ParseBytes("2TiB") == 2048 * kGiB);
  CHECK(ParseBytes("3KB") == 3'000);
  CHECK(ParseBytes("3MB") == 3'000'000);
  CHECK(ParseBytes("3GB") == 3'000'000'000);
  CHECK(ParseBytes("18446744073709551615") == UINT64_MAX);
  CHECK(ParseBytes("16777215TiB") == (UINT64_MAX >> 40) * 1024 * kGiB);
}

TEST_CASE("text that is not a size gives nothing") {
  for (const char* text : {"", "abc", "MiB", "-1", "+1", "1.5GiB", "1M", "1K", "1 MiB ", "1  MiB",
                           " 1", "0x10", "1KiBs", "18446744073709551616", "16777216TiB"})
    CHECK_FALSE(ParseBytes(text));
}

TEST_CASE("sizes are written so that they read back") {
  for (const uint64_t bytes : {0ull, 1ull, 1023ull, 1024ull, 1025ull, 64ull << 20,
                               (64ull << 20) + 1, 5ull << 30, 3ull << 40, 1ull << 62})
    CHECK(ParseBytes(FormatBytes(bytes)) == bytes);
  CHECK(FormatBytes(64 * kMiB) == "64MiB");
  CHECK(FormatBytes(1536) == "1536");
  CHECK(FormatBytes(2048 * kGiB) == "2TiB");
}

TEST_CASE("durations are read and written with units") {
  CHECK(ParseDurationText("0") == 0ns);
  CHECK(ParseDurationText("250us") == 250us);
  CHECK(ParseDurationText("10ms") == 10ms);
  CHECK(ParseDurationText("1h30m") == 90min);
  CHECK(ParseDurationText("7d") == 7 * kDay);
  for (const char* text : {"", "10", "s", "ten", "10x", "1 s"})
    CHECK_FALSE(ParseDurationText(text));
  for (const Duration duration : {Duration(0), Duration(1), Duration(1us), Duration(1500us),
                                  Duration(75s), Duration(60s), Duration(36h), 30 * kDay})
    CHECK(ParseDurationText(FormatDuration(duration)) == duration);
  CHECK(FormatDuration(75s) == "75s");
  CHECK(FormatDuration(10min) == "10m");
  CHECK(FormatDuration(30 * kDay) == "30d");
}

TEST_CASE("whole numbers and truth values are read strictly") {
  CHECK(ParseInt("-5") == -5);
  CHECK(ParseInt("9223372036854775807") == INT64_MAX);
  for (const char* text : {"", "1.0", "1e3", "9223372036854775808", "1 ", " 1", "0x1"})
    CHECK_FALSE(ParseInt(text));
  CHECK(ParseBool("true") == true);
  CHECK(ParseBool("false") == false);
  for (const char* text : {"", "True", "yes", "on", "1"}) CHECK_FALSE(ParseBool(text));
}

}  // namespace
}  // namespace neurallog::config
