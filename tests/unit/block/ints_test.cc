#include "block/ints.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "support/seed.h"

namespace neurallog::block {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

size_t RoundTrip(const std::vector<int64_t>& values) {
  IntsEncoder encoder;
  encoder.Plan(values);
  std::string bytes;
  encoder.Append(&bytes);
  base::ByteReader reader(bytes);
  std::vector<int64_t> read(values.size());
  const Status status = DecodeInts(&reader, read);
  INFO(status.ToString());
  REQUIRE(status.ok());
  REQUIRE(read == values);
  REQUIRE(reader.empty());

  for (size_t cut = 0; cut < std::min<size_t>(bytes.size(), 200); ++cut) {
    base::ByteReader torn(std::string_view(bytes).substr(0, cut));
    REQUIRE(DecodeInts(&torn, read).code() == Code::kCorruption);
  }
  return bytes.size();
}

}  // namespace

TEST_CASE("integers at the ends of int64 come back") {
  RoundTrip({});
  RoundTrip({0});
  RoundTrip({kLeast});
  RoundTrip({kGreatest, kLeast});
  RoundTrip({kLeast, kGreatest, 0, -1, 1, kGreatest, kLeast});
  RoundTrip(std::vector<int64_t>(3000, kGreatest));
}

TEST_CASE("random integers of every magnitude and step come back") {
  const uint64_t seed = testing::RandomSeed();
  INFO("seed " << seed);
  std::mt19937_64 rng(seed);
  for (int width = 1; width <= 64; ++width) {
    for (const size_t count : {1, 2, 3, 5, 1023, 1024, 1025, 2500}) {
      std::vector<int64_t> values(count);
      for (int64_t& value : values) value = static_cast<int64_t>(rng()) >> (64 - width);
      RoundTrip(values);
      std::sort(values.begin(), values.end());
      RoundTrip(values);
    }
  }
  for (const int64_t step : {2, 3, 7, 1000, 1'000'000, 1 << 20, 999'999'937}) {
    std::vector<int64_t> values(2000);
    for (int64_t& value : values) value = 12345 + step * static_cast<int64_t>(rng() % 5000);
    REQUIRE(RoundTrip(values) < 2000 * 13 / 8 + 40);
  }
}

TEST_CASE("a steady sequence costs nothing per value and an outlier widens one frame only") {
  std::vector<int64_t> values(8192);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1'000'000 + static_cast<int64_t>(i) * 3;
  REQUIRE(RoundTrip(values) < 60);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i * 7919 % 100);
  values[5000] = int64_t{1} << 40;
  REQUIRE(RoundTrip(values) < 8192 * 7 / 8 + 1024 * 34 / 8 + 60);
}

TEST_CASE("only texts that printing gives back are canonical integers") {
  int64_t value = 0;
  for (const char* text :
       {"0", "7", "-1", "10", "-10", "999999999999999999", "-999999999999999999"}) {
    INFO(text);
    REQUIRE(ParseCanonicalInt(text, &value));
    REQUIRE(std::to_string(value) == text);
  }
  for (const char* text : {"", "-", "-0", "00", "01", "-01", "+1", " 1", "1 ", "1.", "1e1", "a",
                           "1/", "1:", "1000000000000000000", "--1"}) {
    INFO(text);
    REQUIRE_FALSE(ParseCanonicalInt(text, &value));
  }
}

TEST_CASE("an unknown packing or width is corruption") {
  std::vector<int64_t> read(3);
  std::string bytes(40, '\0');
  bytes[0] = 2;
  base::ByteReader mode(bytes);
  REQUIRE(DecodeInts(&mode, read).code() == Code::kCorruption);
  bytes[0] = 0;
  bytes[11] = 65;  // mode, min, divisor, low, width
  base::ByteReader width(bytes);
  REQUIRE(DecodeInts(&width, read).code() == Code::kCorruption);
}

}  // namespace neurallog::block
