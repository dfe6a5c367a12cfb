// Grouping, silences, inhibitions and time intervals, as the outbox applies them to what the rule stage reports.
#include <catch2/catch.hpp>

#include "actions/actions.h"
#include "support/temp_dir.h"

namespace neurallog::actions {
namespace {

using base::JsonValue;
using detection::Alert;
using detection::AlertChange;
using detection::AlertState;

constexpr TenantId kTenant{1};
constexpr int64_t kSecond = base::kNsPerSecond;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

// The rule stage, played by the test.
class NoiseFixture {
 public:
  NoiseFixture() {
    options_.key_file = dir_.path() + "/actions.key";
    host_.on_test = [](const Attempt&) { return Outcome(); };
    rule_.id = "errors";
    rule_.name = "Errors";
    rule_.severity = rules::Severity::kHigh;
    rule_.type = "match";
    Open();
  }
  ~NoiseFixture() { actions_->Stop(); }

  void Open() {
    storage::StoreOptions options;
    options.directory = dir_.path() + "/store";
    store_ = storage::Store::Open(options, &base::Clock::System()).value();
    registry_ = std::make_unique<metrics::Registry>();
    actions_ = std::make_unique<Actions>(options_, store_.get(), &clock_, registry_.get(), &host_);
    REQUIRE(actions_->Load().ok());
    matches_ = std::make_unique<detection::MatchStore>(limits_, store_.get());
    REQUIRE(actions_->Start(matches_.get(), [](TenantId) { return "acme"; }).ok());
  }
  void Reopen() {
    actions_->Stop();
    actions_.reset();
    store_.reset();
    Open();
  }
  void Action(const std::string& more) {
    const auto draft = ActionDraft::Parse(R"({"id":"ops","type":"test")" + more + "}");
    REQUIRE(draft.ok());
    REQUIRE(actions_->book().Put(kTenant, *draft, {}).ok());
  }
  std::string Noise(NoiseKind kind, const std::string& json) {
    auto rule = NoiseRule::Parse(kind, json, clock_.WallNs());
    REQUIRE(rule.ok());
    return actions_->noise().Put(kTenant, std::move(*rule), false)->id;
  }
  void Silence(const std::string& matcher, const std::string& duration = "1h") {
    Noise(NoiseKind::kSilence,
          R"({"id":"s","matchers":[")" + matcher + R"("],"duration":")" + duration + R"("})");
  }
  // An alert of the service fires.
  detection::AlertId Fire(const std::string& service,
                          rules::Severity severity = rules::Severity::kHigh) {
    Alert alert;
    alert.id = {clock_.WallNs(), ++last_hash_};
    alert.rule_id = rule_.id;
    alert.rule = rule_.name;
    alert.severity = severity;
    alert.group = {{"service", service}};
    alert.told = {{"ops", true}};
    alert.start_ns = alert.fired_ns = clock_.WallNs();
    alert.matches = 1;
    alerts_[alert.id] = alert;
    transitions_.push_back({kTenant, AlertChange::kFired, alert});
    return alert.id;
  }
  void Resolve(const detection::AlertId& id) {
    Alert& alert = alerts_[id];
    alert.state = AlertState::kResolved;
    transitions_.push_back({kTenant, AlertChange::kResolved, alert});
  }
  void Match(const std::string& service) {
    rule_.alerting.actions.resize(1);
    rule_.alerting.actions[0].id = "ops";
    const detection::MatchId id{clock_.WallNs(), ++last_hash_};
    const std::string rule_json = detection::RuleJson(rule_);
    matches_->Add(kTenant, {id, rule_.severity, clock_.WallNs(), rule_.id, rule_json, {}, {}, {}});
    actions_->follower()->Match(kTenant, rule_, id,
                                R"({"rule_id":"errors","record":{"message":"m)" +
                                    std::to_string(last_hash_) + R"(","service":")" + service +
                                    R"("}})");
  }
  // What is told in this write: "firing a b; resolved c".
  std::string Commit(bool is_caught_up = true) {
    const detection::Findings findings{
        transitions_, is_caught_up, [this](TenantId, std::string_view) { return &rule_; },
        [this](TenantId, const auto& visit) {
          for (const auto& [id, alert] : alerts_)
            if (alert.state == AlertState::kFiring) visit(alert);
        },
        [this](TenantId, const detection::AlertId& id) { return Result<Alert>(alerts_.at(id)); }};
    storage::MetaChange lost, change;
    actions_->follower()->AddTo(findings, &lost);  // a write that fails
    actions_->follower()->AddTo(findings, &change);
    const std::vector<std::pair<std::string, std::string>> put = change.put;
    REQUIRE(matches_->Commit({}, std::move(change)).ok());
    actions_->follower()->Written();
    transitions_.clear();
    std::string told;
    notices_.clear();
    for (const auto& [key, value] : put)
      if (key.starts_with("notic/")) {
        notices_.push_back(*base::ParseJson(value));
        told.append(told.empty() ? "" : "; ").append(Describe(notices_.back()));
      }
    return told;
  }
  // What is told when so much time has passed and nothing else happens.
  std::string After(int64_t ns) {
    clock_.Advance(ns);
    return actions_->follower()->IsDue() ? Commit() : "";
  }
  static std::string Describe(const JsonValue& notice) {
    std::string text = notice.Find("event")->text();
    if (const JsonValue* const alerts = notice.Find("alerts")) {
      for (const JsonValue& item : alerts->items()) {
        const std::string& event = item.Find("event")->text();
        text.append(event == "resolved" ? " -" : " ");
        text.append(item.Find("alert")->Find("group")->Find("service")->text());
      }
      return text;
    }
    if (const JsonValue* const alert = notice.Find("alert"))
      return text.append(" ").append(alert->Find("group")->Find("service")->text());
    if (const JsonValue* const total = notice.Find("matches_total"))
      return text.append(" ").append(total->text());
    return text.append(" ").append(notice.Find("match")->Find("record")->Find("service")->text());
  }
  uint64_t Metric(std::string_view name) {
    const std::string text = registry_->WriteText();
    const size_t at = text.find("\n" + std::string(name) + " ");
    REQUIRE(at != std::string::npos);
    return std::strtoull(text.c_str() + at + name.size() + 2, nullptr, 10);
  }

 protected:
  testing::TempDir dir_;
  Options options_;
  base::ManualClock clock_{kStart};
  SinkHost host_;
  detection::RuleInfo rule_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Actions> actions_;
  detection::MatchLimits limits_;
  std::unique_ptr<detection::MatchStore> matches_;
  std::map<detection::AlertId, Alert> alerts_;
  std::vector<detection::AlertTransition> transitions_;
  std::vector<JsonValue> notices_;
  uint64_t last_hash_ = 0;
};

