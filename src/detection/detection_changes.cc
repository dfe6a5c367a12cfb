// What changes a tenant's rules and lists.
#include <algorithm>
#include <utility>

#include "detection/detection.h"
#include "detection/own_tests.h"

namespace neurallog::detection {
namespace {

Status CheckExpectation(const StoredRule* old, std::string_view id,
                        const Detection::Expectation& expectation) {
  if (expectation.is_new && old != nullptr) return Conflict(QuotedRule(id) + " exists");
  if (expectation.version && (old == nullptr || old->version != *expectation.version))
    return Conflict(QuotedRule(id) + " has changed; its version is " +
                    (old != nullptr ? std::to_string(old->version) : "none"));
  return {};
}

// An id of the document that cannot be one is replaced by one made from the name.
std::string ChooseId(std::string_view given, const RuleInfo& info) {
  if (!given.empty()) return std::string(given);
  return IsRuleId(info.id) ? info.id : IdFromName(info.name);
}

Status CheckId(std::string_view id) {
  if (IsRuleId(id)) return {};
  return InvalidArgument("id \"" + std::string(id.substr(0, 80)) +
                         "\": expected 1 to 64 letters, digits, '_', '.' or '-'");
}

// The rule and what follows from it are sound.
Status CheckRule(const StoredRule& rule, const CompiledRules& compiled, const Draft& draft) {
  const RuleInfo* const info = compiled.Find(rule.id);
  if (info != nullptr && info->state == RuleState::kFailed) return InvalidArgument(info->reason);
  const auto problems = RunOwnTests(rule, draft.rules, compiled, draft.lists);
  return problems.empty() ? Status() : InvalidArgument(Describe(problems));
}

// `rule` is what the change has made of it.
std::function<void(const Status&)> TellRule(std::shared_ptr<StoredRule> rule,
                                            Detection::Done<StoredRule> done) {
  return [rule = std::move(rule), done = std::move(done)](const Status& status) {
    done(status.ok() ? Result<StoredRule>(std::move(*rule)) : Result<StoredRule>(status));
  };
}

}  // namespace

void Detection::Enter(TenantId tenant, StoredRule* rule, Draft* draft) const {
  rule->updated_ns = rule->created_ns = clock_->WallNs();
  if (const auto old = draft->rules.find(rule->id); old != draft->rules.end()) {
    rule->version = old->second.version + 1;
    rule->created_ns = old->second.created_ns;
    draft->Put(RuleVersionKey(tenant, rule->id, old->second.version), EncodeRule(old->second));
    if (old->second.version > kVersionsKept)
      draft->Remove(RuleVersionKey(tenant, rule->id, old->second.version - kVersionsKept));
  }
  draft->Put(RuleKey(tenant, rule->id), EncodeRule(*rule));
  draft->rules.insert_or_assign(rule->id, *rule);
  draft->changed.insert(rule->id);
}

Status Detection::CheckRoom(size_t rules) const {
  if (rules <= options_.rules_max) return {};
  return ResourceExhausted("the tenant would have " + std::to_string(rules) + " rules, more than " +
                           std::to_string(options_.rules_max) + " (rules.rules_max)");
}

Status Detection::EnterAll(TenantId tenant, std::vector<StoredRule> rules, Draft* draft) const {
  std::set<std::string_view> added;
  for (const StoredRule& rule : rules)
    if (!draft->rules.contains(rule.id)) added.insert(rule.id);
  if (!added.empty()) NL_RETURN_IF_ERROR(CheckRoom(draft->rules.size() + added.size()));
  for (StoredRule& rule : rules) {
    const auto old = draft->rules.find(rule.id);
    if (old == draft->rules.end() || old->second.document != rule.document)
      Enter(tenant, &rule, draft);
  }
  return {};
}

Status Detection::EnterNew(TenantId tenant, const NewRule& given, const Expectation& expectation,
                           StoredRule* rule, Draft* draft) const {
  const ReadRule read = ReadDocument(given.document, draft->lists);
  if (read.info.state == RuleState::kFailed) return InvalidArgument(read.info.reason);
  *rule = StoredRule();
  rule->id = ChooseId(given.id, read.info);
  NL_RETURN_IF_ERROR(CheckId(rule->id));
  rule->document = given.document;
  rule->enabled = given.enabled.value_or(!read.parsed.rule || read.parsed.rule->enabled);
  const auto old = draft->rules.find(rule->id);
  const bool is_new = old == draft->rules.end();
  NL_RETURN_IF_ERROR(CheckExpectation(is_new ? nullptr : &old->second, rule->id, expectation));
  if (is_new) NL_RETURN_IF_ERROR(CheckRoom(draft->rules.size() + 1));
  Enter(tenant, rule, draft);
  return {};
}

void Detection::Put(TenantId tenant, NewRule given, const Expectation& expectation,
                    Done<StoredRule> done) {
  if (given.document.size() > options_.document_bytes_max)
    return done(TooLarge("the rule has " + std::to_string(given.document.size()) +
                         " bytes, more than " + std::to_string(options_.document_bytes_max) +
                         " (rules.document_bytes_max)"));
  const auto rule = std::make_shared<StoredRule>();
  Change change;
  change.edit = [this, tenant, rule, expectation, given = std::move(given)](Draft* draft) {
    return EnterNew(tenant, given, expectation, rule.get(), draft);
  };
  change.check = [rule](const CompiledRules& compiled, const Draft& draft) {
    return CheckRule(*rule, compiled, draft);
  };
  change.done = TellRule(rule, std::move(done));
  line_.Submit(tenant, std::move(change));
}

void Detection::SetEnabled(TenantId tenant, std::string id, bool enabled,
                           const Expectation& expectation, Done<StoredRule> done) {
  const auto rule = std::make_shared<StoredRule>();
  Change change;
  change.edit = [this, tenant, rule, id = std::move(id), enabled,
                 expectation](Draft* draft) -> Status {
    const auto found = draft->rules.find(id);
    if (found == draft->rules.end()) return NotFound(QuotedRule(id) + " does not exist");
    NL_RETURN_IF_ERROR(CheckExpectation(&found->second, id, expectation));
    *rule = found->second;
    if (rule->enabled == enabled && rule->quarantine.empty()) return {};
    if (IsPackRuleId(id)) {
      const auto why = enabled ? std::nullopt : std::optional<std::string>("");
      NL_RETURN_IF_ERROR(SetPackRule(tenant, id, why, draft));
      *rule = draft->rules.at(id);
      return {};
    }
    rule->enabled = enabled;
    rule->quarantine.clear();
    Enter(tenant, rule.get(), draft);
    return {};
  };
  change.done = TellRule(rule, std::move(done));
  line_.Submit(tenant, std::move(change));
}

void Detection::Delete(TenantId tenant, std::string id, const Expectation& expectation, Told done) {
  Change change;
  change.edit = [tenant, id = std::move(id), expectation](Draft* draft) -> Status {
    const auto found = draft->rules.find(id);
    if (found == draft->rules.end()) return NotFound(QuotedRule(id) + " does not exist");
    NL_RETURN_IF_ERROR(CheckExpectation(&found->second, id, expectation));
    if (IsPackRuleId(id)) return InvalidArgument(QuotedRule(id) + " is a pack's; it can be disabled");
    draft->rules.erase(found);
    draft->changed.insert(id);
    draft->Remove(RuleKey(tenant, id));
    const std::string versions = RuleVersionPrefix(tenant, id);
    draft->RemoveRange(versions, EndOf(versions));
    return {};
  };
  change.done = std::move(done);
  line_.Submit(tenant, std::move(change));
}

std::vector<Detection::Imported> Detection::ReadImport(const std::vector<DocumentText>& documents,
                                                       const rules::Lists& lists,
                                                       const FailedTests& failed,
                                                       std::vector<StoredRule>* rules) const {
  std::vector<Imported> report;
  for (const DocumentText& document : documents) {
    ReadRule read = ReadDocument(document.text, lists);
    Imported& entry = report.emplace_back();
    entry.file = document.file;
    entry.line = document.line;
    entry.problems = std::move(read.parsed.problems);
    entry.info = std::move(read.info);
    entry.info.id = ChooseId("", entry.info);
    if (const auto found = failed.find(entry.info.id); found != failed.end())
      entry.problems = found->second;
    for (rules::Problem& problem : entry.problems)
      if (problem.at.line > 0) problem.at.line += static_cast<int>(document.line) - 1;
    if (document.text.size() > options_.document_bytes_max)
      entry.problems.push_back({{}, "the document is too large (rules.document_bytes_max)"});
    if (!entry.problems.empty()) {
      entry.info.state = RuleState::kFailed;
      if (entry.info.reason.empty()) entry.info.reason = Describe(entry.problems);
      continue;
    }
    StoredRule rule;
    rule.id = entry.info.id;
    rule.document = document.text;
    rule.enabled = !read.parsed.rule || read.parsed.rule->enabled;
    rules->push_back(std::move(rule));
  }
  return report;
}

// An import under way.
struct Detection::ImportWork {
  std::vector<DocumentText> documents;
  Done<std::vector<Imported>> done;
  std::vector<Imported> report;
  FailedTests failed;
  bool is_tested = false;
  bool is_second = false;
};

Change Detection::ImportChange(TenantId tenant, std::shared_ptr<ImportWork> work) {
  Change change;
  change.edit = [this, tenant, work](Draft* draft) {
    std::vector<StoredRule> rules;
    work->report = ReadImport(work->documents, draft->lists, work->failed, &rules);
    return EnterAll(tenant, std::move(rules), draft);
  };
  change.check = [work](const CompiledRules& compiled, const Draft& draft) -> Status {
    Complete(compiled, &work->report);
    if (std::exchange(work->is_tested, true)) return {};
    work->failed = RunTests(work->report, draft, compiled);
    return work->failed.empty() ? Status() : InvalidArgument("tests of rules fail");
  };
  change.done = [this, tenant, work](const Status& status) { OnImported(tenant, work, status); };
  return change;
}

void Detection::Import(TenantId tenant, std::vector<DocumentText> documents, bool dry_run,
                       Done<std::vector<Imported>> done) {
  const auto work = std::make_shared<ImportWork>();
  work->documents = std::move(documents);
  work->done = std::move(done);
  if (dry_run) return work->done(TryImport(tenant, work.get()));
  line_.Submit(tenant, ImportChange(tenant, work));
}

Result<std::vector<Detection::Imported>> Detection::TryImport(TenantId tenant, ImportWork* work) {
  const Change change = ImportChange(tenant, {std::shared_ptr<ImportWork>(), work});
  Status status;
  do {
    NL_TRY(Draft draft, ReadDraft(tenant));
    NL_RETURN_IF_ERROR(change.edit(&draft));
    status = change.check(*Compile(tenant, draft), draft);
  } while (!status.ok());
  return std::move(work->report);
}

Result<std::vector<Detection::Imported>> Detection::TryDocuments(
    const std::vector<DocumentText>& documents, Draft* draft) {
  ImportWork work;
  work.documents = documents;
  const Change change = ImportChange(TenantId{}, {std::shared_ptr<ImportWork>(), &work});
  Status status;
  do {
    *draft = Draft();
    NL_RETURN_IF_ERROR(change.edit(draft));
    status = change.check(*CompiledRules::Compile({draft->rules, draft->lists}), *draft);
  } while (!status.ok());
  return std::move(work.report);
}

// Rules whose tests fail are known when all are compiled: then it is done once more, without these.
void Detection::OnImported(TenantId tenant, const std::shared_ptr<ImportWork>& work,
                           const Status& status) {
  if (!work->failed.empty() && !std::exchange(work->is_second, true))
    return line_.Submit(tenant, ImportChange(tenant, work));
  if (!status.ok()) return work->done(status);
  const auto compiled = Compiled(tenant);  // also when nothing was to be changed
  if (!compiled.ok()) return work->done(compiled.status());
  Complete(**compiled, &work->report);
  work->done(std::move(work->report));
}

void Detection::Complete(const CompiledRules& compiled, std::vector<Imported>* report) {
  for (Imported& entry : *report) {
    const RuleInfo* const info = compiled.Find(entry.info.id);
    if (!entry.problems.empty() || info == nullptr) continue;
    entry.info = *info;
    if (entry.info.state == RuleState::kFailed) entry.problems = {{{}, entry.info.reason}};
  }
}

Detection::FailedTests Detection::RunTests(const std::vector<Imported>& report, const Draft& draft,
                                           const CompiledRules& compiled) {
  FailedTests failed;
  for (const Imported& entry : report) {
    const auto rule = draft.rules.find(entry.info.id);
    if (!entry.problems.empty() || rule == draft.rules.end()) continue;
    auto problems = RunOwnTests(rule->second, draft.rules, compiled, draft.lists);
    if (!problems.empty()) failed.emplace(rule->first, std::move(problems));
  }
  return failed;
}

void Detection::PutList(TenantId tenant, std::string name, std::vector<std::string> values,
                        Told done) {
  if (!IsRuleId(name))
    return done(InvalidArgument("list name \"" + name.substr(0, 80) +
                                "\": expected 1 to 64 letters, digits, '_', '.' or '-'"));
  std::string bytes = EncodeList(values);
  if (values.size() > options_.list_values_max || bytes.size() > options_.list_bytes_max)
    return done(TooLarge("a list takes at most " + std::to_string(options_.list_values_max) +
                         " values and " + std::to_string(options_.list_bytes_max) + " bytes"));
  Change change;
  change.edit = [this, tenant, name = std::move(name), values = std::move(values),
                 bytes = std::move(bytes)](Draft* draft) -> Status {
    if (!draft->lists.contains(name) && draft->lists.size() >= options_.lists_max)
      return ResourceExhausted("the tenant has " + std::to_string(options_.lists_max) +
                               " lists, which is the maximum");
    draft->lists.insert_or_assign(name, values);
    draft->has_other_lists = true;
    draft->Put(ListPrefix(tenant).append(name), bytes);
    return {};
  };
  change.done = std::move(done);
  line_.Submit(tenant, std::move(change));
}

void Detection::DeleteList(TenantId tenant, std::string name, Told done) {
  Change change;
  change.edit = [tenant, name = std::move(name)](Draft* draft) -> Status {
    const auto found = draft->lists.find(name);
    if (found == draft->lists.end())
      return NotFound("list \"" + name.substr(0, 80) + "\" does not exist");
    draft->lists.erase(found);
    draft->has_other_lists = true;
    draft->Remove(ListPrefix(tenant).append(name));
    return {};
  };
  change.done = std::move(done);
  line_.Submit(tenant, std::move(change));
}

}  // namespace neurallog::detection
