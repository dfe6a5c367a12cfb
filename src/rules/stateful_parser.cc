#include "rules/stateful_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/bytes.h"

namespace neurallog::rules {
namespace {

struct TypeWord {
  std::string_view word;
  RuleType type;
};
// Each but the first two has a member of its name.
constexpr TypeWord kTypeWords[] = {
    {"match", RuleType::kMatch},       {"threshold", RuleType::kThreshold},
    {"distinct", RuleType::kDistinct}, {"metric", RuleType::kMetric},
    {"sequence", RuleType::kSequence}, {"absence", RuleType::kAbsence},
    {"change", RuleType::kChange},     {"new_term", RuleType::kNewTerm},
    {"spike", RuleType::kSpike},       {"percentage", RuleType::kPercentage},
};

struct ComparisonWord {
  std::string_view word;
  Comparison comparison;
};
constexpr ComparisonWord kComparisonWords[] = {
    {"lt", Comparison::kLess},    {"lte", Comparison::kLessEqual},
    {"gt", Comparison::kGreater}, {"gte", Comparison::kGreaterEqual},
    {"eq", Comparison::kEqual},   {"neq", Comparison::kNotEqual},
};

bool HasBounds(RuleType type) {
  return type == RuleType::kThreshold || type == RuleType::kDistinct || type == RuleType::kMetric ||
         type == RuleType::kSpike || type == RuleType::kPercentage;
}
bool IsOnlySliding(RuleType type) {
  return type == RuleType::kSpike || type == RuleType::kChange || type == RuleType::kNewTerm;
}
bool HasSteps(RuleType type) { return type == RuleType::kSequence || type == RuleType::kAbsence; }

class StatefulParser {
 public:
  StatefulParser(const MapReader& rule, const DetectionContext& context)
      : rule_(rule), context_(context) {}

  Stateful Parse() {
    ParseType();
    RefuseMembersOfOthers();
    ParseMember();
    ParseWindow();
    if (HasSteps(to_.type)) CheckWithin();
    ParseThreshold();
    ParseSuppress();
    return std::move(to_);
  }

 private:
  void ParseType() {
    const std::string word = rule_.Text("type");
    if (word.empty()) return;
    for (const TypeWord& known : kTypeWords) {
      if (known.word != word) continue;
      to_.type = known.type;
      type_word_ = known.word;
      return;
    }
    rule_.Fail(rule_.Find("type")->at, fmt::format("type: unknown type \"{}\"", word));
  }

  void RefuseMembersOfOthers() {
    for (const TypeWord& known : kTypeWords)
      if (known.type != RuleType::kMatch && known.type != RuleType::kThreshold)
        Refuse(known.word, known.type != to_.type);
    Refuse("threshold", !HasBounds(to_.type));
    Refuse("window", to_.type == RuleType::kMatch);
    Refuse("group_by", to_.type != RuleType::kMatch);
    Refuse("detection", to_.type == RuleType::kSequence);
    Refuse("query", to_.type == RuleType::kSequence);
  }

  void Refuse(std::string_view key, bool is_refused) {
    const Node* const node = rule_.Find(key);
    if (node == nullptr || !is_refused) return;
    rule_.Fail(node->at, fmt::format("{}: is not for rules of type {}", key, type_word_));
  }

  void ParseMember() {
    if (to_.type == RuleType::kMatch || to_.type == RuleType::kThreshold) return;
    const Node* const node = rule_.Map(type_word_);
    if (node == nullptr) {
      if (rule_.Find(type_word_) == nullptr && to_.type != RuleType::kSpike)
        rule_.Fail(rule_.at(), fmt::format("{}: is missing", type_word_));
      return;
    }
    const MapReader reader(*node, context_.problems);
    switch (to_.type) {
      case RuleType::kDistinct:
      case RuleType::kChange: ParseFields(reader, {"field"}); break;
      case RuleType::kNewTerm:
        ParseFields(reader, {"field", "learn"});
        to_.learn_ns = OptionalDuration(reader, "learn");
        break;
      case RuleType::kMetric:
        ParseFields(reader, {"field", "agg"});
        ParseAggregate(reader);
        break;
      case RuleType::kSpike:
        reader.RefuseOthers({"min_before", "min"});
        to_.min_count = Count(reader, "min_before", 1, UINT32_MAX);
        to_.min_current = Count(reader, "min", 0, UINT32_MAX);
        break;
      case RuleType::kPercentage:
        reader.RefuseOthers({"detection", "query", "min"});
        to_.min_count = Count(reader, "min", 1, UINT32_MAX);
        ParseStep(*node, {});
        break;
      case RuleType::kSequence: ParseSequence(reader); break;
      case RuleType::kAbsence: ParseAbsence(reader); break;
      default: break;
    }
  }

