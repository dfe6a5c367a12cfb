#include "detection/compiled_rules.h"

namespace neurallog::detection {
namespace {

constexpr size_t kProblemsShown = 5;

void SetAboutRule(const rules::Rule& rule, RuleInfo* info) {
  info->type = "match";
  info->severity = rule.severity;
  info->author = rule.author;
  info->license = rule.license;
  info->references = rule.references;
  info->tags = rule.tags;
  info->description = rule.description;
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
    info->type = "correlation";
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
    if (rule.parsed.rule && rule.parsed.rule->stateful)
      rule.parsed.problems.push_back(
          {rule.parsed.at, "rules of other types than match are not run by this server yet"});
    if (rule.parsed.correlation)
      rule.parsed.problems.push_back(
          {rule.parsed.at, "correlations are not run by this server yet"});
  }
  SetAbout(rule.parsed, &rule.info);
  SetState(rule.parsed, &rule.info);
  return rule;
}

std::shared_ptr<const CompiledRules> CompiledRules::Compile(
    const std::map<std::string, StoredRule, std::less<>>& stored, const rules::Lists& lists) {
  auto compiled = std::make_shared<CompiledRules>();
  std::vector<rules::Rule> rules;
  std::vector<rules::Filter> filters;
  std::vector<RuleInfo*> infos;
  rules.reserve(stored.size());
  for (const auto& [id, rule] : stored) {
    ReadRule read = ReadDocument(rule.document, lists);
    read.info.id = rule.id;
    read.info.version = rule.version;
    if (read.info.state == RuleState::kReady && !rule.enabled)
      read.info.state = RuleState::kDisabled;
    RuleInfo& info = compiled->infos_[rule.id] = std::move(read.info);
    if (info.state != RuleState::kReady) continue;
    if (read.parsed.filter) filters.push_back(std::move(*read.parsed.filter));
    if (!read.parsed.rule) continue;
    rules.push_back(std::move(*read.parsed.rule));
    infos.push_back(&info);
  }
  std::vector<const rules::Rule*> rule_pointers;
  std::vector<const rules::Filter*> filter_pointers;
  for (const rules::Rule& rule : rules) rule_pointers.push_back(&rule);
  for (const rules::Filter& filter : filters) filter_pointers.push_back(&filter);
  rules::CompileReport report;
  compiled->set_ = rules::RuleSet::Compile(rule_pointers, filter_pointers, {}, &report);
  for (const auto& left_out : report.left_out) {
    infos[left_out.rule]->state = RuleState::kFailed;
    infos[left_out.rule]->reason = left_out.reason;
  }
  compiled->places_.assign(infos.begin(), infos.end());
  compiled->ready_ = infos.size() - report.left_out.size();
  return compiled;
}

const RuleInfo* CompiledRules::Find(std::string_view id) const {
  const auto found = infos_.find(id);
  return found == infos_.end() ? nullptr : &found->second;
}

}  // namespace neurallog::detection
