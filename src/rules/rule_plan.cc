#include "rules/rule_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "rules/pipeline.h"

namespace neurallog::rules {
namespace {

// As a rule whose steps are other rules.
Rule RuleOf(const Correlation& correlation) {
  auto stateful = std::make_shared<Stateful>();
  stateful->window.size_ns = stateful->within_ns = correlation.timespan_ns;
  stateful->window.lateness_ns = std::min(stateful->window.lateness_ns, correlation.timespan_ns);
  stateful->window.group_by = correlation.group_by;
  stateful->bounds = correlation.bounds;
  stateful->fields = correlation.fields;
  stateful->percentile = correlation.percentile;
  stateful->aliases = correlation.aliases;
  stateful->hides_rules = !correlation.generate;
  stateful->fingerprint = correlation.fingerprint;
  for (const std::string& rule : correlation.rules) stateful->steps.push_back({rule, {}, 1, false});
  switch (correlation.type) {
    case CorrelationType::kEventCount: stateful->type = RuleType::kThreshold; break;
    case CorrelationType::kValueCount: stateful->type = RuleType::kDistinct; break;
    case CorrelationType::kTemporal: stateful->is_ordered = false; [[fallthrough]];
    case CorrelationType::kTemporalOrdered: stateful->type = RuleType::kSequence; break;
    case CorrelationType::kValueSum: stateful->type = RuleType::kMetric; break;
    case CorrelationType::kValueAverage:
      stateful->type = RuleType::kMetric;
      stateful->aggregate = Aggregate::kAverage;
      break;
    case CorrelationType::kValueMedian: stateful->percentile = 50; [[fallthrough]];
    case CorrelationType::kValuePercentile:
      stateful->type = RuleType::kMetric;
      stateful->aggregate = Aggregate::kPercentile;
      break;
  }
  Rule rule;
  rule.id = correlation.id;
  rule.name = correlation.name;
  rule.title = correlation.title;
  rule.severity = correlation.severity;
  rule.author = correlation.author;
  rule.alerting = correlation.alerting;
  rule.schedule = correlation.schedule;
  rule.stateful = std::move(stateful);
  return rule;
}

bool HasMachine(const Rule& rule) {
  return rule.stateful != nullptr && rule.stateful->type != RuleType::kMatch;
}

bool HasCondition(const Rule& rule) {
  if (!HasMachine(rule)) return true;
  const RuleType type = rule.stateful->type;
  if (type == RuleType::kAbsence || type == RuleType::kPercentage) return true;
  return type != RuleType::kSequence && rule.stateful->steps.empty();
}

// The bit of a step: all rules that stand for a condition are step 0.
uint32_t BitOf(const Stateful& rule, size_t step) {
  switch (rule.type) {
    case RuleType::kSequence: return uint32_t{1} << step;
    case RuleType::kAbsence:
    case RuleType::kPercentage: return uint32_t{1} << (step + 1);
    default: return 1;
  }
}

}  // namespace

class RulePlanner {
 public:
  RulePlanner(RulePlan* plan, std::vector<RulePlan::LeftOut>* left_out)
      : plan_(plan), left_out_(left_out) {}

  void Make() {
    const auto count = static_cast<uint32_t>(plan_->rules_.size());
    plan_->listeners_.resize(count);
    plan_->reports_.assign(count, true);
    plan_->group_fields_.resize(count);
    input_of_rule_.assign(count, RulePlan::kNone);
    depths_.assign(count, kUnknown);
    for (uint32_t rule = 0; rule < count; ++rule) Name(rule);
    for (uint32_t rule = 0; rule < count; ++rule) Resolve(rule);
    for (uint32_t rule = 0; rule < count; ++rule) Connect(rule);
    HideRules();
  }

 private:
  static constexpr int kUnknown = -1;
  static constexpr int kInProgress = -2;
  static constexpr int kLeftOut = -3;

  const Rule& rule(uint32_t number) const { return plan_->rules_[number]; }

  void Name(uint32_t number) {
    for (const std::string* name : {&rule(number).id, &rule(number).name, &rule(number).title})
      if (!name->empty()) by_name_.emplace(*name, number);
  }