  void ParseFields(const MapReader& reader, const std::vector<std::string_view>& keys) {
    reader.RefuseOthers(keys);
    to_.fields = reader.Texts("field");
    if (to_.fields.empty()) reader.Fail(reader.at(), "field: is missing");
    CheckCount(reader, "field", to_.fields.size(), kGroupFieldsMax);
    if (to_.type == RuleType::kMetric) CheckCount(reader, "field", to_.fields.size(), 1);
  }

  void ParseAggregate(const MapReader& reader) {
    constexpr std::pair<std::string_view, Aggregate> kWords[] = {
        {"sum", Aggregate::kSum},
        {"avg", Aggregate::kAverage},
        {"min", Aggregate::kMin},
        {"max", Aggregate::kMax},
    };
    const std::string word = reader.Text("agg");
    for (const auto& [known, aggregate] : kWords) {
      if (known != word) continue;
      to_.aggregate = aggregate;
      return;
    }
    to_.aggregate = Aggregate::kPercentile;
    const char* const end = word.data() + word.size();
    if (word.size() > 1 && word[0] == 'p') {
      const auto [at, error] = std::from_chars(word.data() + 1, end, to_.percentile);
      if (error == std::errc() && at == end && to_.percentile >= 0 && to_.percentile <= 100) return;
    }
    const Node* const node = reader.Find("agg");
    reader.Fail(node != nullptr ? node->at : reader.at(),
                fmt::format("agg: expected sum, avg, min, max or p0 to p100, got \"{}\"", word));
  }

  void ParseSequence(const MapReader& reader) {
    reader.RefuseOthers({"steps", "ordered", "within"});
    to_.is_ordered = reader.Bool("ordered", true);
    to_.within_ns = OptionalDuration(reader, "within");
    const Node* const steps = reader.Find("steps");
    if (steps == nullptr || !steps->is_list())
      return reader.Fail(steps != nullptr ? steps->at : reader.at(), "steps: expected a list");
    CheckCount(reader, "steps", steps->items.size(), kStepsMax);
    size_t positions = 0;
    for (const Node& step : steps->items) {
      ParseStep(step, {"detection", "query", "rule", "min", "not"});
      if (!to_.steps.empty() && !to_.steps.back().is_not) positions += to_.steps.back().min;
    }
    if (positions == 0) reader.Fail(steps->at, "steps: none that must come");
    if (positions > kPositionsMax)
      reader.Fail(steps->at, fmt::format("steps: more than {} records", kPositionsMax));
  }

  void ParseAbsence(const MapReader& reader) {
    reader.RefuseOthers({"within", "without"});
    to_.within_ns = OptionalDuration(reader, "within");
    if (const Node* const without = reader.Find("without")) {
      ParseStep(*without, {"detection", "query", "rule"});
      if (!to_.steps.empty()) to_.steps.back().is_not = true;
    }
  }

  // `keys`: those that are allowed; empty: they were checked.
  void ParseStep(const Node& node, const std::vector<std::string_view>& keys) {
    if (!node.is_map())
      return rule_.Fail(node.at, fmt::format("expected a map, got {}", node.KindName()));
    const MapReader reader(node, context_.problems);
    if (!keys.empty()) reader.RefuseOthers(keys);
    Step step;
    step.rule = keys.empty() ? "" : reader.Text("rule");
    const bool has_condition =
        reader.Find("detection") != nullptr || reader.Find("query") != nullptr;
    if (has_condition != step.rule.empty())
      reader.Fail(node.at, keys.empty() ? "detection: is missing"
                                        : "expected one of detection, query and rule");
    if (has_condition)
      if (auto condition = ParseConditionOf(node, context_)) step.condition = std::move(*condition);
    if (!keys.empty()) {
      step.min = Count(reader, "min", 1, kPositionsMax);
      step.is_not = reader.Bool("not", false);
    }
    to_.steps.push_back(std::move(step));
  }

