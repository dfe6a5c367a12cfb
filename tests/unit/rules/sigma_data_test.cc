// SigmaHQ's own rules. Needs /work/shared/data; passes without a check where that is absent.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "rules/rule_parser.h"
#include "support/sigma_data.h"

using namespace neurallog;
using namespace neurallog::rules;

TEST_CASE("of SigmaHQ's active rules all parse but those whose lists are missing") {
  const auto& files = testing::SigmaRules();
  if (files.empty()) return;
  std::map<Parsed::State, size_t> states;
  Lists lists;
  for (const auto& [path, text] : files) {
    for (const Parsed& parsed : ParseRules(text, {})) {
      ++states[parsed.state()];
      for (const std::string& name : parsed.missing_lists) lists[name] = {"one", "two"};
      for (const Problem& problem : parsed.problems) UNSCOPED_INFO(path + ":" + ToString(problem));
    }
  }
  CHECK(states[Parsed::State::kReady] == 3755);
  CHECK(states[Parsed::State::kNeedsLists] == 25);
  CHECK(states[Parsed::State::kFailed] == 0);
  CHECK(lists.size() == 25);
  for (const auto& [path, text] : files) {
    for (const Parsed& parsed : ParseRules(text, {.lists = &lists})) {
      INFO(path);
      CHECK(parsed.state() == Parsed::State::kReady);
    }
  }
}
