#include "detection/match.h"

#include <catch2/catch.hpp>

#include "base/json_value.h"
#include "detection/match_store.h"
#include "support/batch.h"
#include "support/temp_dir.h"

namespace neurallog::detection {
namespace {

constexpr TenantId kTenant{7};

RuleInfo Rule(std::string id, rules::Severity severity = rules::Severity::kHigh) {
  RuleInfo rule;
  rule.id = std::move(id);
  rule.name = "a \"name\"";
  rule.type = "match";
  rule.version = 3;
  rule.severity = severity;
  return rule;
}

std::shared_ptr<const model::RecordBatch> BatchOf(std::string_view name, ValueType type,
                                                  std::string_view value) {
  model::RecordBatchBuilder builder(1024);
  builder.BeginRow();
  builder.AddField(builder.NameId(name), type, value);
  builder.EndRow(1'700'000'000'000'000'000);
  return builder.Finish();
}

TEST_CASE(
    "the id of a match depends on tenant, rule, version, time and what fired, and reads back") {
  const MatchId id = MakeMatchId(kTenant, Rule("a"), 5, {1, 2});
  CHECK(MakeMatchId(kTenant, Rule("a"), 5, {1, 2}) == id);
  CHECK(MakeMatchId(TenantId{8}, Rule("a"), 5, {1, 2}) != id);
  CHECK(MakeMatchId(kTenant, Rule("b"), 5, {1, 2}) != id);
  CHECK(MakeMatchId(kTenant, Rule("a"), 5, {1, 3}) != id);
  CHECK(MakeMatchId(kTenant, Rule("a"), 5, {2, 2}) != id);
  RuleInfo next = Rule("a");
  ++next.version;
  CHECK(MakeMatchId(kTenant, next, 5, {1, 2}) != id);
  CHECK(ParseMatchId(ToString(id)) == id);
  CHECK(!ParseMatchId(ToString(id).substr(1)));
  CHECK(!ParseMatchId("x" + ToString(id).substr(1)));
  const MatchId before_1970 = MakeMatchId(kTenant, Rule("a"), -5, {1, 2});
  CHECK(ParseMatchId(ToString(before_1970)) == before_1970);
}

TEST_CASE("the record of a match keeps the types of its values and is cut at a bound") {
  bool is_cut = false;
  std::string json;
  AppendRecord(*BatchOf("n", ValueType::kNumber, "1.50"),
               BatchOf("n", ValueType::kNumber, "1.50")->first_row(), 1024, &json, &is_cut);
  CHECK(json == R"({"timestamp":"2023-11-14T22:13:20Z","n":1.50})");
  CHECK(!is_cut);
  const std::string long_text = std::string(2000, 'x') + "\xc3\xa4";
  for (const size_t bytes : {size_t{100}, size_t{2041}, size_t{2042}}) {
    json.clear();
    const auto batch = BatchOf("t", ValueType::kString, long_text);
    AppendRecord(*batch, batch->first_row(), bytes, &json, &is_cut);
    CHECK(json.size() < bytes + 100);
    CHECK(base::ParseJson(json).ok());
  }
  CHECK(is_cut);
}

class MatchStoreFixture {
 public:
  MatchStoreFixture() {
    storage::StoreOptions options;
    options.directory = dir_.path();
    store_ = storage::Store::Open(options, &base::Clock::System()).value();
  }

  void Add(MatchStore* matches, TenantId tenant, const RuleInfo& rule, int64_t time_ns) {
    const auto batch = testing::MakeBatch(0, 1);
    const MatchId id = MakeMatchId(tenant, rule, time_ns, {1, static_cast<uint64_t>(time_ns)});
    const std::string rule_json = RuleJson(rule);
    std::string record_json;
    PutRecordJson({batch.get(), batch->first_row()}, &record_json);
    matches->Add(tenant, {id, rule.severity, 0, rule.id, rule_json, {}, record_json, {}});
  }
  static std::vector<int64_t> Times(const MatchStore& matches, TenantId tenant,
                                    const MatchQuery& query) {
    std::optional<MatchId> next;
    const auto found = matches.List(tenant, query, &next);
    REQUIRE(found.ok());
    std::vector<int64_t> times;
    for (const std::string& json : *found)
      times.push_back(
          ParseMatchId(base::ParseJson(json).value().String("match_id").value())->time_ns);
    return times;
  }