  void ParseWindow() {
    const Node* const node = rule_.Map("window");
    if (node == nullptr) {
      if (to_.type != RuleType::kMatch && !HasSteps(to_.type))
        rule_.Fail(rule_.at(), "window: is missing");
      return;
    }
    const MapReader reader(*node, context_.problems);
    reader.RefuseOthers(
        {"type", "size", "gap", "group_by", "time", "allowed_lateness", "max_groups"});
    Window& window = to_.window;
    ParseWindowType(reader);
    window.size_ns = OptionalDuration(reader, "size");
    window.gap_ns = OptionalDuration(reader, "gap");
    window.group_by = reader.Texts("group_by");
    CheckCount(reader, "group_by", window.group_by.size(), kGroupFieldsMax);
    const std::string time = reader.Text("time");
    window.by_received_time = time == "received";
    if (!time.empty() && time != "event" && time != "received")
      reader.Fail(reader.Find("time")->at,
                  fmt::format("time: expected event or received, got \"{}\"", time));
    window.groups_max = Count(reader, "max_groups", window.groups_max, kGroupsMax);
    CheckWindow(reader);
    ParseLateness(reader);
  }

  void ParseWindowType(const MapReader& reader) {
    const std::string word = reader.Text("type");
    if (word == "tumbling") to_.window.type = WindowType::kTumbling;
    else if (word == "session") to_.window.type = WindowType::kSession;
    else if (!word.empty() && word != "sliding")
      reader.Fail(reader.Find("type")->at,
                  fmt::format("type: expected sliding, tumbling or session, got \"{}\"", word));
    const bool is_sliding = to_.window.type == WindowType::kSliding;
    if (!is_sliding && (IsOnlySliding(to_.type) || HasSteps(to_.type)))
      reader.Fail(reader.Find("type")->at,
                  fmt::format("type: rules of type {} have sliding windows only", type_word_));
  }

  void CheckWindow(const MapReader& reader) {
    const bool is_session = to_.window.type == WindowType::kSession;
    if (is_session && reader.Find("gap") == nullptr) reader.Fail(reader.at(), "gap: is missing");
    if (!is_session && reader.Find("gap") != nullptr)
      reader.Fail(reader.Find("gap")->at, "gap: is for windows of type session");
    if (!is_session && !HasSteps(to_.type) && reader.Find("size") == nullptr)
      reader.Fail(reader.at(), "size: is missing");
    if (HasSteps(to_.type) && reader.Find("size") != nullptr)
      reader.Fail(reader.Find("size")->at,
                  fmt::format("size: rules of type {} have within instead", type_word_));
  }

  // A zero is a time too, unlike everywhere else. Tumbling windows stay open side by side: what is late does not
  // disturb what is newer.
  void ParseLateness(const MapReader& reader) {
    const Window& window = to_.window;
    const int64_t longest = std::max({window.size_ns, window.gap_ns, to_.within_ns, int64_t{1}});
    const Node* const node = reader.Find("allowed_lateness");
    if (node == nullptr) {
      to_.window.lateness_ns = std::min(window.lateness_ns, longest);
      return;
    }
    to_.window.lateness_ns =
        node->text == "0" || node->text == "0s" ? 0 : OptionalDuration(reader, "allowed_lateness");
    const bool is_tumbling = window.type == WindowType::kTumbling;
    if (!is_tumbling && window.lateness_ns > longest)
      reader.Fail(node->at, "allowed_lateness: longer than the window");
    if (is_tumbling && window.lateness_ns > std::max(longest, kTumblingLatenessMaxNs))
      reader.Fail(node->at, "allowed_lateness: longer than the window and than a day");
  }

  void CheckWithin() {
    if (to_.within_ns == 0) {
      const Node* const node = rule_.Find(type_word_);
      rule_.Fail(node != nullptr ? node->at : rule_.at(), "within: is missing");
    }
    to_.window.lateness_ns = std::min(to_.window.lateness_ns, std::max<int64_t>(to_.within_ns, 1));
    if (to_.type != RuleType::kAbsence || !to_.steps.empty()) return;
    // A silent source: a session that ends.
    to_.window.type = WindowType::kSession;
    to_.window.gap_ns = to_.within_ns;
  }

  void ParseThreshold() {
    if (!HasBounds(to_.type)) return;
    const Node* const node = rule_.Map("threshold");
    if (node == nullptr) {
      if (rule_.Find("threshold") == nullptr) rule_.Fail(rule_.at(), "threshold: is missing");
      return;
    }
    const MapReader reader(*node, context_.problems);
    reader.RefuseOthers({"gt", "gte", "lt", "lte", "eq", "neq"});
    to_.bounds = ParseBounds(reader);
    if (to_.bounds.empty()) reader.Fail(node->at, "threshold: no bound such as gte");
  }