constexpr const char* kByRule =
    R"(,"group":{"by":["rule"],"wait":"30s","interval":"5m","repeat":"1h"})";

TEST_CASE_METHOD(NoiseFixture, "without settings every alert is told at once") {
  Action("");
  const auto a = Fire("a");
  Fire("b");
  CHECK(Commit() == "firing a; firing b");
  Resolve(a);
  CHECK(Commit() == "resolved a");
  CHECK_FALSE(actions_->follower()->IsDue());
}

TEST_CASE_METHOD(NoiseFixture, "alerts of a group are told together, when something is new") {
  Action(kByRule);
  const auto a = Fire("a");
  CHECK(Commit().empty());
  Fire("b");
  CHECK(Commit().empty());
  CHECK(After(29 * kSecond).empty());
  CHECK(After(kSecond) == "firing a b");
  CHECK(notices_[0].Find("summary")->text() == "2 firing");
  CHECK(notices_[0].Find("group")->Find("rule")->text() == "Errors");
  CHECK(After(5 * kMinute).empty());
  Resolve(a);
  Fire("c");
  CHECK(Commit().empty());
  CHECK(After(5 * kMinute) == "firing b c -a");
  CHECK(notices_[0].Find("summary")->text() == "2 firing, 1 resolved");
  CHECK(After(5 * kMinute).empty());
}

