// All rules of a tenant, compiled: what the rule stage runs, and what is said about each rule.
//
//   auto compiled = CompiledRules::Compile({stored, lists});
//   rules::Matcher matcher(compiled->set());
//   rules::RuleState state(compiled->plan());
//   const RuleInfo& rule = compiled->of_firing(firing.rule);
//
// A rule that cannot run (broken, disabled, waiting for a list) is left out and says why; the others
// run. Immutable; thread-safe.
//
// What a document says is read once: the next compilation takes it from the one before, as long as the rule
// does not change.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "detection/stored_rule.h"
#include "rules/row_sample.h"
#include "rules/rule_parser.h"
#include "rules/rule_plan.h"
#include "rules/rule_set.h"

namespace neurallog::detection {

enum class RuleState : uint8_t { kReady, kDisabled, kNeedsLists, kFailed, kQuarantined };
std::string_view StateName(RuleState state);

struct RuleInfo {
  std::string id;
  std::string name;
  std::string type;  // match, threshold, ...; filter
  bool is_sigma = false;
  uint64_t version = 0;
  rules::Severity severity = rules::Severity::kMedium;
  std::string author;
  std::string license;
  std::vector<std::string> references;
  std::vector<std::string> tags;
  std::string description;
  std::string runbook;
  rules::Alerting alerting;
  RuleState state = RuleState::kReady;
  std::string reason;  // of a state other than ready
};

struct ReadRule;

class CompiledRules {
 public:
  struct Source {
    const std::map<std::string, StoredRule, std::less<>>& stored;
    const rules::Lists& lists;
    const rules::RowSample* sample = nullptr;  // of the stream; none: guesses
    // The rules of before with the same lists, and the ids of those that are others now.
    const CompiledRules* previous = nullptr;
    const std::set<std::string>* changed = nullptr;
  };
  static std::shared_ptr<const CompiledRules> Compile(const Source& source);
  // The same rules and plan, with what is watched chosen by another sample.
  std::shared_ptr<const CompiledRules> WithSample(const rules::RowSample& sample) const;

  const std::shared_ptr<const rules::RuleSet>& set() const { return set_; }
  const std::shared_ptr<const rules::RulePlan>& plan() const { return plan_; }
  // Of a rule of the plan, and of the one that a place in the set belongs to.
  const RuleInfo& of_firing(uint32_t rule) const { return *of_plan_[rule]; }
  const RuleInfo& of_set(uint32_t place) const { return *of_set_[place]; }
  // By id; nullptr when there is none.
  const RuleInfo* Find(std::string_view id) const;
  // By id, name or title, as other rules refer to it.
  const RuleInfo* FindByName(std::string_view name) const;
  // All of them, by id.
  const std::map<std::string, RuleInfo, std::less<>>& infos() const { return infos_; }
  // How many are ready.
  size_t ready() const { return ready_; }
  // What is watched was chosen by a sample.
  bool is_sampled() const { return is_sampled_; }
  // Of all this, estimated.
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  using Infos = std::map<std::string, RuleInfo, std::less<>>;

  static ReadRule Read(const Source& source, const StoredRule& stored);
  void CompileSet(const rules::RowSample* sample);
  void FindOwners();
  void Measure();
  void LeaveOut(RuleInfo* info, std::string reason);

  std::shared_ptr<const rules::RulePlan> plan_;
  std::shared_ptr<const rules::RuleSet> set_;
  std::vector<rules::Filter> filters_;
  Infos infos_;
  std::map<std::string_view, uint32_t> places_;  // in the plan, by id; correlations are not there
  std::vector<RuleInfo*> of_plan_;
  std::vector<RuleInfo*> of_set_;
  size_t ready_ = 0;
  size_t memory_bytes_ = 0;
  bool is_sampled_ = false;
};

// A document that was read: what it is, or what is wrong with it.
struct ReadRule {
  rules::Parsed parsed;
  RuleInfo info;  // without id, when the document gives none
};
// Of a text with one document. Problems: also for a kind of rule that is not run.
ReadRule ReadDocument(std::string_view text, const rules::Lists& lists);
// Ids or names of the rules that it needs.
std::vector<std::string> ReferredBy(const ReadRule& rule);
// "3:5: unknown modifier "x"; ...", the first few.
std::string Describe(const std::vector<rules::Problem>& problems);

}  // namespace neurallog::detection
