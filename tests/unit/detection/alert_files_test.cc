// Rules and their alerts as data files (tests/rules/**/*.test). A file is a list of parts, separated by empty lines:
//
//   # a comment                                 advance 5m
//
//   rules [config/rules/threshold.yaml ...]     expect alert burst firing user=ann matches=2
//   name: burst                                 expect alert other pending
//   ...
//   ---                                         expect none
//   name: other
//
//   load
//   {"message":"login failed","user":"ann"}
//
// The time begins at 2025-06-01T00:00:00Z; records without `_time` are of now, and come now. `advance` lets time pass
// in steps, as the server does. The `expect alert` lines of one part are all alerts that are not resolved: each has a
// line all words of which are true of it: its rule's name, its state, matches=, severity=, periods=2/5, a field of its
// group or a label. Spaces are underscores.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json_value.h"
#include "base/time_format.h"
#include "detection/alert_book.h"
#include "detection/split_documents.h"
#include "rules/matcher.h"
#include "rules/rule_state.h"
#include "support/memory_blocks.h"

namespace neurallog::detection {
namespace {

constexpr TenantId kTenant{1};
constexpr int64_t kSecond = base::kNsPerSecond;
constexpr int64_t kStart = int64_t{1'748'736'000} * kSecond;

using Words = std::vector<std::string>;

Words WordsOf(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

// What can be said of an alert: "burst", "firing", "user=ann", "matches=2".
Words Facts(const Alert& alert) {
  Words facts{alert.rule, std::string(StateName(alert.state)),
              "matches=" + std::to_string(alert.matches),
              "severity=" + std::string(SeverityName(alert.severity))};
  if (alert.periods > 0)
    facts.push_back(
        "periods=" + std::to_string(alert.breaches.Count(alert.breaches.newest(), alert.periods)) +
        "/" + std::to_string(alert.periods));
  for (const Alert::Texts* texts : {&alert.group, &alert.labels})
    for (const auto& [name, value] : *texts)
      facts.push_back(std::string(name).append("=").append(value));
  for (std::string& fact : facts) std::replace(fact.begin(), fact.end(), ' ', '_');
  return facts;
}

// Of flat objects; `_time` is the record's time, otherwise it is `now_ns`.
testing::TestRecord ReadRecord(const std::string& line, int64_t now_ns) {
  const base::JsonValue json = base::ParseJson(line).value();
  testing::TestRecord record;
  record.timestamp_ns = now_ns;
  for (size_t i = 0; i < json.names().size(); ++i) {
    const base::JsonValue& value = json.items()[i];
    const bool is_number = value.kind() == base::JsonValue::Kind::kNumber;
    REQUIRE((is_number || value.kind() == base::JsonValue::Kind::kString));
    if (json.names()[i] == "_time")
      record.timestamp_ns = base::ParseTimestamp(value.text()).value();
    else
      record.fields.push_back(
          {json.names()[i], is_number ? ValueType::kNumber : ValueType::kString, value.text()});
  }
  return record;
}

class AlertFile {
 public:
  explicit AlertFile(const std::string& path) : text_(ReadFile(path)) {}

  void Run() {
    std::istringstream lines(text_);
    Words part;
    size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (!line.empty() && line[0] != '#') part.push_back(line);
      if (line.empty()) RunPart(&part, number);
    }
    RunPart(&part, number);
    REQUIRE(expectations_ > 0);
  }

 private:
  void RunPart(Words* part, size_t line) {
    INFO("the part before line " << line);
    const Words lines = std::exchange(*part, {});
    if (lines.empty()) return;
    const Words command = WordsOf(lines[0]);
    const Words body(lines.begin() + 1, lines.end());
    if (command[0] == "rules") SetRules(command, body);
    else if (command[0] == "load") Load(body);
    else if (command[0] == "advance") Advance(base::ParseDuration(command.at(1)).value());
    else if (command[0] == "expect") Expect(lines);
    else FAIL("unknown command " << command[0]);
  }

  void SetRules(const Words& command, const Words& body) {
    std::string text;
    for (size_t i = 1; i < command.size(); ++i)
      text += ReadFile(NL_SOURCE_DIR "/" + command[i]) + "\n---\n";
    for (const std::string& line : body) text += line + "\n";
    std::map<std::string, StoredRule, std::less<>> stored;
    for (const DocumentText& document : SplitDocuments(text)) {
      StoredRule rule;
      rule.document = document.text;
      rule.id = IdFromName(ReadDocument(document.text, {}).info.name);
      stored[rule.id] = rule;
    }
    compiled_ = CompiledRules::Compile({stored, rules::Lists()});
    for (const auto& [id, rule] : stored) REQUIRE(compiled_->Find(id)->reason.empty());
    matcher_ = std::make_unique<rules::Matcher>(compiled_->set());
    state_ = std::make_unique<rules::RuleState>(compiled_->plan());
    book_.SetRules(compiled_.get(), now_);
  }

  void Load(const Words& body) {
    for (const std::string& line : body) {
      const testing::TestRecord record = ReadRecord(line, now_);
      const auto batch = testing::MakeBatch({record});
      const char* const row = batch->first_row();
      matcher_->Bind(*batch);
      state_->Bind(*batch);
      std::vector<rules::Firing> firings;
      state_->Observe(matcher_->Match(row), row, ++rows_, now_, &firings);
      Report(firings);
    }
  }

  void Advance(int64_t ns) {
    const int64_t end = now_ + ns, step = std::max(kSecond, ns / 600);
    while (now_ < end) {
      now_ = std::min(now_ + step, end);
      std::vector<rules::Firing> firings;
      state_->Advance(now_, &firings);
      Report(firings);
      book_.Advance(now_, Ask());
    }
  }

  void Report(const std::vector<rules::Firing>& firings) {
    for (const rules::Firing& firing : firings)
      book_.Match(*compiled_, firing,
                  MakeMatchId(kTenant, compiled_->of_firing(firing.rule), firing.at_ns, firing.id),
                  std::nullopt, now_, Ask());
    Keep();
  }

  // What is written is what can be asked for.
  void Keep() {
    storage::MetaChange change;
    book_.AddTo(/*with_going_on=*/true, &change);
    book_.Written();
    for (const auto& [key, value] : change.put) {
      const AlertId id{storage::Keyspace::TimeOfMatch(key), storage::Keyspace::HashOfMatch(key)};
      Alert alert = DecodeAlert(id, value).value();
      if (alert.state == AlertState::kResolved) alerts_.erase(id);
      else alerts_[id] = std::move(alert);
    }
    for (const std::string& key : change.remove)
      alerts_.erase({storage::Keyspace::TimeOfMatch(key), storage::Keyspace::HashOfMatch(key)});
  }

  void Expect(const Words& lines) {
    ++expectations_;
    Keep();
    std::vector<Words> left;
    std::string found;
    for (const auto& [id, alert] : alerts_) {
      left.push_back(Facts(alert));
      for (const std::string& fact : left.back()) found += fact + " ";
      found += "\n";
    }
    INFO("there are:\n" << found);
    for (const std::string& line : lines) {
      Words wanted = WordsOf(line);
      REQUIRE((wanted.size() > 1 && wanted[0] == "expect"));
      if (wanted[1] == "none") continue;
      REQUIRE(wanted[1] == "alert");
      wanted.erase(wanted.begin(), wanted.begin() + 2);
      const auto fits = std::find_if(left.begin(), left.end(), [&](const Words& facts) {
        return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& fact) {
          return std::find(facts.begin(), facts.end(), fact) != facts.end();
        });
      });
      INFO(line);
      REQUIRE(fits != left.end());
      left.erase(fits);
    }
    REQUIRE(left.empty());
  }

  AlertBook::Ask Ask() {
    return [this](uint32_t rule, const base::Hash128Value& key) {
      return state_->ConditionOf(rule, key);
    };
  }

  const std::string text_;
  metrics::Registry registry_;
  AlertMetrics metrics_{&registry_};
  AlertBook book_{kTenant, {}, &metrics_};
  std::shared_ptr<const CompiledRules> compiled_;
  std::unique_ptr<rules::Matcher> matcher_;
  std::unique_ptr<rules::RuleState> state_;
  std::map<AlertId, Alert> alerts_;
  int64_t now_ = kStart;
  uint64_t rows_ = 0;
  int expectations_ = 0;
};

TEST_CASE("the data files of rules have the alerts that they expect") {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(NL_SOURCE_DIR "/tests/rules"))
    if (entry.path().extension() == ".test") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  REQUIRE(!paths.empty());
  for (const std::string& path : paths) {
    DYNAMIC_SECTION(path) { AlertFile(path).Run(); }
  }
}

}  // namespace
}  // namespace neurallog::detection
