#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <string>

#include "filter/lexer.h"
#include "filter/substring.h"

namespace neurallog::filter {
namespace {

size_t FindPlainly(const std::string& text, const std::string& needle, bool ignore_case) {
  for (size_t at = 0; at + needle.size() <= text.size(); ++at) {
    const std::string_view part = std::string_view(text).substr(at, needle.size());
    if (ignore_case ? EqualsIgnoreCase(part, needle) : part == needle) return at;
  }
  return text.size();
}

TEST_CASE(
    "every way to search finds the first occurrence, at every length around the vector sizes") {
  std::mt19937 random(7);
  const auto letter = [&] { return "abAB-"[random() % 5]; };
  for (int round = 0; round < 40'000; ++round) {
    std::string text(random() % 140, ' ');
    std::string needle(1 + random() % 9, ' ');
    for (char& c : text) c = letter();
    for (char& c : needle) c = letter();
    const bool ignore_case = round % 2 == 0;
    // A heap block of the exact size, so that a sanitizer sees reads past its end.
    const std::unique_ptr<char[]> exact(new char[text.size()]);
    std::copy(text.begin(), text.end(), exact.get());
    const char* const begin = exact.get();
    const char* const end = begin + text.size();
    const Finder finder(needle, ignore_case);
    const size_t expected = FindPlainly(text, needle, ignore_case);
    CAPTURE(text, needle, ignore_case);
    REQUIRE(static_cast<size_t>(Finder::FindScalar(finder, begin, end) - begin) == expected);
    REQUIRE(static_cast<size_t>(Finder::FindSse2(finder, begin, end) - begin) == expected);
    REQUIRE(static_cast<size_t>(Finder::FindAvx2(finder, begin, end) - begin) == expected);
    REQUIRE(static_cast<size_t>(finder.Find(begin, end) - begin) == expected);
  }
}

}  // namespace
}  // namespace neurallog::filter
