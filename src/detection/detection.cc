#include "detection/detection.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"

namespace neurallog::detection {
namespace {

// The part of a key behind a prefix.
std::string Rest(std::string_view key, const std::string& prefix) {
  return std::string(key.substr(prefix.size()));
}

// Tenants of which it is the same can share what is compiled. What a rule of a pack says its version knows.
base::Hash128Value KeyOf(const Draft& draft) {
  std::string text;
  for (const auto& [id, rule] : draft.rules) {
    base::AppendLengthPrefixed(&text, id);
    base::AppendLengthPrefixed(&text, rule.quarantine);
    base::AppendLe(&text, rule.version);
    base::AppendLe(&text, static_cast<uint8_t>(rule.enabled));
    if (IsPackRuleId(id)) continue;
    const base::Hash128Value document = base::Hash128(rule.document);
    base::AppendLe(&text, document.low);
    base::AppendLe(&text, document.high);
  }
  for (const auto& [name, values] : draft.lists) {
    base::AppendLengthPrefixed(&text, name);
    base::AppendVarint(&text, values.size());
    for (const std::string& value : values) base::AppendLengthPrefixed(&text, value);
  }
  return base::Hash128(text);
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
      packs_(store),
      lookups_(store),
      stage_(
          options_, &matches_, &alerts_, &queue_,
          [this](TenantId tenant) { return Compiled(tenant); }, clock, &metrics_),
      line_([this](TenantId tenant, std::vector<Change*> changes) {
        Make(tenant, std::move(changes));
      }) {
  registry->AddGauge("neurallog_rules", "Rules that are compiled and in memory.",
                     [this] { return static_cast<double>(metrics_.rules.load()); });
  registry->AddGauge("neurallog_rule_compiled_bytes", "What these take, estimated.",
                     [this] { return static_cast<double>(metrics_.compiled_bytes.load()); });
  registry->AddGauge("neurallog_rule_state_bytes", "Windows and sequences of rules.",
                     [this] { return static_cast<double>(metrics_.state_bytes.load()); });
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
  NL_RETURN_IF_ERROR(lookups_.Load());
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
  NL_TRY(const auto subscribers, packs_.Subscribers());
  for (const TenantId tenant : subscribers)
    if (std::find(tenants_.begin(), tenants_.end(), tenant) == tenants_.end())
      tenants_.push_back(tenant);
  return tenants_;
}

Status Detection::Start(Host host) {
  set_published_ = std::move(host.set_published);
  NL_TRY(const Progress progress, matches_.ReadProgress());
  for (const TenantId tenant : tenants_) set_published_(tenant, true);
  host.stage.on_sample = [this](TenantId tenant, std::shared_ptr<const rules::RowSample> sample) {
    Book* const book = BookOf(tenant);
    {
      base::MutexLock lock(mutex_);
      book->sample = std::move(sample);
    }
    line_.Post(tenant);
  };
  host.stage.on_slow = [this](TenantId tenant, std::vector<SlowRule> slow) {
    Book* const book = BookOf(tenant);
    {
      base::MutexLock lock(mutex_);
      book->slow = std::move(slow);
    }
    line_.Post(tenant);
  };
  host.stage.on_unload = [this](TenantId tenant) {
    Book* const book = BookOf(tenant);
    base::MutexLock lock(mutex_);
    std::erase(recent_, book->compiled.lock());
    book->sample.reset();
  };
  host.stage.lookups = &lookups_;
  stage_.Start(std::move(host.stage), tenants_, progress);
  line_.Start();
  return {};
}

void Detection::Stop() {
  line_.Stop();
  stage_.Stop();
}

Detection::Book* Detection::BookOf(TenantId tenant) {
  base::MutexLock lock(mutex_);
  auto& book = books_[tenant];
  if (!book) book = std::make_unique<Book>();
  return book.get();
}

Result<Draft> Detection::ReadDraft(TenantId tenant) const {
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
  NL_TRY(draft.subscriptions, packs_.SubscriptionsOf(tenant));
  NL_RETURN_IF_ERROR(AddPackRules(&draft));
  return draft;
}

std::shared_ptr<const CompiledRules> Detection::Compile(TenantId tenant, const Draft& draft) {
  const Book* const book = BookOf(tenant);
  std::shared_ptr<const CompiledRules> previous;
  std::shared_ptr<const rules::RowSample> sample;
  {
    base::MutexLock lock(mutex_);
    if (!draft.has_other_lists) previous = book->compiled.lock();
    sample = book->sample;
  }
  const base::Hash128Value key = KeyOf(draft);
  if (auto shared = FindShared(key)) return shared;
  const int64_t begin_ns = clock_->MonotonicNs();
  auto compiled = CompiledRules::Compile(
      {draft.rules, draft.lists, sample.get(), previous.get(), &draft.changed});
  metrics_.compile_ns += clock_->MonotonicNs() - begin_ns;
  metrics_.compilations.Add();
  Share(key, compiled);
  return compiled;
}

std::shared_ptr<const CompiledRules> Detection::FindShared(const base::Hash128Value& key) const {
  base::MutexLock lock(mutex_);
  const auto found = shared_.find({key.high, key.low});
  return found == shared_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<const CompiledRules> Detection::FindSharedLike(const CompiledRules& rules) const {
  base::MutexLock lock(mutex_);
  for (const auto& [key, shared] : shared_)
    if (auto known = shared.lock(); known && known->plan() == rules.plan()) return known;
  return nullptr;
}

size_t Detection::Users(const std::shared_ptr<const CompiledRules>& rules) const {
  base::MutexLock lock(mutex_);
  return static_cast<size_t>(std::count_if(books_.begin(), books_.end(), [&](const auto& of) {
    return of.second->compiled.lock() == rules;
  }));
}

void Detection::Share(const base::Hash128Value& key,
                      const std::shared_ptr<const CompiledRules>& compiled) {
  base::MutexLock lock(mutex_);
  std::erase_if(shared_, [](const auto& of) { return of.second.expired(); });
  shared_.insert_or_assign(std::pair(key.high, key.low), compiled);
}

// A change that comes in between makes what was read here old.
Result<std::shared_ptr<const CompiledRules>> Detection::Compiled(TenantId tenant) {
  Book* const book = BookOf(tenant);
  std::shared_ptr<const CompiledRules> made;
  for (uint64_t read_at = 0;;) {
    {
      base::MutexLock lock(mutex_);
      auto known = book->compiled.lock();
      if (!known && made && book->changes == read_at) known = std::move(made);
      if (known) {
        Keep(book, known);
        return known;
      }
      read_at = book->changes;
    }
    NL_TRY(const Draft draft, ReadDraft(tenant));
    made = Compile(tenant, draft);
  }
}

void Detection::Keep(Book* book, const std::shared_ptr<const CompiledRules>& compiled) {
  book->compiled = compiled;
  std::erase(recent_, compiled);
  recent_.push_front(compiled);
  if (recent_.size() > kRecentMax) recent_.pop_back();
}

Status Detection::Apply(TenantId tenant, Draft draft,
                        std::shared_ptr<const CompiledRules> compiled) {
  Book* const book = BookOf(tenant);
  const bool has_rules = !draft.rules.empty();
  if (has_rules) set_published_(tenant, true);
  const Status status =
      stage_.Apply(tenant, std::move(draft.change), has_rules ? compiled : nullptr);
  if (status.ok() && !has_rules) set_published_(tenant, false);
  base::MutexLock lock(mutex_);
  ++book->changes;  // also when it is not known whether it was written
  if (!status.ok()) return status;
  Keep(book, compiled);
  return {};
}

void Detection::ShareInPlaceOf(const CompiledRules& before,
                               const std::shared_ptr<const CompiledRules>& compiled) {
  base::MutexLock lock(mutex_);
  for (auto& [key, shared] : shared_)
    if (shared.lock().get() == &before) shared = compiled;
}

// A change that turns out to be wrong is left out, and the others are made without it.
void Detection::Make(TenantId tenant, std::vector<Change*> changes) {
  Book* const book = BookOf(tenant);
  base::MutexLock lock(book->change_mutex);
  std::vector<SlowRule> slow;
  {
    base::MutexLock own_lock(mutex_);
    slow.swap(book->slow);
  }
  if (changes.empty() && slow.empty()) return CompileWithSample(book, tenant);
  const auto drop = [&](auto status_of) {
    return std::erase_if(changes, [&](Change* change) {
      change->status = status_of(*change);
      return !change->status.ok();
    });
  };
  while (true) {
    auto draft = ReadDraft(tenant);
    if (draft.ok()) Quarantine(tenant, &slow, &*draft);
    drop([&](const Change& change) { return draft.ok() ? change.edit(&*draft) : draft.status(); });
    if (!draft.ok() || !draft->is_changed()) return;
    const auto compiled = Compile(tenant, *draft);
    const size_t wrong = drop([&](const Change& change) {
      return change.check ? change.check(*compiled, *draft) : Status();
    });
    if (wrong > 0) continue;
    const Status status = Apply(tenant, std::move(*draft), compiled);
    drop([&](const Change&) { return status; });
    for (const SlowRule& one : slow) {
      if (!status.ok()) break;
      metrics_.quarantined.Add();
      base::LogWarn("a rule is quarantined: it takes too long",
                    {{"tenant", std::to_string(static_cast<uint32_t>(tenant))},
                     {"rule", one.id},
                     {"ns_per_record", std::to_string(one.ns)}});
    }
    return;
  }
}

// The version stays: what the rule says is the same.
void Detection::Quarantine(TenantId tenant, std::vector<SlowRule>* slow, Draft* draft) const {
  std::erase_if(*slow, [&](const SlowRule& one) {
    const auto found = draft->rules.find(one.id);
    if (found == draft->rules.end() || found->second.version != one.version) return true;
    const std::string why = "takes " + std::to_string(one.ns) + " ns for a record, more than " +
                            std::to_string(options_.rule_ns_max) + " (rules.rule_ns_max)";
    if (IsPackRuleId(one.id)) return !SetPackRule(tenant, one.id, why, draft).ok();
    found->second.quarantine = why;
    draft->Put(RuleKey(tenant, one.id), EncodeRule(found->second));
    return false;
  });
}

// Rules that several tenants have are compiled for the records of the first of them that has enough.
void Detection::CompileWithSample(Book* book, TenantId tenant) {
  std::shared_ptr<const CompiledRules> compiled;
  std::shared_ptr<const rules::RowSample> sample;
  {
    base::MutexLock lock(mutex_);
    compiled = book->compiled.lock();
    sample = book->sample;
  }
  if (!compiled || !sample) return;
  const auto shared = FindSharedLike(*compiled);
  if (shared == compiled && shared->is_sampled() && Users(compiled) > 1) return;
  if (shared && shared != compiled && shared->is_sampled()) {
    compiled = shared;
  } else {
    const int64_t begin_ns = clock_->MonotonicNs();
    compiled = compiled->WithSample(*sample);
    metrics_.compile_ns += clock_->MonotonicNs() - begin_ns;
    metrics_.compilations.Add();
    if (shared) ShareInPlaceOf(*shared, compiled);
  }
  if (!stage_.Exchange(tenant, compiled).ok()) return;
  base::MutexLock lock(mutex_);
  Keep(book, compiled);
}

Result<StoredRule> Detection::Get(TenantId tenant, std::string_view id) const {
  if (IsPackRuleId(id)) return GetPackRule(tenant, id);
  const auto bytes = store_->GetMeta(RuleKey(tenant, id));
  if (bytes.status().code() == Code::kNotFound) return NotFound(QuotedRule(id) + " does not exist");
  NL_RETURN_IF_ERROR(bytes.status());
  return DecodeRule(*bytes);
}

Result<StoredRule> Detection::GetVersion(TenantId tenant, std::string_view id,
                                         uint64_t version) const {
  NL_TRY(StoredRule rule, Get(tenant, id));
  if (rule.version == version) return rule;
  const auto bytes = store_->GetMeta(RuleVersionKey(tenant, id, version));
  if (bytes.status().code() == Code::kNotFound)
    return NotFound(QuotedRule(id) + " has no version " + std::to_string(version));
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
  change->remove_ranges.emplace_back(SubscriptionPrefix(tenant), EndOf(SubscriptionPrefix(tenant)));
  LookupBook::AddRemoval(tenant, change);
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
  lookups_.Forget(tenant);
  base::MutexLock lock(mutex_);
  Book* const book = books_[tenant].get();
  ++book->changes;
  book->compiled.reset();
  book->sample.reset();
  return {};
}

}  // namespace neurallog::detection
