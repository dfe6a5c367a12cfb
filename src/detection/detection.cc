#include "detection/detection.h"

#include <algorithm>

#include "base/log.h"
#include "detection/own_tests.h"

namespace neurallog::detection {
namespace {

std::string Name(std::string_view id) { return "rule \"" + std::string(id.substr(0, 80)) + "\""; }

Status CheckExpectation(const StoredRule* old, std::string_view id,
                        const Detection::Expectation& expectation) {
  if (expectation.is_new && old != nullptr) return Conflict(Name(id) + " exists");
  if (expectation.version && (old == nullptr || old->version != *expectation.version))
    return Conflict(Name(id) + " has changed; its version is " +
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

// The part of a key behind a prefix.
std::string Rest(std::string_view key, const std::string& prefix) {
  return std::string(key.substr(prefix.size()));
}

// The first key behind all that begin with this prefix, which ends with '/'.
std::string EndOf(std::string prefix) {
  prefix.back() = '/' + 1;
  return prefix;
}

}  // namespace

Detection::Detection(const Options& options, storage::Store* store, const base::Clock* clock,
                     metrics::Registry* registry)
    : options_(options),
      store_(store),
      clock_(clock),
      queue_(options.queue_bytes_max),
      metrics_(registry),
      alert_metrics_(registry),
      matches_(options.matches, store),
      alerts_(options.alerts, store, &alert_metrics_),
      stage_(
          &matches_, &alerts_, &queue_, [this](TenantId tenant) { return Compiled(tenant); }, clock,
          &metrics_) {
  registry->AddGauge("neurallog_rules", "Rules that are compiled and in memory.",
                     [this] { return static_cast<double>(metrics_.rules.load()); });
  registry->AddGauge("neurallog_rule_queue_bytes", "Batches that wait for the rule stage.",
                     [this] { return static_cast<double>(queue_.bytes()); });
  registry->AddGauge("neurallog_rule_stage_lag_seconds",
                     "How long the oldest record that rules have not seen is there.", [this] {
                       const int64_t since_ns = metrics_.behind_since_ns.load();
                       if (since_ns == 0) return 0.0;
                       return static_cast<double>(clock_->WallNs() - since_ns) * 1e-9;
                     });
}

// One seek for each tenant that has rules.
Result<std::vector<TenantId>> Detection::Load() {
  const std::string prefix = "rule/";
  std::string begin = prefix;
  for (bool found = true; found;) {
    found = false;
    NL_RETURN_IF_ERROR(store_->ScanMetaRange(
        begin, EndOf(prefix), storage::Store::Order::kAscending,
        [&](std::string_view key, std::string_view) {
          const auto tenant =
              static_cast<TenantId>(std::strtoul(Rest(key, prefix).c_str(), nullptr, 10));
          tenants_.push_back(tenant);
          begin = EndOf(RulePrefix(tenant));
          found = true;
          return false;
        }));
  }
  return tenants_;
}

Status Detection::Start(Host host) {
  set_published_ = std::move(host.set_published);
  NL_TRY(const Progress progress, matches_.ReadProgress());
  for (const TenantId tenant : tenants_) set_published_(tenant, true);
  stage_.Start(std::move(host.stage), tenants_, progress);
  return {};
}

Detection::Book* Detection::BookOf(TenantId tenant) {
  base::MutexLock lock(mutex_);
  auto& book = books_[tenant];
  if (!book) book = std::make_unique<Book>();
  return book.get();
}

Result<Detection::Draft> Detection::ReadDraft(TenantId tenant) const {
  Draft draft;
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(RulePrefix(tenant), [&](std::string_view key, std::string_view value) {
        auto rule = DecodeRule(value);
        if (!rule.ok())
          return base::LogError("a rule is left out",
                                {{"key", std::string(key)}, {"error", rule.status().ToString()}});
        std::string id = rule->id;
        draft.rules.emplace(std::move(id), std::move(*rule));
      }));
  NL_TRY(draft.lists, Lists(tenant));
  return draft;
}

std::shared_ptr<const CompiledRules> Detection::Compile(const Draft& draft) const {
  return CompiledRules::Compile(draft.rules, draft.lists);
}

Result<std::shared_ptr<const CompiledRules>> Detection::Compiled(TenantId tenant) {
  Book* const book = BookOf(tenant);
  {
    base::MutexLock lock(mutex_);
    if (book->compiled) return book->compiled;
  }
  NL_TRY(const Draft draft, ReadDraft(tenant));
  auto compiled = Compile(draft);
  base::MutexLock lock(mutex_);
  if (!book->compiled) book->compiled = std::move(compiled);  // else a change was faster
  return book->compiled;
}

Status Detection::Apply(TenantId tenant, Draft draft,
                        std::shared_ptr<const CompiledRules> compiled) {
  Book* const book = BookOf(tenant);
  const bool has_rules = !draft.rules.empty();
  if (has_rules) set_published_(tenant, true);
  NL_RETURN_IF_ERROR(stage_.Apply(tenant, std::move(draft.change), has_rules ? compiled : nullptr));
  if (!has_rules) set_published_(tenant, false);
  base::MutexLock lock(mutex_);
  book->compiled = std::move(compiled);
  return {};
}

void Detection::Enter(TenantId tenant, StoredRule* rule, Draft* draft) const {
  rule->updated_ns = rule->created_ns = clock_->WallNs();
  if (const auto old = draft->rules.find(rule->id); old != draft->rules.end()) {
    rule->version = old->second.version + 1;
    rule->created_ns = old->second.created_ns;
    draft->change.put.emplace_back(RuleVersionKey(tenant, rule->id, old->second.version),
                                   EncodeRule(old->second));
    if (old->second.version > kVersionsKept)
      draft->change.remove.push_back(
          RuleVersionKey(tenant, rule->id, old->second.version - kVersionsKept));
  }
  draft->change.put.emplace_back(RuleKey(tenant, rule->id), EncodeRule(*rule));
  draft->rules.insert_or_assign(rule->id, *rule);
}

Status Detection::CheckRoom(const Draft& draft) const {
  if (draft.rules.size() <= options_.rules_max) return {};
  return ResourceExhausted("the tenant would have " + std::to_string(draft.rules.size()) +
                           " rules, more than " + std::to_string(options_.rules_max) +
                           " (rules.rules_max)");
}

Result<StoredRule> Detection::Put(TenantId tenant, NewRule given, const Expectation& expectation) {
  if (given.document.size() > options_.document_bytes_max)
    return TooLarge("the rule has " + std::to_string(given.document.size()) + " bytes, more than " +
                    std::to_string(options_.document_bytes_max) + " (rules.document_bytes_max)");
  base::MutexLock lock(BookOf(tenant)->change_mutex);
  NL_TRY(Draft draft, ReadDraft(tenant));
  const ReadRule read = ReadDocument(given.document, draft.lists);
  if (read.info.state == RuleState::kFailed) return InvalidArgument(read.info.reason);
  StoredRule rule;
  rule.id = ChooseId(given.id, read.info);
  NL_RETURN_IF_ERROR(CheckId(rule.id));
  rule.document = std::move(given.document);
  rule.enabled = given.enabled.value_or(!read.parsed.rule || read.parsed.rule->enabled);
  const auto old = draft.rules.find(rule.id);
  NL_RETURN_IF_ERROR(
      CheckExpectation(old == draft.rules.end() ? nullptr : &old->second, rule.id, expectation));
  Enter(tenant, &rule, &draft);
  NL_RETURN_IF_ERROR(CheckRoom(draft));
  const auto compiled = Compile(draft);
  const RuleInfo& info = *compiled->Find(rule.id);
  if (info.state == RuleState::kFailed) return InvalidArgument(info.reason);
  if (const auto problems = RunOwnTests(rule, draft.rules, *compiled, draft.lists);
      !problems.empty())
    return InvalidArgument(Describe(problems));
  NL_RETURN_IF_ERROR(Apply(tenant, std::move(draft), compiled));
  return rule;
}

Result<StoredRule> Detection::SetEnabled(TenantId tenant, std::string_view id, bool enabled,
                                         const Expectation& expectation) {
  base::MutexLock lock(BookOf(tenant)->change_mutex);
  NL_TRY(Draft draft, ReadDraft(tenant));
  const auto found = draft.rules.find(id);
  if (found == draft.rules.end()) return NotFound(Name(id) + " does not exist");
  NL_RETURN_IF_ERROR(CheckExpectation(&found->second, id, expectation));
  StoredRule rule = found->second;
  if (rule.enabled == enabled) return rule;
  rule.enabled = enabled;
  Enter(tenant, &rule, &draft);
  const auto compiled = Compile(draft);
  NL_RETURN_IF_ERROR(Apply(tenant, std::move(draft), compiled));
  return rule;
}

Status Detection::Delete(TenantId tenant, std::string_view id, const Expectation& expectation) {
  base::MutexLock lock(BookOf(tenant)->change_mutex);
  NL_TRY(Draft draft, ReadDraft(tenant));
  const auto found = draft.rules.find(id);
  if (found == draft.rules.end()) return NotFound(Name(id) + " does not exist");
  NL_RETURN_IF_ERROR(CheckExpectation(&found->second, id, expectation));
  draft.rules.erase(found);
  draft.change.remove.push_back(RuleKey(tenant, id));
  const std::string versions = RuleVersionPrefix(tenant, id);
  draft.change.remove_ranges.emplace_back(versions, EndOf(versions));
  const auto compiled = Compile(draft);
  return Apply(tenant, std::move(draft), compiled);
}

Result<StoredRule> Detection::Get(TenantId tenant, std::string_view id) const {
  const auto bytes = store_->GetMeta(RuleKey(tenant, id));
  if (bytes.status().code() == Code::kNotFound) return NotFound(Name(id) + " does not exist");
  NL_RETURN_IF_ERROR(bytes.status());
  return DecodeRule(*bytes);
}

Result<StoredRule> Detection::GetVersion(TenantId tenant, std::string_view id,
                                         uint64_t version) const {
  NL_TRY(StoredRule rule, Get(tenant, id));
  if (rule.version == version) return rule;
  const auto bytes = store_->GetMeta(RuleVersionKey(tenant, id, version));
  if (bytes.status().code() == Code::kNotFound)
    return NotFound(Name(id) + " has no version " + std::to_string(version));
  NL_RETURN_IF_ERROR(bytes.status());
  return DecodeRule(*bytes);
}

Result<std::vector<StoredRule>> Detection::List(TenantId tenant, std::string_view after,
                                                size_t limit) const {
  std::vector<StoredRule> rules;
  Status status;
  std::string begin = RuleKey(tenant, after);
  if (!after.empty()) begin.push_back('\0');
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(begin, EndOf(RulePrefix(tenant)),
                                           storage::Store::Order::kAscending,
                                           [&](std::string_view, std::string_view value) {
                                             if (rules.size() >= limit) return false;
                                             auto rule = DecodeRule(value);
                                             if (rule.ok()) rules.push_back(std::move(*rule));
                                             else status = rule.status();
                                             return status.ok();
                                           }));
  NL_RETURN_IF_ERROR(status);
  return rules;
}

Result<std::vector<StoredRule>> Detection::Versions(TenantId tenant, std::string_view id) const {
  NL_RETURN_IF_ERROR(Get(tenant, id).status());
  std::vector<StoredRule> versions;
  Status status;
  NL_RETURN_IF_ERROR(store_->ScanMeta(RuleVersionPrefix(tenant, id),
                                      [&](std::string_view, std::string_view value) {
                                        auto rule = DecodeRule(value);
                                        if (rule.ok()) versions.push_back(std::move(*rule));
                                        else status = rule.status();
                                      }));
  NL_RETURN_IF_ERROR(status);
  std::reverse(versions.begin(), versions.end());
  return versions;
}

Result<std::vector<Detection::Imported>> Detection::Import(
    TenantId tenant, const std::vector<DocumentText>& documents, bool dry_run) {
  base::MutexLock lock(BookOf(tenant)->change_mutex);
  FailedTests failed;
  for (bool is_again = false;; is_again = true) {
    NL_TRY(Draft draft, ReadDraft(tenant));
    std::vector<Imported> report;
    for (const DocumentText& document : documents)
      report.push_back(EnterDocument(tenant, document, failed, &draft));
    NL_RETURN_IF_ERROR(CheckRoom(draft));
    const auto compiled = Compile(draft);
    for (Imported& entry : report) {
      if (!entry.problems.empty()) continue;
      entry.info = *compiled->Find(entry.info.id);
      if (entry.info.state == RuleState::kFailed) entry.problems = {{{}, entry.info.reason}};
    }
    if (!is_again) failed = RunTests(report, draft, *compiled);
    if (!is_again && !failed.empty()) continue;  // once more, without these
    if (!dry_run && !draft.change.put.empty())
      NL_RETURN_IF_ERROR(Apply(tenant, std::move(draft), compiled));
    return report;
  }
}

Detection::Imported Detection::EnterDocument(TenantId tenant, const DocumentText& document,
                                             const FailedTests& failed, Draft* draft) const {
  ReadRule read = ReadDocument(document.text, draft->lists);
  Imported entry;
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
    return entry;
  }
  StoredRule rule;
  rule.id = entry.info.id;
  rule.document = document.text;
  rule.enabled = !read.parsed.rule || read.parsed.rule->enabled;
  const auto old = draft->rules.find(rule.id);
  if (old == draft->rules.end() || old->second.document != rule.document)
    Enter(tenant, &rule, draft);
  return entry;
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

Status Detection::PutList(TenantId tenant, std::string_view name, std::vector<std::string> values) {
  if (!IsRuleId(name))
    return InvalidArgument("list name \"" + std::string(name.substr(0, 80)) +
                           "\": expected 1 to 64 letters, digits, '_', '.' or '-'");
  std::string bytes = EncodeList(values);
  if (values.size() > options_.list_values_max || bytes.size() > options_.list_bytes_max)
    return TooLarge("a list takes at most " + std::to_string(options_.list_values_max) +
                    " values and " + std::to_string(options_.list_bytes_max) + " bytes");
  base::MutexLock lock(BookOf(tenant)->change_mutex);
  NL_TRY(Draft draft, ReadDraft(tenant));
  draft.lists.insert_or_assign(std::string(name), std::move(values));
  if (draft.lists.size() > options_.lists_max)
    return ResourceExhausted("the tenant has " + std::to_string(options_.lists_max) +
                             " lists, which is the maximum");
  draft.change.put.emplace_back(ListPrefix(tenant).append(name), std::move(bytes));
  const auto compiled = Compile(draft);
  return Apply(tenant, std::move(draft), compiled);
}

Status Detection::DeleteList(TenantId tenant, std::string_view name) {
  base::MutexLock lock(BookOf(tenant)->change_mutex);
  NL_TRY(Draft draft, ReadDraft(tenant));
  const auto found = draft.lists.find(name);
  if (found == draft.lists.end())
    return NotFound("list \"" + std::string(name.substr(0, 80)) + "\" does not exist");
  draft.lists.erase(found);
  draft.change.remove.push_back(ListPrefix(tenant).append(name));
  const auto compiled = Compile(draft);
  return Apply(tenant, std::move(draft), compiled);
}

Result<rules::Lists> Detection::Lists(TenantId tenant) const {
  rules::Lists lists;
  Status status;
  const std::string prefix = ListPrefix(tenant);
  NL_RETURN_IF_ERROR(store_->ScanMeta(prefix, [&](std::string_view key, std::string_view value) {
    auto values = DecodeList(value);
    if (values.ok()) lists.emplace(Rest(key, prefix), std::move(*values));
    else status = values.status();
  }));
  NL_RETURN_IF_ERROR(status);
  return lists;
}

void Detection::AddRemoval(TenantId tenant, storage::MetaChange* change) const {
  for (const std::string& prefix : RulePrefixes(tenant))
    change->remove_ranges.emplace_back(prefix, EndOf(prefix));
  MatchStore::AddRemoval(tenant, change);
  AlertStore::AddRemoval(tenant, change);
}

Result<Alert> Detection::Obey(TenantId tenant, const AlertId& id, const AlertOrder& order) {
  NL_RETURN_IF_ERROR(stage_.Obey(tenant, id, order));
  return alerts_.Get(tenant, id);
}

Status Detection::Forget(TenantId tenant) {
  {
    base::MutexLock lock(BookOf(tenant)->change_mutex);
    NL_RETURN_IF_ERROR(stage_.Forget(tenant));
  }
  base::MutexLock lock(mutex_);
  books_[tenant]->compiled.reset();
  return {};
}

}  // namespace neurallog::detection