TEST_CASE_METHOD(NoiseFixture, "a group whose alerts still fire is told again after a while") {
  Action(kByRule);
  const auto a = Fire("a");
  Commit();
  CHECK(After(30 * kSecond) == "firing a");
  for (int i = 0; i < 11; ++i) CHECK(After(5 * kMinute).empty());
  CHECK(After(5 * kMinute) == "firing a");
  alerts_[a].state = AlertState::kAcknowledged;
  for (int i = 0; i < 24; ++i) CHECK(After(5 * kMinute).empty());
  Resolve(a);
  Commit();
  CHECK(After(5 * kMinute) == "resolved -a");
  CHECK(Metric("neurallog_notice_groups") == 0);
}

TEST_CASE_METHOD(NoiseFixture, "an alert that ends before it is told is not told") {
  Action(kByRule);
  const auto a = Fire("a");
  Commit();
  Resolve(a);
  Commit();
  CHECK(After(kMinute).empty());
  CHECK(Metric("neurallog_notice_groups") == 0);
}

TEST_CASE_METHOD(NoiseFixture, "groups are apart by the values of their labels") {
  Action(R"(,"group":{"by":["service"],"wait":"10s"})");
  Fire("a");
  Fire("b");
  Fire("a");
  Commit();
  const std::string told = After(10 * kSecond);
  CHECK((told == "firing a a; firing b" || told == "firing b; firing a a"));
}

TEST_CASE_METHOD(NoiseFixture, "a group waits over a restart, and until the stage has caught up") {
  Action(kByRule);
  Fire("a");
  Commit();
  Reopen();
  clock_.Advance(30 * kSecond);
  CHECK(Commit(/*is_caught_up=*/false).empty());
  CHECK(Commit() == "firing a");
  Reopen();
  CHECK(Commit().empty());
  Fire("b");
  Commit();
  CHECK(After(5 * kMinute) == "firing a b");
}

TEST_CASE_METHOD(NoiseFixture,
                 "while a silence lasts nothing is told, afterwards what still holds") {
  Action("");
  const auto before = Fire("a");
  CHECK(Commit() == "firing a");
  Silence("service=~a|b");
  const auto b = Fire("b");
  Fire("a");
  Fire("c");
  CHECK(Commit() == "firing c");
  CHECK(Metric("neurallog_notices_muted_total") == 2);
  Resolve(b);
  Resolve(before);
  CHECK(Commit().empty());
  CHECK(After(30 * kMinute).empty());
  Reopen();
  CHECK(After(29 * kMinute).empty());
  const std::string told = After(2 * kMinute);
  CHECK((told == "firing a; resolved -a" || told == "resolved -a; firing a"));
  CHECK(Metric("neurallog_notice_groups") == 0);
}

TEST_CASE_METHOD(NoiseFixture, "a silenced alert of a group is left out of its notices") {
  Action(kByRule);
  Silence("service=a", "20m");
  Fire("a");
  Fire("b");
  Commit();
  CHECK(After(30 * kSecond) == "firing b");
  for (int i = 0; i < 3; ++i) CHECK(After(5 * kMinute).empty());
  CHECK(After(5 * kMinute) == "firing a b");
}

TEST_CASE_METHOD(NoiseFixture, "an alert is inhibited while another one fires") {
  Action("");
  Noise(NoiseKind::kInhibition, R"({"source_matchers":["severity=critical"],
      "target_matchers":["severity!=critical"],"equal":["service"]})");
  const auto source = Fire("a", rules::Severity::kCritical);
  Fire("a");
  Fire("b");
  CHECK(Commit() == "firing a; firing b");
  CHECK(notices_[0].Find("rule")->Find("severity")->text() == "critical");
  CHECK(After(kMinute).empty());
  Resolve(source);
  CHECK(Commit() == "resolved a");
  CHECK(After(kMinute) == "firing a");
}

