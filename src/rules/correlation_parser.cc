#include "rules/correlation_parser.h"

#include <fmt/format.h>

#include "rules/stateful_parser.h"

namespace neurallog::rules {
namespace {

struct CorrelationWord {
  std::string_view word;
  CorrelationType type;
};
constexpr CorrelationWord kCorrelationWords[] = {
    {"event_count", CorrelationType::kEventCount},
    {"value_count", CorrelationType::kValueCount},
    {"temporal", CorrelationType::kTemporal},
    {"temporal_ordered", CorrelationType::kTemporalOrdered},
    {"value_sum", CorrelationType::kValueSum},
    {"value_avg", CorrelationType::kValueAverage},
    {"value_percentile", CorrelationType::kValuePercentile},
    {"value_median", CorrelationType::kValueMedian},
};

bool IsTemporal(CorrelationType type) {
  return type == CorrelationType::kTemporal || type == CorrelationType::kTemporalOrdered;
}

class CorrelationParser {
 public:
  CorrelationParser(const Node& node, std::vector<Problem>* problems)
      : reader_(node, problems), problems_(problems) {}

  void Parse(Correlation* to) {
    reader_.RefuseOthers(
        {"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"});
    ParseType(to);
    to->rules = reader_.Texts("rules");
    if (to->rules.empty()) reader_.Fail(reader_.at(), "rules: is missing");
    to->group_by = reader_.Texts("group-by");
    to->timespan_ns = reader_.Duration("timespan");
    to->generate = reader_.Bool("generate", false);
    ParseAliases(to);
    ParseCondition(to);
  }

 private:
  void ParseType(Correlation* to) {
    const std::string word = reader_.Text("type");
    for (const CorrelationWord& known : kCorrelationWords) {
      if (known.word != word) continue;
      to->type = known.type;
      return;
    }
    const Node* node = reader_.Find("type");
    reader_.Fail(node != nullptr ? node->at : reader_.at(),
                 node != nullptr ? fmt::format("type: unknown correlation \"{}\"", word)
                                 : "type: is missing");
  }

  void ParseAliases(Correlation* to) {
    const Node* aliases = reader_.Map("aliases");
    if (aliases == nullptr) return;
    for (size_t i = 0; i < aliases->items.size(); ++i) {
      const Node& fields = aliases->items[i];
      if (!fields.is_map()) {
        reader_.Fail(fields.at, "aliases: expected a map of rules to fields");
        continue;
      }
      for (size_t j = 0; j < fields.items.size(); ++j)
        to->aliases.push_back({aliases->keys[i].text, fields.keys[j].text, fields.items[j].text});
    }
  }

  void ParseCondition(Correlation* to) {
    const Node* condition = reader_.Map("condition");
    if (condition == nullptr) {
      if (!IsTemporal(to->type) && reader_.Find("condition") == nullptr)
        reader_.Fail(reader_.at(), "condition: is missing");
      return;
    }
    const MapReader reader(*condition, problems_);
    reader.RefuseOthers({"field", "percentile", "lt", "lte", "gt", "gte", "eq", "neq"});
    to->fields = reader.Texts("field");
    to->percentile = reader.Number("percentile").value_or(to->percentile);
    to->bounds = ParseBounds(reader);
    if (to->bounds.empty()) reader.Fail(condition->at, "condition: no bound such as gte");
    const bool needs_field = !IsTemporal(to->type) && to->type != CorrelationType::kEventCount;
    if (needs_field && to->fields.empty()) reader.Fail(condition->at, "condition: no field");
  }

  const MapReader reader_;
  std::vector<Problem>* problems_;
};

}  // namespace

std::optional<Correlation> ParseCorrelation(const Node& document, std::vector<Problem>* problems) {
  const size_t before = problems->size();
  const MapReader reader(document, problems);
  Correlation correlation;
  correlation.id = reader.Text("id");
  correlation.name = reader.Text("name");
  correlation.title = reader.Text("title");
  correlation.author = reader.Text("author");
  correlation.severity = ParseSeverity(reader, "level", problems);
  correlation.alerting = ParseAlerting(reader, problems);
  correlation.schedule = ParseSchedule(reader, problems);
  const Node* node = reader.Map("correlation");
  if (node != nullptr) CorrelationParser(*node, problems).Parse(&correlation);
  correlation.fingerprint = FingerprintOf(document, {"id", "name", "title", "correlation"});
  if (node == nullptr || problems->size() != before) return std::nullopt;
  return correlation;
}

}  // namespace neurallog::rules
