#include "rules/rule_parser.h"

#include <fmt/format.h>

#include "rules/correlation_parser.h"
#include "rules/map_reader.h"
#include "rules/stateful_parser.h"

namespace neurallog::rules {
namespace {

struct SeverityWord {
  std::string_view word;
  Severity severity;
};
constexpr SeverityWord kSeverityWords[] = {
    {"informational", Severity::kInfo},
    {"info", Severity::kInfo},
    {"low", Severity::kLow},
    {"medium", Severity::kMedium},
    {"high", Severity::kHigh},
    {"critical", Severity::kCritical},
};

class RuleParser {
 public:
  RuleParser(const Node& document, const ParseOptions& options, Parsed* parsed)
      : document_(document),
        options_(options),
        parsed_(parsed),
        reader_(document, &parsed->problems) {}

  void Parse() {
    const bool is_sigma = document_.Find("title") != nullptr;
    parsed_->title = reader_.Text(is_sigma ? "title" : "name");
    if (parsed_->title.empty()) reader_.Fail(document_.at, "neither title nor name is given");
    if (document_.Find("correlation") != nullptr)
      parsed_->correlation = ParseCorrelation(document_, &parsed_->problems);
    else if (document_.Find("filter") != nullptr) ParseFilter();
    else if (!is_sigma && document_.Find("sequence") != nullptr) ParseNative();
    else if (!is_sigma && document_.Find("query") != nullptr) ParseNative();
    else if (document_.Find("detection") == nullptr)
      reader_.Fail(document_.at, "none of detection, correlation and filter is given");
    else if (is_sigma) ParseSigma();
    else ParseNative();
  }

 private:
  DetectionContext Context() {
    static const Lists kNone;
    return {options_.lists != nullptr ? options_.lists : &kNone, &options_.detection,
            &parsed_->problems, &parsed_->missing_lists};
  }

  LogSource ParseSource(const MapReader& parent) {
    const Node* node = parent.Map("logsource");
    if (node == nullptr) return {};
    const MapReader reader(*node, &parsed_->problems);
    return {reader.Text("product"), reader.Text("category"), reader.Text("service")};
  }

  void ParseSigma() {
    Rule rule;
    rule.id = reader_.Text("id");
    rule.title = parsed_->title;
    rule.name = reader_.Text("name");
    rule.severity = ParseSeverity(reader_, "level", &parsed_->problems);
    rule.source = ParseSource(reader_);
    if (document_.Find("logsource") == nullptr) reader_.Fail(document_.at, "no logsource");
    rule.alerting = ParseAlerting(reader_, &parsed_->problems);
    rule.schedule = ParseSchedule(reader_, &parsed_->problems);
    ParseAbout(reader_, &rule);
    ParseCondition(&rule);
  }

  void ParseNative() {
    reader_.RefuseOthers({"id",
                          "name",
                          "enabled",
                          "severity",
                          "priority",
                          "type",
                          "scope",
                          "detection",
                          "query",
                          "meta",
                          "version",
                          "tests",
                          "window",
                          "threshold",
                          "distinct",
                          "metric",
                          "sequence",
                          "absence",
                          "change",
                          "new_term",
                          "spike",
                          "percentage",
                          "suppress",
                          "for",
                          "keep_firing_for",
                          "resolve_timeout",
                          "n_of_m",
                          "group_by",
                          "schedule",
                          "labels",
                          "owner",
                          "enrich",
                          "actions"});
    Rule rule;
    rule.id = reader_.Text("id");
    rule.name = rule.title = parsed_->title;
    rule.enabled = reader_.Bool("enabled", true);
    rule.severity = ParseSeverity(reader_, "severity", &parsed_->problems);
    rule.priority = static_cast<int>(reader_.Number("priority").value_or(rule.priority));
    rule.alerting = ParseAlerting(reader_, &parsed_->problems);
    rule.schedule = ParseSchedule(reader_, &parsed_->problems);
    std::optional<Stateful> stateful = ParseStateful(reader_, Context());
    if (const Node* meta = reader_.Map("meta"))
      ParseAbout(MapReader(*meta, &parsed_->problems), &rule);
    std::vector<std::string> streams;
    if (const Node* scope = reader_.Map("scope")) {
      const MapReader reader(*scope, &parsed_->problems);
      reader.RefuseOthers({"streams", "logsource"});
      rule.source = ParseSource(reader);
      streams = reader.Texts("streams");
    }
    if (stateful && !streams.empty())
      for (Step& step : stateful->steps)
        if (step.rule.empty()) Restrict(streams, &step.condition);
    if (stateful) rule.stateful = std::make_shared<const Stateful>(std::move(*stateful));
    if (document_.Find("detection") == nullptr && document_.Find("query") == nullptr) {
      if (parsed_->problems.empty() && parsed_->missing_lists.empty())
        parsed_->rule = std::move(rule);
      return;
    }
    ParseCondition(&rule);
    if (parsed_->rule && !streams.empty()) Restrict(streams, &parsed_->rule->condition);
    if (!parsed_->problems.empty() || !parsed_->missing_lists.empty()) parsed_->rule.reset();
  }

