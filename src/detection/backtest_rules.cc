#include "detection/backtest_rules.h"

#include <algorithm>

namespace neurallog::detection {
namespace {

class Chooser {
 public:
  Chooser(Detection* detection, TenantId tenant) : detection_(detection), tenant_(tenant) {}

  Result<BacktestRules> Choose(const std::vector<std::string>& ids,
                               const std::vector<std::string>& texts) {
    NL_TRY(stored_, detection_->Compiled(tenant_));
    NL_TRY(lists_, detection_->Lists(tenant_));
    BacktestRules chosen;
    for (const std::string& text : texts)
      for (const DocumentText& document : SplitDocuments(text)) {
        NL_TRY(std::string id, AddDocument(document));
        AddId(std::move(id), &chosen.ids);
      }
    for (const std::string& id : ids) {
      NL_RETURN_IF_ERROR(AddStored(id));
      AddId(id, &chosen.ids);
    }
    if (chosen.ids.empty()) return InvalidArgument("no rule is given");
    if (chosen.ids.size() > BacktestRules::kIdsMax)
      return InvalidArgument(std::to_string(chosen.ids.size()) + " rules, more than " +
                             std::to_string(BacktestRules::kIdsMax));
    NL_RETURN_IF_ERROR(AddReferred());
    NL_RETURN_IF_ERROR(AddFilters());
    chosen.compiled = CompiledRules::Compile({rules_, lists_});
    NL_RETURN_IF_ERROR(CheckAllRun(chosen));
    return chosen;
  }

 private:
  static void AddId(std::string id, std::vector<std::string>* ids) {
    if (std::find(ids->begin(), ids->end(), id) == ids->end()) ids->push_back(std::move(id));
  }

  Result<std::string> AddDocument(const DocumentText& document) {
    const ReadRule read = ReadDocument(document.text, lists_);
    if (read.info.state == RuleState::kFailed) return InvalidArgument(read.info.reason);
    StoredRule rule;
    rule.id = read.info.id.empty() ? IdFromName(read.info.name) : read.info.id;
    rule.version = 0;
    rule.document = document.text;
    Add(read, rule);
    return rule.id;
  }

  Status AddStored(const std::string& id) {
    if (rules_.find(id) != rules_.end()) return {};
    NL_TRY(StoredRule rule, detection_->Get(tenant_, id));
    rule.enabled = true;
    Add(ReadDocument(rule.document, lists_), rule);
    return {};
  }

  void Add(const ReadRule& read, const StoredRule& rule) {
    rules_.insert_or_assign(rule.id, rule);
    names_.push_back(read.info.name);
    if (read.parsed.rule) names_.push_back(read.parsed.rule->name);
    if (read.parsed.correlation) names_.push_back(read.parsed.correlation->name);
    for (std::string& name : ReferredBy(read)) referred_.push_back(std::move(name));
  }

  // Rules that are referred to may refer to others. What is not there is reported by the compiler.
  Status AddReferred() {
    for (size_t i = 0; i < referred_.size(); ++i) {
      const std::string name = referred_[i];
      const bool is_here = rules_.find(name) != rules_.end() ||
                           std::find(names_.begin(), names_.end(), name) != names_.end();
      if (is_here) continue;
      if (const RuleInfo* const info = stored_->FindByName(name))
        NL_RETURN_IF_ERROR(AddStored(info->id));
    }
    return {};
  }

  Status AddFilters() {
    for (const auto& [id, info] : stored_->infos())
      if (info.type == "filter" && info.state == RuleState::kReady)
        NL_RETURN_IF_ERROR(AddStored(id));
    return {};
  }

  static Status CheckAllRun(const BacktestRules& chosen) {
    for (const std::string& id : chosen.ids) {
      const RuleInfo& info = *chosen.compiled->Find(id);
      if (info.type == "filter")
        return InvalidArgument("\"" + info.name + "\" is a filter, no rule");
      if (info.state != RuleState::kReady)
        return InvalidArgument("rule \"" + info.name + "\" cannot run: " + info.reason);
    }
    return {};
  }

  Detection* const detection_;
  const TenantId tenant_;
  std::shared_ptr<const CompiledRules> stored_;
  rules::Lists lists_;
  std::map<std::string, StoredRule, std::less<>> rules_;
  std::vector<std::string> names_;     // of those rules
  std::vector<std::string> referred_;  // names and ids
};

}  // namespace

Result<BacktestRules> ChooseRules(Detection* detection, TenantId tenant,
                                  const std::vector<std::string>& ids,
                                  const std::vector<std::string>& texts) {
  return Chooser(detection, tenant).Choose(ids, texts);
}

}  // namespace neurallog::detection
