#include "detection/cost_watch.h"

#include <catch2/catch.hpp>

#include "support/batch.h"

namespace neurallog::detection {
namespace {

StoredRule Stored(const std::string& id, const std::string& condition) {
  StoredRule rule;
  rule.id = id;
  rule.version = 7;
  rule.document = "name: " + id + "\ndetection:\n  a: {message|contains: row}\n" +
                  "  b: {seq|gte: 0}\n  c: {message: nothing}\n  condition: " + condition + "\n";
  return rule;
}

TEST_CASE("a rule that takes time for each row is found, one that is never looked at is not") {
  const std::map<std::string, StoredRule, std::less<>> stored = {
      {"busy", Stored("busy", "a and not b")}, {"idle", Stored("idle", "c")}};
  const rules::Lists lists;
  const auto compiled = CompiledRules::Compile({stored, lists});
  rules::Matcher matcher(compiled->set());
  CostWatch watch;
  const auto show = [&](uint64_t timed_rows) {
    const auto batch = testing::MakeBatch(0, 64);
    matcher.Bind(*batch);
    for (uint64_t i = 0; i < timed_rows; ++i) {
      const char* row = batch->first_row();
      for (uint32_t n = 0; n < batch->rows(); ++n) {
        CHECK(matcher.Match(row).empty());
        row = model::RowReader(row).next_row();
      }
    }
  };
  show(CostWatch::kTimedRowsMin - 1);
  CHECK(watch.Look(*compiled, matcher, 0).empty());
  show(1);
  const auto slow = watch.Look(*compiled, matcher, 0);
  REQUIRE(slow.size() == 1);
  CHECK(slow[0].id == "busy");
  CHECK(slow[0].version == 7);
  CHECK(watch.Look(*compiled, matcher, 0).empty());  // nothing new
  show(CostWatch::kTimedRowsMin);
  CHECK(watch.Look(*compiled, matcher, 60'000'000'000).empty());
}

}  // namespace
}  // namespace neurallog::detection