TEST_CASE_METHOD(NoiseFixture, "alerts do not inhibit each other that match both sides") {
  Action("");
  Noise(NoiseKind::kInhibition,
        R"({"source_matchers":["severity=high"],"target_matchers":["service=~a|b"]})");
  Fire("a");
  Fire("b");
  CHECK(Commit() == "firing a; firing b");
  Fire("c");
  Fire("a");
  CHECK(Commit() == "firing c");  // which matches the source alone
}

TEST_CASE_METHOD(NoiseFixture, "an action has times in which it tells nothing") {
  Noise(
      NoiseKind::kTimeInterval,
      R"({"id":"night","time_intervals":[{"times":[{"start_time":"22:00","end_time":"24:00"}]}]})");
  Action(R"(,"mute_time_intervals":["night"])");
  clock_.Advance(-(kStart % base::kNsPerDay) + 22 * 60 * kMinute);
  const auto a = Fire("a");
  Fire("b");
  CHECK(Commit().empty());
  Resolve(a);
  CHECK(Commit().empty());
  CHECK(After(119 * kMinute).empty());
  CHECK(After(kMinute) == "firing b");
  CHECK(actions_->RemoveNoise(kTenant, NoiseKind::kTimeInterval, "night").code() ==
        Code::kConflict);
  Action(R"(,"active_time_intervals":["night"])");
  Fire("c");
  CHECK(Commit().empty());
  CHECK(After(23 * 60 * kMinute) == "firing c");
  const auto draft = ActionDraft::Parse(R"({"id":"x","type":"test","mute_time_intervals":["no"]})");
  CHECK(actions_->book().Put(kTenant, *draft, {}).status().message() ==
        "mute_time_intervals: time interval \"no\" does not exist");
}

TEST_CASE_METHOD(NoiseFixture, "matches of a group are told as one, with the first of them") {
  Action(R"(,"group":{"by":["service"],"wait":"30s","interval":"5m","max_items":2})");
  for (int i = 0; i < 3; ++i) Match("a");
  CHECK(Commit().empty());
  CHECK(After(10 * kSecond).empty());
  Match("b");
  Match("a");
  Commit();
  CHECK(After(20 * kSecond) == "match 4");
  CHECK(notices_[0].Find("summary")->text() == "4 matches");
  CHECK(notices_[0].Find("group")->Find("service")->text() == "a");
  CHECK(notices_[0].Find("rule")->Find("name")->text() == "Errors");
  CHECK(notices_[0].Find("match")->Find("rule")->text() == "Errors");
  CHECK(After(10 * kSecond) == "match 1");
  Match("a");
  Match("a");
  CHECK(Commit().empty());
  CHECK(After(4 * kMinute).empty());
  CHECK(After(kMinute) == "match 2");
  CHECK(After(5 * kMinute).empty());
  CHECK(Metric("neurallog_notice_groups") == 0);
}

TEST_CASE_METHOD(NoiseFixture, "with a wait of nothing the first notice of a group is immediate") {
  Action(R"(,"group":{"by":[],"wait":"0s","interval":"1m","max_items":2})");
  for (int i = 0; i < 3; ++i) Match("a");
  CHECK(Commit() == "match 3");
  REQUIRE(notices_[0].Find("records")->items().size() == 2);
  CHECK(notices_[0].Find("records")->items()[0].Find("message")->text() == "m1");
  CHECK(notices_[0].Find("records_total")->text() == "3");
}

TEST_CASE_METHOD(NoiseFixture, "a match that is silenced is not told ever") {
  Action("");
  Silence("service=a");
  Match("a");
  Match("b");
  CHECK(Commit() == "match b");
  CHECK(After(120 * kMinute).empty());
  CHECK(Metric("neurallog_notices_muted_total") == 1);
}

}  // namespace
}  // namespace neurallog::actions