 protected:
  testing::TempDir dir_;
  std::unique_ptr<storage::Store> store_;
};

using TimeList = std::vector<int64_t>;

TEST_CASE_METHOD(MatchStoreFixture, "matches are listed newest first, filtered, in pages") {
  MatchStore matches({}, store_.get());
  for (int64_t time = -2; time <= 3; ++time)
    Add(&matches, kTenant,
        Rule(time % 2 == 0 ? "even" : "odd",
             time < 2 ? rules::Severity::kLow : rules::Severity::kHigh),
        time);
  Add(&matches, TenantId{8}, Rule("even"), 1);
  CHECK(Times(matches, kTenant, {}).empty());
  REQUIRE(matches.Commit({{5, 1}, {4, 2}}, {}).ok());
  CHECK(matches.ReadProgress().value() == Progress{{5, 1}, {4, 2}});
  CHECK(Times(matches, kTenant, {}) == TimeList{3, 2, 1, 0, -1, -2});
  MatchQuery query;
  query.rule_id = "odd";
  CHECK(Times(matches, kTenant, query) == TimeList{3, 1, -1});
  query = {};
  query.severity_min = rules::Severity::kMedium;
  CHECK(Times(matches, kTenant, query) == TimeList{3, 2});
  query = {};
  query.range = {-1, 2};
  CHECK(Times(matches, kTenant, query) == TimeList{1, 0, -1});
  query.limit = 2;
  std::optional<MatchId> next;
  CHECK(matches.List(kTenant, query, &next).value().size() == 2);
  REQUIRE(next);
  query.after = next;
  CHECK(Times(matches, kTenant, query) == TimeList{-1});
}

TEST_CASE_METHOD(MatchStoreFixture,
                 "matches of blocks that overlap are listed in order, in pages of any size") {
  MatchStore matches({}, store_.get());
  TimeList all;
  uint64_t state = 7;
  for (int commit = 0; commit < 40; ++commit) {
    for (int i = 0; i < 90; ++i) {  // within some minutes, each block all over them
      state = state * 6364136223846793005u + 1442695040888963407u;
      const auto time =
          static_cast<int64_t>((state >> 33) % 200'000) * 1'000'000 - 60 * base::kNsPerSecond;
      if (std::find(all.begin(), all.end(), time) != all.end()) continue;
      all.push_back(time);
      Add(&matches, kTenant, Rule("a"), time);
    }
    REQUIRE(matches.Commit({{1, 0}, {1, 0}}, {}).ok());
  }
  std::sort(all.rbegin(), all.rend());
  for (const size_t limit : {size_t{100'000}, size_t{1000}, size_t{97}}) {
    MatchQuery query;
    query.limit = limit;
    TimeList found;
    do {
      std::optional<MatchId> next;
      const auto page = matches.List(kTenant, query, &next);
      REQUIRE(page.ok());
      for (const std::string& json : *page)
        found.push_back(
            ParseMatchId(base::ParseJson(json).value().String("match_id").value())->time_ns);
      query.after = next;
    } while (query.after);
    CHECK(found == all);
  }
  MatchQuery query;
  query.range = {all[1500], all[700]};
  query.limit = 10'000;
  CHECK(Times(matches, kTenant, query) == TimeList(all.begin() + 701, all.begin() + 1501));
  for (size_t i = 0; i < all.size(); i += 17) {
    const MatchId id = MakeMatchId(kTenant, Rule("a"), all[i], {1, static_cast<uint64_t>(all[i])});
    CHECK(matches.Get(kTenant, id).value().find(ToString(id)) != std::string::npos);
    CHECK(!matches.Contains(kTenant, {id.time_ns, id.hash + 1}));
  }
}

TEST_CASE_METHOD(MatchStoreFixture,
                 "a list that looks at too many matches goes on with the next page") {
  MatchStore matches({}, store_.get());
  for (int64_t i = 0; i < 50'000; ++i)  // one minute, blocks with about the same newest
    Add(&matches, kTenant, Rule(i == 49 ? "rare" : "a"), i % 64 * base::kNsPerMs * 900 + i);
  REQUIRE(matches.Commit({{1, 0}, {1, 0}}, {}).ok());
  MatchQuery query;
  query.rule_id = "rare";
  size_t found = 0, pages = 0;
  do {
    std::optional<MatchId> next;
    found += matches.List(kTenant, query, &next)->size();
    query.after = next;
  } while (query.after && ++pages < 10);
  CHECK(found == 1);
  CHECK(pages > 1);
  CHECK(pages < 10);
}

TEST_CASE("a match that an older build has stored is read") {
  const std::string value = std::string("\x01\x03\x02r1", 5) + R"({"match_id":"x"})";
  size_t seen = 0;
  REQUIRE(VisitMatches({5, 6}, value, [&](const Match& match) {
            ++seen;
            CHECK(match.rule_id == "r1");
            CHECK(match.severity == static_cast<rules::Severity>(3));
            CHECK(ToJson(match) == R"({"match_id":"x"})");
          }).ok());
  CHECK(seen == 1);
  CHECK(ReadMatchBlockHead({5, 6}, value)->matches == 1);
}

TEST_CASE("a block of matches that is damaged is told so") {
  MatchBlock block;
  block.Add({{1, 2}, rules::Severity::kLow, 3, "r", ",\"rule\":1", {}, ",\"record\":{}", {}});
  block.Add({{2, 2}, rules::Severity::kLow, 3, "r", ",\"rule\":1", {}, ",\"record\":{}", {}});
  const std::string bytes(block.bytes());
  std::vector<std::string> seen;
  const auto note = [&](const Match& match) { seen.push_back(ToJson(match)); };
  REQUIRE(VisitMatches(block.newest(), bytes, note).ok());
  REQUIRE(seen.size() == 2);
  CHECK(base::ParseJson(seen[1]).ok());
  CHECK(bytes.size() < 120);
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK(VisitMatches(block.newest(), bytes.substr(0, size), note).code() == Code::kCorruption);
}

TEST_CASE_METHOD(MatchStoreFixture, "at the bound the oldest matches go, of this tenant only") {
  MatchLimits limits;
  limits.matches_max = 32;
  MatchStore matches(limits, store_.get());
  Add(&matches, TenantId{8}, Rule("a"), 0);
  for (int64_t time = 0; time < 100; ++time) {
    Add(&matches, kTenant, Rule("a"), time);
    REQUIRE(matches.Commit({{1, 0}, {1, 0}}, {}).ok());
  }
  const TimeList times = Times(matches, kTenant, {});
  CHECK(times.size() <= 32);
  CHECK(times.size() >= 30);
  CHECK(times.front() == 99);
  CHECK(Times(matches, TenantId{8}, {}).size() == 1);
  MatchStore again(limits, store_.get());  // counts on
  for (int64_t time = 100; time < 110; ++time) Add(&again, kTenant, Rule("a"), time);
  REQUIRE(again.Commit({{1, 0}, {1, 0}}, {}).ok());
  CHECK(Times(again, kTenant, {}).size() <= 33);
}

TEST_CASE_METHOD(MatchStoreFixture, "matches of records that have expired are removed") {
  MatchStore matches({}, store_.get());
  for (const int64_t day : {50, 69, 71, 99})
    Add(&matches, kTenant, Rule("a"), day * base::kNsPerDay);
  REQUIRE(matches.Commit({{1, 0}, {1, 0}}, {}).ok());
  REQUIRE(matches.Expire([](TenantId) { return 70 * base::kNsPerDay; }).ok());
  CHECK(Times(matches, kTenant, {}) == TimeList{99 * base::kNsPerDay, 71 * base::kNsPerDay});
  REQUIRE(matches.Forget(kTenant).ok());
  CHECK(Times(matches, kTenant, {}).empty());
}

TEST_CASE_METHOD(MatchStoreFixture, "the state of a tenant's rules is kept in pieces") {
  MatchStore matches({}, store_.get());
  for (const size_t bytes : {size_t{3'000'000}, size_t{5}, size_t{0}}) {
    storage::MetaChange change;
    MatchStore::AddState(kTenant, {{7, 8}, std::string(bytes, 's')}, &change);
    REQUIRE(matches.Commit({}, std::move(change)).ok());
    CHECK(matches.ReadState(kTenant)->bytes == std::string(bytes, 's'));
    CHECK(matches.ReadState(kTenant)->until.lsn == 7);
    CHECK(matches.ReadState(TenantId{8})->bytes.empty());
  }
  storage::MetaChange change;
  MatchStore::AddState(kTenant, {}, &change);
  REQUIRE(matches.Commit({}, std::move(change)).ok());
  CHECK(matches.ReadState(kTenant).value() == StoredState());
}

TEST_CASE("a match of a window says which group it is of, and what was compared") {
  RuleInfo rule = Rule("a");
  rule.type = "threshold";
  rules::Firing firing;
  firing.group = {"ann", "db"};
  firing.value = 2.5;
  const auto json = base::ParseJson(MatchJson({1, 2}, rule, firing, {"user", "host"}, {}, 0));
  REQUIRE(json.ok());
  CHECK(json->Find("group")->String("host").value() == "db");
  CHECK(json->Find("value")->text() == "2.5");
  CHECK(json->Find("record") == nullptr);
}

}  // namespace
}  // namespace neurallog::detection
