#include "detection/alert_store.h"

#include <catch2/catch.hpp>

#include "support/temp_dir.h"

namespace neurallog::detection {
namespace {

constexpr TenantId kTenant{1};
constexpr TenantId kOther{2};
constexpr int64_t kSecond = base::kNsPerSecond;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

class AlertStoreFixture {
 public:
  AlertStoreFixture() {
    for (const char* id : {"a", "b"}) {
      stored_rules_[id].id = id;
      stored_rules_[id].document = std::string("name: ") + id +
                                   "\nseverity: " + (*id == 'a' ? "high" : "low") +
                                   "\ndetection: {s: {m: x}, condition: s}\n";
    }
    rules_ = CompiledRules::Compile({stored_rules_, rules::Lists()});
    storage::StoreOptions options;
    options.directory = dir_.path();
    store_ = storage::Store::Open(options, &base::Clock::System()).value();
    Reopen();
  }
  void Reopen() {
    alerts_ = std::make_unique<AlertStore>(limits_, store_.get(), &metrics_);
    for (const TenantId tenant : {kTenant, kOther})
      REQUIRE(alerts_->Open(tenant, rules_.get(), now_).ok());
  }
  void Match(TenantId tenant, const std::string& rule, uint64_t group) {
    rules::Firing firing;
    while (rules_->of_firing(firing.rule).id != rule) ++firing.rule;
    firing.key = {group, 0};
    firing.at_ns = now_;
    ++matches_;
    const storage::LogPosition at{matches_, 0};
    alerts_->Match(tenant, *rules_, firing, {now_, matches_}, at, now_, Ask());
  }
  void Write(bool all = true) {
    storage::MetaChange change;
    REQUIRE(alerts_->AddTo(all, &change).ok());
    REQUIRE(store_->WriteMeta(change).ok());
    alerts_->Written();
  }
  void Wait(int64_t ns) {
    now_ += ns;
    for (const TenantId tenant : {kTenant, kOther}) alerts_->Advance(tenant, now_, Ask());
  }
  std::vector<Alert> List(AlertQuery query = {}, TenantId tenant = kTenant) {
    std::vector<Alert> all;
    for (bool more = true; more;) {
      std::optional<AlertId> next;
      std::vector<Alert> page = alerts_->List(tenant, query, &next).value();
      std::move(page.begin(), page.end(), std::back_inserter(all));
      more = next.has_value();
      query.after = next;
    }
    return all;
  }

 protected:
  static AlertBook::Ask Ask() {
    return [](uint32_t, const base::Hash128Value&) { return rules::Condition::kUnknown; };
  }

