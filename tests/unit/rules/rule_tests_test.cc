// Tests that rules carry with them, and those of the examples in config/rules.
#include "rules/rule_tests.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace neurallog;
using namespace neurallog::rules;

TEST_CASE("every example passes the tests inside it") {
  size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(NL_SOURCE_DIR) + "/config/rules")) {
    INFO(entry.path());
    std::ifstream file(entry.path());
    const RuleTests tests = RunRuleTests(std::string(std::istreambuf_iterator<char>(file), {}), {});
    for (const Problem& problem : tests.problems) FAIL_CHECK(ToString(problem));
    CHECK_FALSE(tests.results.empty());
    for (const RuleTestResult& result : tests.results) {
      INFO(result.rule << ": " << result.name);
      CHECK(result.fired == result.expected);
    }
    ++files;
  }
  CHECK(files == 10);
}

TEST_CASE("a test that fails says what was expected, and a broken one what is wrong") {
  const std::string rule = "name: r\ndetection: {s: {a: 1}, condition: s}\n";
  const RuleTests failed = RunRuleTests(
      rule + "tests: [{name: t, events: [{a: 1}, {a: 2}], expect: {matches: 2}}]\n", {});
  REQUIRE(failed.results.size() == 1);
  CHECK(failed.results[0].fired == 1);
  CHECK_FALSE(failed.results[0].passed());
  const auto problem = [&](const std::string& tests) {
    const RuleTests broken = RunRuleTests(rule + "tests: " + tests + "\n", {});
    return broken.problems.empty() ? "" : ToString(broken.problems[0]);
  };
  CHECK(problem("5") == "3:8: tests: expected a list");
  CHECK(problem("[{events: [{a: {}}], expect: {matches: 0}}]") == "3:23: a: expected a value");
  CHECK(problem("[{events: [{_time: soon}], expect: {matches: 0}}]") ==
        "3:27: _time: \"soon\" is no time");
  CHECK(problem("[{events: []}]") == "3:9: expect: is missing");
}
