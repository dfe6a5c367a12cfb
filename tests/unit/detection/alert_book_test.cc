// The state machine of alerts, with clocks that the tests move.
#include "detection/alert_book.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "support/seed.h"

namespace neurallog::detection {
namespace {

using rules::Condition;

constexpr TenantId kTenant{3};
constexpr int64_t kSecond = base::kNsPerSecond;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

std::string Document(const std::string& name, const std::string& more) {
  return "name: " + name + "\ndetection: {a: {m: x}, condition: a}\n" + more;
}
constexpr char kWindow[] =
    "type: threshold\nwindow: {size: 1m, group_by: [host]}\nthreshold: {gte: 3}\n";

std::shared_ptr<const CompiledRules> Compile(const std::map<std::string, std::string>& documents) {
  std::map<std::string, StoredRule, std::less<>> stored;
  for (const auto& [id, more] : documents) {
    stored[id].id = id;
    stored[id].document = Document(id, more);
  }
  return CompiledRules::Compile({stored, rules::Lists()});
}

// A book, what was written of it, and the time.
class BookFixture {
 public:
  void SetRules(const std::map<std::string, std::string>& documents) {
    rules_ = Compile(documents);
    for (const auto& [id, more] : documents) REQUIRE(rules_->Find(id)->reason.empty());
    book().SetRules(rules_.get(), now_);
  }
  AlertBook& book() {
    if (!book_) book_ = std::make_unique<AlertBook>(kTenant, limits_, &metrics_);
    return *book_;
  }
  // Later by so much; what has happened by then.
  void Wait(int64_t ns) {
    now_ += ns;
    book().Advance(now_, AskOf());
  }
  void Match(const std::string& rule, const std::string& group = "") { MatchAt(now_, rule, group); }
  void MatchAt(int64_t at_ns, const std::string& rule, const std::string& group) {
    rules::Firing firing;
    while (rules_->of_firing(firing.rule).id != rule) ++firing.rule;
    firing.key = base::Hash128(group);
    firing.group = {group};
    firing.at_ns = at_ns;
    const storage::LogPosition at{++matches_, 0};
    book().Match(*rules_, firing, {at_ns, matches_}, at, now_, AskOf());
    told_.push_back({firing, at, now_});
  }
  Status Obey(const AlertId& id, AlertOrder::Kind kind, const std::string& text = "") {
    return book().Obey(id, {kind, {"key1", text, now_}});
  }
  // "fired", "resolved", ...; of what came since the last call, which is written.
  std::vector<std::string> Happened() {
    std::vector<std::string> names;
    for (const AlertTransition& each : book().transitions()) {
      names.emplace_back(ChangeName(each.change));
      last_ = each.alert;
    }
    Write();
    return names;
  }
  void Write(bool with_going_on = true) {
    for (const AlertTransition& each : book().transitions()) written_.push_back(each);
    storage::MetaChange change;
    book().AddTo(with_going_on, &change);
    for (auto& [key, value] : change.put) stored_[key] = value;
    for (const std::string& key : change.remove) stored_.erase(key);
    book().Written();
    if (with_going_on) told_.clear();
  }
  // With what the stage tells again: of what was written, that which came behind the last write of all.
  void Restart() {
    book_.reset();
    for (const auto& [key, value] : stored_) {
      const AlertId id{storage::Keyspace::TimeOfMatch(key), storage::Keyspace::HashOfMatch(key)};
      Alert alert = DecodeAlert(id, value).value();
      if (alert.state != AlertState::kResolved) book().Restore(std::move(alert));
    }
    book().SetRules(rules_.get(), now_);
    const size_t happened = book().transitions().size();
    std::erase_if(told_, [&](const Told& told) { return told.at.lsn > matches_; });
    for (const auto& [firing, at, received_ns] : told_)
      book().Retell(*rules_, firing, {firing.at_ns, at.lsn}, at, received_ns);
    CHECK(book().transitions().size() == happened);
  }

 protected:
  struct Told {
    rules::Firing firing;
    storage::LogPosition at;
    int64_t received_ns;
  };

  AlertBook::Ask AskOf() {
    return [this](uint32_t, const base::Hash128Value&) { return condition_; };
  }