  bool LeaveOut(uint32_t number, std::string reason) {
    left_out_->push_back({number, std::move(reason)});
    depths_[number] = kLeftOut;
    return false;
  }

  // Whether the rule can be used: what it refers to is there, and not in a circle.
  bool Resolve(uint32_t number) {
    if (depths_[number] == kInProgress || depths_[number] == kLeftOut) return false;
    if (depths_[number] != kUnknown) return true;
    if (!HasMachine(rule(number))) return depths_[number] = 0, true;
    const Stateful& stateful = *rule(number).stateful;
    if (stateful.steps.size() > kStepsMax && BitOf(stateful, 1) != 1)
      return LeaveOut(number, fmt::format("more than {} steps", kStepsMax));
    depths_[number] = kInProgress;
    int depth = 0;
    for (const Step& step : stateful.steps) {
      if (step.rule.empty()) continue;
      const auto found = by_name_.find(step.rule);
      if (found == by_name_.end())
        return LeaveOut(number, fmt::format("there is no rule \"{}\"", step.rule));
      if (!Resolve(found->second))
        return LeaveOut(number, fmt::format("rule \"{}\" is left out or refers back", step.rule));
      depth = std::max(depth, depths_[found->second] + 1);
    }
    if (depth > static_cast<int>(RulePlan::kDepthMax))
      return LeaveOut(number,
                      fmt::format("refers to rules more than {} deep", RulePlan::kDepthMax));
    depths_[number] = depth;
    return true;
  }

  void Connect(uint32_t number) {
    if (depths_[number] == kLeftOut) return;
    const Rule& made = rule(number);
    if (!HasMachine(made)) {
      plan_->group_fields_[number] = made.alerting.group_by;
      if (made.stateful != nullptr && made.alerting.group_by.empty())
        plan_->group_fields_[number] = made.stateful->suppression.key;
      if (!made.enabled) return;
      RulePlan::Input& input = plan_->targets_[InputOf(number)];
      input.reports = number;
      input.keys = FieldsOf(plan_->group_fields_[number], made.source);
      return;
    }
    if (!made.enabled) return;
    const Stateful& stateful = *made.stateful;
    plan_->stateful_.push_back(number);
    plan_->group_fields_[number] = GroupFieldsOf(stateful);
    if (HasCondition(made))
      plan_->targets_[InputOf(number)].feeds.push_back(FeedOf(number, 1, nullptr));
    for (size_t i = 0; i < stateful.steps.size(); ++i)
      ConnectStep(number, stateful.steps[i], BitOf(stateful, i));
  }

  void ConnectStep(uint32_t number, const Step& step, uint32_t bit) {
    if (step.rule.empty()) {
      plan_->targets_[AddStep(number, step)].feeds.push_back(FeedOf(number, bit, nullptr));
      return;
    }
    const uint32_t target = by_name_.find(step.rule)->second;
    const RulePlan::Feed feed = FeedOf(number, bit, &rule(target));
    if (HasMachine(rule(target))) plan_->listeners_[target].push_back(feed);
    else plan_->targets_[InputOf(target)].feeds.push_back(feed);
  }

  static std::vector<std::string> GroupFieldsOf(const Stateful& stateful) {
    std::vector<std::string> fields = stateful.window.group_by;
    if (stateful.type == RuleType::kNewTerm)
      fields.insert(fields.end(), stateful.fields.begin(), stateful.fields.end());
    return fields;
  }

  // `target`: the rule whose records are meant, which may have other names for the fields.
  RulePlan::Feed FeedOf(uint32_t number, uint32_t steps, const Rule* target) {
    RulePlan::Feed feed;
    feed.rule = number;
    feed.steps = steps;
    feed.names = plan_->group_fields_[number];
    if (target != nullptr)
      for (std::string& name : feed.names) name = NameIn(*target, rule(number), name);
    const LogSource& source = target != nullptr ? target->source : rule(number).source;
    feed.keys = FieldsOf(feed.names, source);
    feed.values = FieldsOf(rule(number).stateful->fields, source);
    return feed;
  }

  static std::string NameIn(const Rule& target, const Rule& by, const std::string& name) {
    for (const FieldOfRule& alias : by.stateful->aliases) {
      const bool is_meant =
          alias.rule == target.id || alias.rule == target.name || alias.rule == target.title;
      if (alias.name == name && is_meant) return alias.field;
    }
    return name;
  }

