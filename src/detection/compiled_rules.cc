#include "detection/compiled_rules.h"

namespace neurallog::detection {
namespace {

constexpr size_t kProblemsShown = 5;

std::string_view TypeName(rules::RuleType type) {
  using rules::RuleType;
  switch (type) {
    case RuleType::kMatch: return "match";
    case RuleType::kThreshold: return "threshold";
    case RuleType::kDistinct: return "distinct";
    case RuleType::kMetric: return "metric";
    case RuleType::kSequence: return "sequence";
    case RuleType::kAbsence: return "absence";
    case RuleType::kChange: return "change";
    case RuleType::kNewTerm: return "new_term";
    case RuleType::kSpike: return "spike";
    case RuleType::kPercentage: return "percentage";
  }
  return "";
}

// As the type of ours that does the same.
std::string_view TypeName(const rules::Correlation& correlation) {
  using rules::CorrelationType;
  using rules::RuleType;
  switch (correlation.type) {
    case CorrelationType::kEventCount: return TypeName(RuleType::kThreshold);
    case CorrelationType::kValueCount: return TypeName(RuleType::kDistinct);
    case CorrelationType::kTemporal:
    case CorrelationType::kTemporalOrdered: return TypeName(RuleType::kSequence);
    default: return TypeName(RuleType::kMetric);
  }
}

void SetAboutRule(const rules::Rule& rule, RuleInfo* info) {
  info->type = TypeName(rule.stateful ? rule.stateful->type : rules::RuleType::kMatch);
  info->severity = rule.severity;
  info->author = rule.author;
  info->license = rule.license;
  info->references = rule.references;
  info->tags = rule.tags;
  info->description = rule.description;
  info->runbook = rule.runbook;
  info->alerting = rule.alerting;
}

// What the document is, as far as it says.
void SetAbout(const rules::Parsed& parsed, RuleInfo* info) {
  info->name = parsed.title;
  if (parsed.rule) {
    info->id = parsed.rule->id;
    SetAboutRule(*parsed.rule, info);
  } else if (parsed.filter) {
    info->id = parsed.filter->id;
    info->type = "filter";
  } else if (parsed.correlation) {
    info->id = parsed.correlation->id;
    info->type = TypeName(*parsed.correlation);
    info->severity = parsed.correlation->severity;
    info->author = parsed.correlation->author;
    info->alerting = parsed.correlation->alerting;
  }
}

void SetState(const rules::Parsed& parsed, RuleInfo* info) {
  if (parsed.state() == rules::Parsed::State::kFailed) {
    info->state = RuleState::kFailed;
    info->reason = Describe(parsed.problems);
  } else if (parsed.state() == rules::Parsed::State::kNeedsLists) {
    info->state = RuleState::kNeedsLists;
    info->reason = "lists are missing:";
    for (const std::string& list : parsed.missing_lists) info->reason.append(" ").append(list);
  }
}

}  // namespace

std::string_view StateName(RuleState state) {
  switch (state) {
    case RuleState::kReady: return "ready";
    case RuleState::kDisabled: return "disabled";
    case RuleState::kNeedsLists: return "needs_lists";
    case RuleState::kFailed: return "failed";
    case RuleState::kQuarantined: return "quarantined";
  }
  return "";
}

std::string Describe(const std::vector<rules::Problem>& problems) {
  std::string text;
  for (size_t i = 0; i < problems.size() && i < kProblemsShown; ++i)
    text.append(i == 0 ? "" : "; ").append(ToString(problems[i]));
  return text;
}

ReadRule ReadDocument(std::string_view text, const rules::Lists& lists) {
  rules::ParseOptions options;
  options.lists = &lists;
  const rules::Documents read = rules::ParseDocuments(text, options.document);
  ReadRule rule;
  if (!read.problems.empty()) {
    rule.parsed.problems = read.problems;
  } else if (read.documents.size() != 1) {
    rule.parsed.problems = {
        {{}, "expected one document, found " + std::to_string(read.documents.size())}};
  } else {
    rule.parsed = rules::ParseRule(read.documents[0], options);
    rule.info.is_sigma = read.documents[0].Find("title") != nullptr;
    if (const rules::Node* id = read.documents[0].Find("id")) rule.info.id = id->text;
  }
  SetAbout(rule.parsed, &rule.info);
  SetState(rule.parsed, &rule.info);
  return rule;
}

ReadRule CompiledRules::Read(const Source& source, const StoredRule& stored) {
  const CompiledRules* const known = source.previous;
  const auto place = known == nullptr ? std::map<std::string_view, uint32_t>::const_iterator()
                                      : known->places_.find(stored.id);
  if (known == nullptr || place == known->places_.end() || source.changed->contains(stored.id) ||
      known->of_plan_[place->second]->version != stored.version) {
    ReadRule read = ReadDocument(stored.document, source.lists);
    read.info.id = stored.id;
    read.info.version = stored.version;
    return read;
  }
  ReadRule read;
  read.info = *known->of_plan_[place->second];
  read.info.state = RuleState::kReady;
  read.info.reason.clear();
  read.parsed.rule = known->plan_->rules()[place->second];
  return read;
}

std::shared_ptr<const CompiledRules> CompiledRules::Compile(const Source& source) {
  auto compiled = std::make_shared<CompiledRules>();
  std::vector<rules::Rule> rules;
  std::vector<rules::Correlation> correlations;
  std::vector<RuleInfo*> of_correlations;
  for (const auto& [id, rule] : source.stored) {
    ReadRule read = Read(source, rule);
    const bool can_run = read.info.state == RuleState::kReady;
    const bool is_at_work = rule.enabled && rule.quarantine.empty();
    if (can_run && !rule.enabled) read.info.state = RuleState::kDisabled;
    if (can_run && rule.enabled && !is_at_work) {
      read.info.state = RuleState::kQuarantined;
      read.info.reason = rule.quarantine;
    }
    const auto known =
        compiled->infos_.emplace_hint(compiled->infos_.end(), id, std::move(read.info));
    if (!can_run) continue;
    if (read.parsed.filter && is_at_work)
      compiled->filters_.push_back(std::move(*read.parsed.filter));
    if (read.parsed.correlation && is_at_work) {
      correlations.push_back(std::move(*read.parsed.correlation));
      of_correlations.push_back(&known->second);
    }
    if (!read.parsed.rule) continue;
    read.parsed.rule->enabled = is_at_work;  // other rules may refer to it all the same
    if (read.parsed.rule->id.empty()) read.parsed.rule->id = rule.id;
    compiled->places_.emplace_hint(compiled->places_.end(), known->first,
                                   static_cast<uint32_t>(rules.size()));
    rules.push_back(std::move(*read.parsed.rule));
    compiled->of_plan_.push_back(&known->second);
  }
  compiled->of_plan_.insert(compiled->of_plan_.end(), of_correlations.begin(),
                            of_correlations.end());
  std::vector<rules::RulePlan::LeftOut> left_out;
  compiled->plan_ = rules::RulePlan::Make(std::move(rules), correlations, &left_out);
  for (const auto& each : left_out) compiled->LeaveOut(compiled->of_plan_[each.rule], each.reason);
  compiled->CompileSet(source.sample);
  return compiled;
}

std::shared_ptr<const CompiledRules> CompiledRules::WithSample(
    const rules::RowSample& sample) const {
  auto compiled = std::make_shared<CompiledRules>();
  compiled->plan_ = plan_;
  compiled->filters_ = filters_;
  compiled->infos_ = infos_;
  for (const RuleInfo* info : of_plan_)
    compiled->of_plan_.push_back(&compiled->infos_.find(info->id)->second);
  for (const auto& [id, place] : places_)
    compiled->places_.emplace_hint(compiled->places_.end(), compiled->infos_.find(id)->first,
                                   place);
  compiled->CompileSet(&sample);
  return compiled;
}

void CompiledRules::CompileSet(const rules::RowSample* sample) {
  std::vector<const rules::Filter*> filters;
  for (const rules::Filter& filter : filters_) filters.push_back(&filter);
  rules::Statistics statistics;
  rules::CompileOptions options;
  if (sample != nullptr) {
    statistics = sample->MakeStatistics(rules::BuiltinPipeline());
    options.statistics = &statistics;
  }
  rules::CompileReport report;
  set_ = rules::RuleSet::Compile(plan_->inputs(), filters, options, &report);
  FindOwners();
  for (const auto& each : report.left_out) LeaveOut(of_set_[each.rule], each.reason);
  for (const RuleInfo* info : of_plan_) ready_ += info->state == RuleState::kReady;
  is_sampled_ = sample != nullptr;
  Measure();
}

// The set's tests hold the texts of the plan's once more.
void CompiledRules::Measure() {
  constexpr size_t kNodeBytes = 96;  // of a map
  memory_bytes_ = set_->memory_bytes() + 2 * plan_->memory_bytes();
  for (const auto& [id, info] : infos_) {
    memory_bytes_ += sizeof(info) + 2 * kNodeBytes + info.description.capacity() +
                     info.name.capacity() + info.reason.capacity();
    for (const auto* texts : {&info.references, &info.tags})
      for (const std::string& text : *texts) memory_bytes_ += sizeof(text) + text.capacity();
  }
}

// A place of the set is the condition of a rule, or of a step of one that it is told to.
void CompiledRules::FindOwners() {
  std::map<const rules::Rule*, RuleInfo*> of_rule;
  for (size_t i = 0; i < plan_->rules().size(); ++i) of_rule[&plan_->rules()[i]] = of_plan_[i];
  for (size_t place = 0; place < plan_->inputs().size(); ++place) {
    const auto found = of_rule.find(plan_->inputs()[place]);
    of_set_.push_back(found != of_rule.end() ? found->second
                                             : of_plan_[plan_->targets()[place].feeds[0].rule]);
  }
}

void CompiledRules::LeaveOut(RuleInfo* info, std::string reason) {
  info->state = RuleState::kFailed;
  info->reason = std::move(reason);
}

const RuleInfo* CompiledRules::Find(std::string_view id) const {
  const auto found = infos_.find(id);
  return found == infos_.end() ? nullptr : &found->second;
}

const RuleInfo* CompiledRules::FindByName(std::string_view name) const {
  if (const RuleInfo* const info = Find(name)) return info;
  const auto& rules = plan_->rules();
  for (size_t i = 0; i < rules.size(); ++i)
    if (rules[i].name == name || rules[i].title == name) return of_plan_[i];
  return nullptr;
}

std::vector<std::string> ReferredBy(const ReadRule& rule) {
  if (rule.parsed.correlation) return rule.parsed.correlation->rules;
  std::vector<std::string> names;
  if (!rule.parsed.rule || !rule.parsed.rule->stateful) return names;
  for (const rules::Step& step : rule.parsed.rule->stateful->steps)
    if (!step.rule.empty()) names.push_back(step.rule);
  return names;
}

}  // namespace neurallog::detection