  testing::TempDir dir_;
  std::map<std::string, StoredRule, std::less<>> stored_rules_;
  std::shared_ptr<const CompiledRules> rules_;
  std::unique_ptr<storage::Store> store_;
  AlertLimits limits_;
  metrics::Registry registry_;
  AlertMetrics metrics_{&registry_};
  std::unique_ptr<AlertStore> alerts_;
  int64_t now_ = kStart;
  uint64_t matches_ = 0;
};

TEST_CASE_METHOD(AlertStoreFixture,
                 "alerts are listed newest first, of one tenant, as they were written") {
  Match(kTenant, "a", 1);
  CHECK(List().empty());
  Write();
  for (uint64_t group = 2; group <= 10; ++group) {
    Wait(kSecond);
    Match(kTenant, group % 2 == 0 ? "a" : "b", group);
  }
  Match(kOther, "a", 1);
  Write();
  AlertQuery query;
  query.limit = 3;
  const auto all = List(query);
  REQUIRE(all.size() == 10);
  for (size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].start_ns > all[i].start_ns);
  query.severity_min = rules::Severity::kMedium;
  CHECK(List(query).size() == 6);
  query.rule_id = "b";
  CHECK(List(query).empty());
  CHECK(List({}, kOther).size() == 1);
  CHECK(alerts_->Get(kTenant, all[0].id)->rule_id == all[0].rule_id);
  CHECK(alerts_->Get(kOther, all[0].id).status().code() == Code::kNotFound);
}

TEST_CASE_METHOD(AlertStoreFixture, "a write has the transitions that it makes durable, in order") {
  Match(kTenant, "a", 1);
  Wait(300 * kSecond);
  Match(kTenant, "a", 1);
  Match(kOther, "b", 1);
  std::vector<std::string> seen;
  for (const AlertTransition& each : alerts_->transitions())
    seen.push_back(std::to_string(static_cast<uint32_t>(each.tenant))
                       .append(ChangeName(each.change))
                       .append(std::to_string(each.alert.matches)));
  CHECK(seen == std::vector<std::string>{"1fired1", "1resolved1", "1fired1", "2fired1"});
  Write();
  CHECK(alerts_->transitions().empty());
  CHECK(!alerts_->is_changed());
  CHECK(List().size() == 2);
}

TEST_CASE_METHOD(AlertStoreFixture, "of very many alerts those that only go on are written later") {
  constexpr uint64_t kGroups = 700;
  const auto match_all = [&] {
    Wait(kSecond);
    for (uint64_t group = 1; group <= kGroups; ++group) Match(kTenant, "a", group);
  };
  const auto matches = [&](size_t place) { return List()[place].matches; };
  match_all();
  Write(/*all=*/false);
  match_all();
  CHECK(alerts_->is_changed());
  Write(/*all=*/false);
  CHECK(matches(0) == 2);
  CHECK(!alerts_->IsBehind(kTenant));
  match_all();
  CHECK(!alerts_->is_changed());
  Match(kTenant, "b", 1);
  CHECK(alerts_->is_changed());
  Write(/*all=*/false);
  REQUIRE(List().size() == kGroups + 1);
  CHECK(matches(0) == 1);  // b
  CHECK(matches(1) == 2);
  CHECK(alerts_->IsBehind(kTenant));
  CHECK(!alerts_->IsBehind(kOther));
  Write(/*all=*/true);
  CHECK(matches(1) == 3);
  CHECK(!alerts_->IsBehind(kTenant));
}

TEST_CASE_METHOD(AlertStoreFixture, "what is not written may be added again") {
  Match(kTenant, "a", 1);
  storage::MetaChange lost;
  REQUIRE(alerts_->AddTo(/*all=*/true, &lost).ok());
  Match(kTenant, "a", 2);
  Write();
  CHECK(List().size() == 2);
  CHECK(alerts_->HasLive(kTenant));
  CHECK(!alerts_->HasLive(kOther));
}

TEST_CASE_METHOD(AlertStoreFixture,
                 "alerts that are not resolved are taken up again, resolved ones stay") {
  Match(kTenant, "a", 1);
  Wait(200 * kSecond);
  Match(kTenant, "b", 1);
  Wait(200 * kSecond);
  Write();
  Reopen();
  CHECK(alerts_->HasLive(kTenant));
  Match(kTenant, "b", 1);
  Match(kTenant, "a", 1);
  Write();
  const auto all = List();
  REQUIRE(all.size() == 3);
  CHECK(all[1].matches == 2);
  CHECK(all[2].state == AlertState::kResolved);
  CHECK(alerts_->Obey(kTenant, all[2].id, {AlertOrder::Kind::kAcknowledge, {}}).code() ==
        Code::kConflict);
  CHECK(alerts_->Obey(kTenant, {1, 2}, {AlertOrder::Kind::kAcknowledge, {}}).code() ==
        Code::kNotFound);
  AlertQuery query;
  query.since_ns = now_;
  CHECK(List(query).size() == 2);
  query = {};
  query.states = AlertStates().set(static_cast<size_t>(AlertState::kResolved));
  CHECK(List(query).size() == 1);
}

TEST_CASE_METHOD(AlertStoreFixture,
                 "of resolved alerts the oldest go past the bound, the others stay") {
  limits_.resolved_max = 16;
  Reopen();
  Match(kTenant, "b", 99);
  Write();
  for (uint64_t group = 1; group <= 40; ++group) {
    Match(kTenant, "a", group);
    Match(kTenant, "b", 99);
    Wait(299 * kSecond);
    Write();
  }
  Match(kTenant, "b", 99);
  Wait(kSecond);
  Write();
  AlertQuery resolved;
  resolved.states = AlertStates().set(static_cast<size_t>(AlertState::kResolved));
  const auto left = List(resolved);
  CHECK((left.size() >= 15 && left.size() <= 16));
  CHECK(left.front().key.low == 40);
  resolved.states.flip();
  REQUIRE(List(resolved).size() == 1);
  CHECK(List(resolved)[0].matches == 42);
}

TEST_CASE_METHOD(AlertStoreFixture, "resolved alerts go a while after they were resolved") {
  Match(kTenant, "a", 1);
  Wait(300 * kSecond);
  Match(kTenant, "b", 1);
  Write();
  REQUIRE(alerts_->Expire(now_ + 29 * kDay).ok());
  CHECK(List().size() == 2);
  REQUIRE(alerts_->Expire(now_ + 31 * kDay).ok());
  REQUIRE(List().size() == 1);
  CHECK(List()[0].rule_id == "b");
}

TEST_CASE_METHOD(AlertStoreFixture, "nothing is left of a tenant that is forgotten") {
  Match(kTenant, "a", 1);
  Match(kOther, "a", 1);
  Write();
  Match(kTenant, "a", 2);
  REQUIRE(alerts_->Forget(kTenant).ok());
  Write();
  CHECK(List().empty());
  CHECK(!alerts_->HasLive(kTenant));
  CHECK(List({}, kOther).size() == 1);
}

}  // namespace
}  // namespace neurallog::detection