  AlertLimits limits_;
  metrics::Registry registry_;
  AlertMetrics metrics_{&registry_};
  std::shared_ptr<const CompiledRules> rules_;
  std::unique_ptr<AlertBook> book_;
  std::map<std::string, std::string> stored_;
  std::vector<AlertTransition> written_;
  std::vector<Told> told_;  // since all was written
  Alert last_;              // of the last transition
  Condition condition_ = Condition::kUnknown;
  int64_t now_ = kStart;
  uint64_t matches_ = 0;
};

using Names = std::vector<std::string>;

TEST_CASE_METHOD(
    BookFixture,
    "an alert fires at its first match, counts more, and ends five minutes after the last") {
  SetRules({{"r", "severity: high\nlabels: {team: core}\n"}});
  Match("r");
  CHECK(Happened() == Names{"fired"});
  CHECK((last_.rule == "r" && last_.severity == rules::Severity::kHigh));
  CHECK(last_.labels == Alert::Texts{{"team", "core"}});
  const AlertId id = last_.id;
  for (int i = 0; i < 11; ++i) {
    Wait(4 * kMinute);
    Match("r");
  }
  CHECK(Happened().empty());
  Wait(5 * kMinute - kSecond);
  CHECK(Happened().empty());
  Wait(kSecond);
  CHECK(Happened() == Names{"resolved"});
  CHECK((last_.id == id && last_.end == AlertEnd::kQuiet && last_.matches == 12));
  CHECK((last_.start_ns == kStart && last_.fired_ns == kStart));
  CHECK(last_.last_match_ns == kStart + 44 * kMinute);
  CHECK(last_.resolved_ns == kStart + 49 * kMinute);
  CHECK(last_.last_matches.size() == Alert::kMatchesKept);
  CHECK(last_.last_matches.back().hash == 12);
  const uint64_t fingerprint = last_.fingerprint;
  Match("r");
  CHECK(Happened() == Names{"fired"});
  CHECK((last_.id != id && last_.fingerprint == fingerprint && last_.matches == 1));
}

TEST_CASE_METHOD(BookFixture, "each group of a rule has an alert of its own") {
  SetRules({{"r", kWindow}});
  condition_ = Condition::kHolds;
  Match("r", "a");
  Match("r", "b");
  CHECK(Happened() == Names{"fired", "fired"});
  CHECK(last_.group == Alert::Texts{{"host", "b"}});
  Match("r", "a");
  CHECK(Happened().empty());
  CHECK(book().size() == 2);
}

TEST_CASE_METHOD(BookFixture, "with `for` an alert waits until it has lasted, or lapses") {
  SetRules({{"r", "for: 10m\nresolve_timeout: 3m\n"}});
  Match("r");
  CHECK(Happened() == Names{"pending"});
  Wait(2 * kMinute);
  Match("r");
  Wait(3 * kMinute - 1);
  CHECK(Happened().empty());
  Wait(kSecond);
  CHECK(Happened() == Names{"lapsed"});
  CHECK(stored_.empty());
  for (int i = 0; i < 6; ++i) {
    Match("r");
    Wait(2 * kMinute);
  }
  CHECK(Happened() == Names{"pending", "fired"});
  CHECK(last_.fired_ns == last_.start_ns + 10 * kMinute);
}

TEST_CASE_METHOD(BookFixture, "a match that counts as long as `for` lasts does not fire alone") {
  SetRules({{"r", "for: 5m\n"}});
  Match("r");
  Wait(kMinute * 60);
  CHECK(Happened() == Names{"pending", "lapsed"});
}

TEST_CASE_METHOD(BookFixture, "keep_firing_for goes on after the end, and a match in it too") {
  SetRules({{"r", "resolve_timeout: 1m\nkeep_firing_for: 10m\n"}});
  Match("r");
  Wait(11 * kMinute - kSecond);
  Match("r");
  Wait(11 * kMinute - kSecond);
  CHECK(Happened() == Names{"fired"});
  Wait(kSecond);
  CHECK(Happened() == Names{"resolved"});
  CHECK(last_.matches == 2);
}

TEST_CASE_METHOD(BookFixture,
                 "a rule that knows its condition ends the alert when that has ended") {
  SetRules({{"r", kWindow}});
  condition_ = Condition::kHolds;
  Match("r");
  Wait(60 * kMinute);
  CHECK(Happened() == Names{"fired"});
  condition_ = Condition::kEnded;
  Wait(5 * kSecond);
  CHECK(Happened() == Names{"resolved"});
  CHECK(last_.end == AlertEnd::kCleared);
  CHECK(last_.resolved_ns == kStart + 60 * kMinute);
}

TEST_CASE_METHOD(BookFixture, "resolve_timeout holds for a rule that knows its condition as well") {
  SetRules({{"r", std::string(kWindow) + "resolve_timeout: 5m\n"}});
  condition_ = Condition::kEnded;
  Match("r");
  Wait(4 * kMinute);
  CHECK(Happened() == Names{"fired"});
  Wait(kMinute);
  CHECK(Happened() == Names{"resolved"});
}

TEST_CASE_METHOD(BookFixture, "an alert is acknowledged, unacknowledged and resolved by users") {
  using Kind = AlertOrder::Kind;
  SetRules({{"r", "for: 1m\nresolve_timeout: 10m\n"}});
  Match("r");
  const AlertId id = book().transitions().back().alert.id;
  CHECK(Obey(id, Kind::kAcknowledge).code() == Code::kConflict);
  Wait(kMinute);
  CHECK(Obey(id, Kind::kUnacknowledge).code() == Code::kConflict);
  CHECK(Obey(id, Kind::kAcknowledge, "looking").ok());
  CHECK(Happened() == Names{"pending", "fired", "acknowledged"});
  CHECK((last_.acknowledged->by == "key1" && last_.acknowledged->text == "looking"));
  Restart();
  Match("r");
  CHECK(Happened().empty());
  CHECK(Obey(id, Kind::kUnacknowledge).ok());
  CHECK(Obey(id, Kind::kResolve, "done").ok());
  CHECK(Happened() == Names{"unacknowledged", "resolved"});
  CHECK((last_.end == AlertEnd::kUser && last_.resolved->text == "done" && !last_.acknowledged));
  CHECK(last_.matches == 2);
  CHECK(Obey(id, Kind::kResolve).code() == Code::kNotFound);
  CHECK(book().size() == 0);
}

TEST_CASE_METHOD(BookFixture,
                 "an acknowledged alert ends like others, and keeps who acknowledged it") {
  SetRules({{"r", ""}});
  Match("r");
  CHECK(Obey(book().transitions().back().alert.id, AlertOrder::Kind::kAcknowledge).ok());
  Wait(5 * kMinute);
  CHECK(Happened() == Names{"fired", "acknowledged", "resolved"});
  CHECK(last_.acknowledged->by == "key1");
}

TEST_CASE_METHOD(BookFixture, "alerts of a rule that is gone are resolved, also after a restart") {
  SetRules({{"r", ""}, {"s", ""}, {"t", "for: 1m\n"}});
  for (const char* rule : {"r", "s", "t"}) Match(rule);
  Happened();
  SetRules({{"s", ""}, {"t", "for: 1m\n"}});
  CHECK(Happened() == Names{"resolved"});
  CHECK((last_.rule_id == "r" && last_.end == AlertEnd::kRuleGone));
  rules_ = Compile({{"t", "for: 1m\n"}});
  Restart();
  CHECK(Happened() == Names{"resolved"});
  book().SetRules(nullptr, now_);
  CHECK(Happened() == Names{"lapsed"});
  CHECK(book().size() == 0);
}

TEST_CASE_METHOD(BookFixture,
                 "alerts of a rule that begins anew are resolved, other changes keep them") {
  condition_ = Condition::kHolds;
  SetRules({{"r", kWindow}, {"s", ""}});
  Match("r", "a");
  Match("s");
  Happened();
  Restart();
  SetRules({{"r", std::string(kWindow) + "severity: low\nfor: 1m\n"}, {"s", "severity: low\n"}});
  CHECK(Happened().empty());
  SetRules({{"r", std::string(kWindow) + "suppress: {cooldown: 1m}\n"}, {"s", ""}});
  CHECK(Happened() == Names{"resolved"});
  CHECK((last_.rule_id == "r" && last_.end == AlertEnd::kRuleChanged));
  CHECK(book().size() == 1);
}

TEST_CASE_METHOD(BookFixture, "a match of a later version brings its name and severity") {
  SetRules({{"r", ""}});
  Match("r");
  Happened();
  std::map<std::string, StoredRule, std::less<>> stored;
  stored["r"] = {"r", Document("other", "severity: critical\n"), true, 2, 0, 0, ""};
  rules_ = CompiledRules::Compile({stored, rules::Lists()});
  book().SetRules(rules_.get(), now_);
  Match("r");
  Wait(5 * kMinute);
  CHECK(Happened() == Names{"resolved"});
  CHECK((last_.rule == "other" && last_.rule_version == 2 && last_.matches == 2));
  CHECK(last_.severity == rules::Severity::kCritical);
}

TEST_CASE_METHOD(BookFixture, "past its limits a match makes no alert, which is counted") {
  limits_.live_max = 3;
  limits_.live_per_rule_max = 2;
  SetRules({{"r", kWindow}, {"s", kWindow}});
  for (const char* group : {"a", "b", "c"}) Match("r", group);
  CHECK(book().size() == 2);
  for (const char* group : {"a", "b"}) Match("s", group);
  CHECK(book().size() == 3);
  Match("r", "a");
  CHECK(Happened() == Names{"fired", "fired", "fired"});
  const std::string text = registry_.WriteText();
  CHECK(text.find("neurallog_alerts_dropped_total 2\n") != std::string::npos);
  CHECK(text.find("neurallog_alerts{state=\"firing\"} 3\n") != std::string::npos);
  CHECK(text.find("neurallog_alert_transitions_total{to=\"fired\"} 3\n") != std::string::npos);
}

TEST_CASE_METHOD(BookFixture, "old records have their own time, which goes on as on the wall") {
  SetRules({{"r", "resolve_timeout: 10m\n"}});
  const int64_t past = kStart - 1000 * kMinute;
  MatchAt(past, "r", "");
  MatchAt(past + 30 * kMinute, "r", "");
  CHECK(Happened() == Names{"fired", "resolved", "fired"});
  CHECK(last_.start_ns == past + 30 * kMinute);
  Wait(10 * kMinute);
  CHECK(Happened() == Names{"resolved"});
  CHECK(last_.resolved_ns == past + 40 * kMinute);
}

TEST_CASE("periods are counted in the order of time, and those of long ago forgotten") {
  Breaches breaches;
  CHECK(breaches.Add(100));
  CHECK(!breaches.Add(100));
  CHECK(breaches.Add(98));
  CHECK(breaches.Add(101));
  CHECK((breaches.newest() == 101 && breaches.Count(101, 3) == 2 && breaches.Count(101, 4) == 3));
  CHECK(
      (breaches.Count(102, 4) == 2 && breaches.Count(104, 4) == 1 && breaches.Count(105, 4) == 0));
  CHECK(breaches.Add(101 - 63));
  CHECK(!breaches.Add(101 - 64));
  CHECK(breaches.Count(101, 64) == 4);
  CHECK(breaches.Add(164));
  CHECK(breaches.Count(164, 64) == 2);
  breaches.ForgetBefore(102);
  CHECK(breaches.Count(164, 64) == 1);
  breaches.ForgetBefore(165);
  CHECK(breaches.Count(164, 64) == 0);
  CHECK((breaches.Add(1'000'000) && breaches.Count(1'000'000, 64) == 1));
  CHECK((!breaches.Add(5) && breaches.newest() == 1'000'000));
}

TEST_CASE_METHOD(BookFixture,
                 "what a user has resolved has no periods left, and neither has another rule") {
  const std::string counts = "n_of_m: {n: 2, m: 4, period: 1m}\n";
  SetRules({{"r", counts}});
  Match("r");
  Wait(kMinute);
  Match("r");
  CHECK(Happened() == Names{"pending", "fired"});
  CHECK(last_.fired_ns == kStart + kMinute);
  CHECK(Obey(last_.id, AlertOrder::Kind::kResolve).ok());
  Match("r");
  CHECK(Happened() == Names{"resolved", "pending"});
  SetRules({{"r", counts + "labels: {a: b}\n"}});
  CHECK(Happened().empty());
  SetRules({{"r", "n_of_m: {n: 2, m: 4, period: 2m}\n"}});
  CHECK(Happened() == Names{"lapsed"});
}

TEST_CASE("an alert reads back as it was written, and nothing shorter does") {
  Alert alert;
  alert.id = {kStart, 5};
  alert.state = AlertState::kResolved;
  alert.end = AlertEnd::kUser;
  alert.severity = rules::Severity::kLow;
  alert.fingerprint = 77;
  alert.rule_id = "r";
  alert.rule = "name";
  alert.rule_version = 300;
  alert.labels = {{"a", "b"}, {"c", ""}};
  alert.group = {{"host", "h"}};
  alert.key = {1, 2};
  alert.start_ns = 1, alert.fired_ns = 2, alert.last_match_ns = 3, alert.resolved_ns = 4;
  alert.since_ns = 5, alert.active_ns = 6, alert.ended_ns = 7;
  alert.clock.Reach(8, 9);
  alert.matches = 1000;
  alert.last_matches = {{1, 2}, {-3, 4}};
  alert.acknowledged = {"k", "note", 10};
  alert.resolved = {"", "", 11};
  alert.periods = 5;
  alert.breaches.Add(12);
  alert.seen = {13, 14};
  const std::string bytes = EncodeAlert(alert);
  CHECK(EncodeAlert(DecodeAlert(alert.id, bytes).value()) == bytes);
  CHECK(DecodeAlert(alert.id, bytes)->acknowledged->text == "note");
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK(DecodeAlert(alert.id, std::string_view(bytes).substr(0, size)).status().code() ==
          Code::kCorruption);
  CHECK(!DecodeAlert(alert.id, bytes + "x").ok());
}

// What was not written is done again, as the stage does it from the log; and alerts that go on are not always written.
TEST_CASE_METHOD(BookFixture, "restarts at any time change nothing of what happens") {
  const std::map<std::string, std::string> documents = {
      {"plain", ""},
      {"waits", "for: 2m\nresolve_timeout: 1m\n"},
      {"keeps", "resolve_timeout: 30s\nkeep_firing_for: 2m\n"},
      {"counts", "n_of_m: {n: 2, m: 4, period: 1m}\n"}};
  std::mt19937_64 random(testing::RandomSeed());
  const auto below = [&](uint64_t n) { return random() % n; };
  struct Step {
    int64_t wait;
    std::string rule, group;
    bool writes, writes_all;
  };
  for (int round = 0; round < 40; ++round) {
    std::vector<Step> steps;
    for (int i = 0; i < 300; ++i) {
      const char* const rules[] = {"plain", "waits", "keeps", "counts"};
      steps.push_back({(1 + static_cast<int64_t>(below(below(8) == 0 ? 400 : 40))) * kSecond,
                       rules[below(4)], std::string(1, static_cast<char>('a' + below(3))),
                       below(3) == 0, below(4) == 0});
    }
    using History = std::map<std::string, Names>;
    const auto run = [&](bool restarts) {
      book_.reset();
      stored_.clear();
      written_.clear();
      told_.clear();
      SetRules(documents);
      now_ = kStart;
      matches_ = 0;
      size_t written = 0;  // steps
      int64_t written_ns = now_;
      uint64_t written_matches = 0;
      for (size_t i = 0; i < steps.size(); ++i) {
        Wait(steps[i].wait);
        Match(steps[i].rule, steps[i].group);
        if (steps[i].writes || i + 1 == steps.size()) {
          Write(steps[i].writes_all || i + 1 == steps.size());
          written = i + 1, written_ns = now_, written_matches = matches_;
        } else if (restarts && below(4) == 0) {
          i = written - 1;  // the loop adds one
          now_ = written_ns, matches_ = written_matches;
          Restart();
        }
      }
      History history;
      for (const AlertTransition& each : written_)
        history[ToString(each.alert.id)].push_back(
            std::string(ChangeName(each.change)) + " " + std::to_string(each.alert.matches) + " " +
            std::to_string(each.alert.fired_ns) + " " + std::to_string(each.alert.resolved_ns));
      return std::pair(history, stored_);
    };
    const auto undisturbed = run(/*restarts=*/false);
    const auto disturbed = run(/*restarts=*/true);
    REQUIRE(disturbed.first == undisturbed.first);
    REQUIRE(disturbed.second == undisturbed.second);
    REQUIRE(undisturbed.first.size() > 20);
  }
}

}  // namespace
}  // namespace neurallog::detection
