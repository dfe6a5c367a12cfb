#include "filter/nearest_name.h"

#include <catch2/catch.hpp>

namespace neurallog::filter {
namespace {

constexpr std::string_view kKnown[] = {"stats", "sort", "uniq", "unpack_json", "in", "range"};

TEST_CASE("the nearest name is at most a third of the letters away") {
  CHECK(NearestName("stat", kKnown) == "stats");
  CHECK(NearestName("SORT", kKnown) == "sort");
  CHECK(NearestName("srot", kKnown) == "sort");
  CHECK(NearestName("unpak_jsno", kKnown) == "unpack_json");
  CHECK(NearestName("rnage", kKnown) == "range");
  CHECK(NearestName("ni", kKnown) == "in");
  CHECK(NearestName("on", kKnown) == "in");
  CHECK(NearestName("banana", kKnown).empty());
  CHECK(NearestName("", kKnown).empty());
  CHECK(NearestName(std::string(65, 'a'), kKnown).empty());
}

TEST_CASE("a suggestion is the end of a message, or nothing") {
  CHECK(DidYouMean("stas", kKnown) == "; did you mean \"stats\"?");
  CHECK(DidYouMean("banana", kKnown).empty());
}

}  // namespace
}  // namespace neurallog::filter