  // A stream is a record's `source`.
  static void Restrict(const std::vector<std::string>& streams, Expression* condition) {
    Test test;
    test.field = "source";
    test.cased = true;
    test.texts = streams;
    std::vector<Expression> both;
    both.push_back(MakeTest(std::move(test)));
    both.push_back(std::move(*condition));
    *condition = MakeAnd(std::move(both));
  }

  static void ParseAbout(const MapReader& reader, Rule* rule) {
    rule->author = reader.Text("author");
    rule->license = reader.Text("license");
    rule->description = reader.Text("description");
    rule->references = reader.Texts("references");
    rule->tags = reader.Texts("tags");
    rule->runbook = reader.Text("runbook");
    if (const std::string url = reader.Text("source_url"); !url.empty())
      rule->references.push_back(url);
  }

  void ParseCondition(Rule* rule) {
    auto condition = ParseConditionOf(document_, Context());
    if (!condition) return;
    rule->condition = std::move(*condition);
    parsed_->rule = std::move(*rule);
  }

  void ParseFilter() {
    const Node* node = reader_.Map("filter");
    if (node == nullptr) return;
    Filter filter;
    filter.id = reader_.Text("id");
    filter.title = parsed_->title;
    filter.source = ParseSource(reader_);
    const MapReader inner(*node, &parsed_->problems);
    filter.rules = inner.Texts("rules");
    filter.is_for_all =
        filter.rules.empty() || (filter.rules.size() == 1 && filter.rules[0] == "any");
    Node selections = *node;
    for (size_t i = 0; i < selections.keys.size(); ++i) {
      if (selections.keys[i].text != "rules") continue;
      selections.keys.erase(selections.keys.begin() + static_cast<ptrdiff_t>(i));
      selections.items.erase(selections.items.begin() + static_cast<ptrdiff_t>(i));
      break;
    }
    auto condition = ParseDetection(selections, "filter", Context());
    if (!condition) return;
    filter.condition = std::move(*condition);
    parsed_->filter = std::move(filter);
  }

  const Node& document_;
  const ParseOptions& options_;
  Parsed* parsed_;
  MapReader reader_;
};

}  // namespace

Severity ParseSeverity(const MapReader& reader, std::string_view key,
                       std::vector<Problem>* problems) {
  const std::string word = reader.Text(key);
  if (word.empty()) return Severity::kMedium;
  for (const SeverityWord& known : kSeverityWords)
    if (known.word == word) return known.severity;
  problems->push_back(
      {reader.Find(key)->at, fmt::format("{}: unknown severity \"{}\"", key, word)});
  return Severity::kMedium;
}

Parsed ParseRule(const Node& document, const ParseOptions& options) {
  Parsed parsed;
  parsed.at = document.at;
  if (document.is_map()) RuleParser(document, options, &parsed).Parse();
  else
    parsed.problems.push_back(
        {document.at, fmt::format("expected a map, got {}", document.KindName())});
  return parsed;
}

std::vector<Parsed> ParseRules(std::string_view text, const ParseOptions& options) {
  const Documents read = ParseDocuments(text, options.document);
  std::vector<Parsed> rules;
  for (const Node& document : read.documents) rules.push_back(ParseRule(document, options));
  for (const Problem& problem : read.problems) {
    rules.emplace_back();
    rules.back().at = problem.at;
    rules.back().problems = {problem};
  }
  return rules;
}

}  // namespace neurallog::rules