  void ParseSuppress() {
    const Node* const node = rule_.Map("suppress");
    if (node == nullptr) return;
    const MapReader reader(*node, context_.problems);
    reader.RefuseOthers({"key", "cooldown", "exponential_max", "max_per_hour"});
    Suppression& suppression = to_.suppression;
    suppression.key = reader.Texts("key");
    CheckCount(reader, "key", suppression.key.size(), kGroupFieldsMax);
    suppression.cooldown_ns = OptionalDuration(reader, "cooldown");
    suppression.cooldown_max_ns = OptionalDuration(reader, "exponential_max");
    suppression.per_hour_max = Count(reader, "max_per_hour", 0, UINT32_MAX);
    if (suppression.empty()) reader.Fail(node->at, "suppress: neither cooldown nor max_per_hour");
    const bool is_match = to_.type == RuleType::kMatch;
    if (is_match && rule_.Find("group_by") == nullptr) return;
    const auto& group_by = is_match ? rule_.Texts("group_by") : to_.window.group_by;
    for (const std::string& field : suppression.key)
      if (!IsIn(group_by, field) && !(to_.type == RuleType::kNewTerm && IsIn(to_.fields, field)))
        reader.Fail(reader.Find("key")->at, fmt::format("key: \"{}\" is not in {}group_by", field,
                                                        is_match ? "" : "the window's "));
  }

  static bool IsIn(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }

  int64_t OptionalDuration(const MapReader& reader, std::string_view key) {
    if (reader.Find(key) == nullptr) return 0;
    const int64_t duration = reader.Duration(key);
    if (duration > kWindowMaxNs)
      reader.Fail(reader.Find(key)->at, fmt::format("{}: longer than 400 days", key));
    return duration;
  }

  static uint32_t Count(const MapReader& reader, std::string_view key, uint32_t otherwise,
                        uint32_t max) {
    const auto number = reader.Number(key);
    if (!number) return otherwise;
    if (*number >= 1 && *number <= max && *number == std::floor(*number))
      return static_cast<uint32_t>(*number);
    reader.Fail(reader.Find(key)->at, fmt::format("{}: expected a number from 1 to {}", key, max));
    return otherwise;
  }

  static void CheckCount(const MapReader& reader, std::string_view key, size_t count, size_t max) {
    if (count > max)
      reader.Fail(reader.Find(key)->at, fmt::format("{}: more than {} values", key, max));
  }

  const MapReader& rule_;
  const DetectionContext& context_;
  Stateful to_;
  std::string_view type_word_ = "match";
};

// Unambiguous: what a node holds has its length or number in front.
void AppendNode(const Node& node, std::string* to) {
  to->push_back(static_cast<char>(node.kind));
  base::AppendLengthPrefixed(to, node.text);
  base::AppendVarint(to, node.items.size());
  for (const Node& key : node.keys) AppendNode(key, to);
  for (const Node& item : node.items) AppendNode(item, to);
}

}  // namespace

std::optional<Stateful> ParseStateful(const MapReader& rule, const DetectionContext& context) {
  Stateful parsed = StatefulParser(rule, context).Parse();
  if (parsed.type == RuleType::kMatch && parsed.suppression.empty()) return std::nullopt;
  std::vector<std::string_view> members = {
      "id",     "name",     "type",    "scope",  "detection", "window", "threshold",  "distinct",
      "metric", "sequence", "absence", "change", "new_term",  "spike",  "percentage", "suppress"};
  for (const std::string_view later : {"query", "group_by"})
    if (rule.Find(later) != nullptr) members.push_back(later);
  parsed.fingerprint = FingerprintOf(rule.map(), members);
  return parsed;
}

std::vector<Bound> ParseBounds(const MapReader& reader) {
  std::vector<Bound> bounds;
  for (const ComparisonWord& known : kComparisonWords)
    if (const auto number = reader.Number(known.word))
      bounds.push_back({known.comparison, *number});
  return bounds;
}

base::Hash128Value FingerprintOf(const Node& map, const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) {
    const Node* const node = map.Find(name);
    text.push_back(node != nullptr ? '+' : '-');
    if (node != nullptr) AppendNode(*node, &text);
  }
  return base::Hash128(text);
}

}  // namespace neurallog::rules