  std::vector<uint32_t> FieldsOf(const std::vector<std::string>& names, const LogSource& source) {
    std::vector<uint32_t> fields;
    for (const std::string& name : names) {
      WantedField wanted{name, NamesInstead(name, source)};
      const auto next = static_cast<uint32_t>(plan_->fields_.size());
      const auto [found, is_new] = field_numbers_.emplace(wanted, next);
      if (is_new) plan_->fields_.push_back(std::move(wanted));
      fields.push_back(found->second);
    }
    return fields;
  }

  // How records of the log source may call the field.
  static std::vector<std::string> NamesInstead(const std::string& name, const LogSource& source) {
    std::vector<std::string> names;
    if (source.empty()) return names;
    for (const PipelineSource& known : BuiltinPipeline().sources) {
      if (!known.source.Fits(source)) continue;
      for (const FieldAlias& alias : known.fields)
        if (alias.to == name && std::find(names.begin(), names.end(), alias.from) == names.end())
          names.push_back(alias.from);
    }
    return names;
  }

  uint32_t InputOf(uint32_t number) {
    uint32_t& input = input_of_rule_[number];
    if (input == RulePlan::kNone) input = AddInput(&rule(number));
    return input;
  }

  uint32_t AddStep(uint32_t number, const Step& step) {
    auto condition = std::make_unique<Rule>(rule(number));
    condition->condition = step.condition;
    plan_->steps_.push_back(std::move(condition));
    return AddInput(plan_->steps_.back().get());
  }

  uint32_t AddInput(const Rule* input) {
    plan_->inputs_.push_back(input);
    plan_->targets_.emplace_back();
    return static_cast<uint32_t>(plan_->inputs_.size() - 1);
  }

  // What some correlation hides, and none asks to have reported.
  void HideRules() {
    std::vector<bool> shown(plan_->rules_.size());
    for (const bool hides : {false, true})
      for (const uint32_t number : plan_->stateful_)
        for (const Step& step : rule(number).stateful->steps) {
          if (step.rule.empty() || rule(number).stateful->hides_rules != hides) continue;
          const uint32_t target = by_name_.find(step.rule)->second;
          if (!hides) shown[target] = true;
          else if (!shown[target]) plan_->reports_[target] = false;
        }
    for (RulePlan::Input& input : plan_->targets_)
      if (input.reports != RulePlan::kNone && !plan_->reports_[input.reports])
        input.reports = RulePlan::kNone;
  }

  RulePlan* const plan_;
  std::vector<RulePlan::LeftOut>* const left_out_;
  std::map<std::string, uint32_t, std::less<>> by_name_;  // the first of a name
  std::map<WantedField, uint32_t> field_numbers_;
  std::vector<uint32_t> input_of_rule_;
  std::vector<int> depths_;
};

std::shared_ptr<const RulePlan> RulePlan::Make(std::vector<Rule> rules,
                                               const std::vector<Correlation>& correlations,
                                               std::vector<LeftOut>* left_out) {
  const std::shared_ptr<RulePlan> plan(new RulePlan());
  plan->rules_ = std::move(rules);
  for (const Correlation& correlation : correlations) plan->rules_.push_back(RuleOf(correlation));
  RulePlanner(plan.get(), left_out).Make();
  return plan;
}

size_t RulePlan::memory_bytes() const {
  const auto text_bytes = [](const std::vector<std::string>& texts) {
    size_t bytes = texts.capacity() * sizeof(std::string);
    for (const std::string& text : texts) bytes += text.capacity();
    return bytes;
  };
  const auto bytes_of = [&](const Rule& rule) {
    return sizeof(Rule) - sizeof(Expression) + MemoryBytes(rule.condition) +
           (rule.stateful != nullptr ? sizeof(Stateful) : 0) + rule.description.capacity() +
           text_bytes(rule.references) + text_bytes(rule.tags);
  };
  size_t bytes = inputs_.size() * (sizeof(Rule*) + sizeof(Input));
  for (const Rule& rule : rules_) bytes += bytes_of(rule);
  for (const auto& step : steps_) bytes += bytes_of(*step);
  return bytes;
}

}  // namespace neurallog::rules
