// Rules of tenants, as the server runs them: kept, compiled, shown every record, their matches stored.
//
//   Detection detection(options, &store, clock, registry);
//   NL_TRY(std::vector<TenantId> tenants, detection.Load());    // those that have rules
//   detection.Start(host);                                       // before anything is published
//   NL_TRY(StoredRule rule, detection.Put(tenant, {.document = yaml}));
//   // every record that is acknowledged from now on is shown to the rule
//
// A change is durable, and in force, when its caller is told. The thread `nl-rule-build` makes changes: those of a tenant
// that wait together are compiled together. It also compiles a tenant's rules again when the stage has a sample of the
// tenant's records that says what is rare there. At a bound of the options a change is refused.
//
// Compiled rules are in memory while the stage needs them (Stage), and those that were asked for last.
//
// Each change comes in two forms: with `done`, which returns at once, and is told by the thread that makes changes, or by
// the caller's when the change is refused; and one that waits, which must not be called by `done`.
// Thread-safe but Load, Start and Stop.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "detection/alert_store.h"
#include "detection/change_line.h"
#include "detection/compiled_rules.h"
#include "detection/draft.h"
#include "detection/lookup_book.h"
#include "detection/match_store.h"
#include "detection/options.h"
#include "detection/pack_store.h"
#include "detection/queue.h"
#include "detection/split_documents.h"
#include "detection/stage.h"
#include "storage/store.h"

namespace neurallog::detection {

struct Host {
  StageHost stage;
  // From when this returns, batches of the tenant are published, or are no more.
  std::function<void(TenantId, bool)> set_published;
};

class Detection {
 public:
  static constexpr uint64_t kVersionsKept = 20;
  static constexpr size_t kRecentMax = 4;

  Detection(const Options& options, storage::Store* store, const base::Clock* clock,
            metrics::Registry* registry);

  Result<std::vector<TenantId>> Load();
  Status Start(Host host);
  void Stop();
  Queue* queue() { return &queue_; }
  uint64_t needed_from() const { return stage_.needed_from(); }
  // Every batch up to this LSN has been shown to the rules of its tenant.
  uint64_t passed_lsn() const { return metrics_.passed_lsn.load(); }
  const Options& options() const { return options_; }

  // What must hold for a change to be made; else Conflict.
  struct Expectation {
    bool is_new = false;              // there is no rule of this id
    std::optional<uint64_t> version;  // the rule has this version
  };
  struct NewRule {
    std::string id;  // empty: the document's, else one made from its name
    std::string document;
    std::optional<bool> enabled;  // nothing: as the document says
  };
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using Told = std::function<void(const Status&)>;
  // InvalidArgument says what is wrong with the document, or which of its tests fail.
  void Put(TenantId tenant, NewRule rule, const Expectation& expectation, Done<StoredRule> done);
  void SetEnabled(TenantId tenant, std::string id, bool enabled, const Expectation& expectation,
                  Done<StoredRule> done);
  void Delete(TenantId tenant, std::string id, const Expectation& expectation, Told done);
  Result<StoredRule> Put(TenantId tenant, NewRule rule, const Expectation& expectation) {
    return Await<Result<StoredRule>>(
        [&](auto done) { Put(tenant, std::move(rule), expectation, done); });
  }
  Result<StoredRule> SetEnabled(TenantId tenant, std::string id, bool enabled,
                                const Expectation& expectation) {
    return Await<Result<StoredRule>>(
        [&](auto done) { SetEnabled(tenant, std::move(id), enabled, expectation, done); });
  }
  Status Delete(TenantId tenant, std::string id, const Expectation& expectation) {
    return Await<Status>([&](auto done) { Delete(tenant, std::move(id), expectation, done); });
  }

  // NotFound.
  Result<StoredRule> Get(TenantId tenant, std::string_view id) const;
  // As it was, or is, in this version; of earlier ones the last kVersionsKept are known.
  Result<StoredRule> GetVersion(TenantId tenant, std::string_view id, uint64_t version) const;
  // By id, behind `after`.
  Result<std::vector<StoredRule>> List(TenantId tenant, std::string_view after, size_t limit) const;
  // Versions before the present one, newest first.
  Result<std::vector<StoredRule>> Versions(TenantId tenant, std::string_view id) const;
  // What is in force now; compiled when it is not in memory.
  Result<std::shared_ptr<const CompiledRules>> Compiled(TenantId tenant);

  // One document of an import and what became of it.
  struct Imported {
    RuleInfo info;
    std::string file;   // of an archive
    uint64_t line = 0;  // of the document in the text
    std::vector<rules::Problem> problems;
  };
  // Those documents that can be read, and whose tests pass, are put, as one change. A rule that is there gets a new version if its document
  // differs. `dry_run`: nothing is changed.
  void Import(TenantId tenant, std::vector<DocumentText> documents, bool dry_run,
              Done<std::vector<Imported>> done);
  Result<std::vector<Imported>> Import(TenantId tenant, std::vector<DocumentText> documents,
                                       bool dry_run) {
    return Await<Result<std::vector<Imported>>>(
        [&](auto done) { Import(tenant, std::move(documents), dry_run, done); });
  }

  // --- lists that stand for %name% in rules ---
  void PutList(TenantId tenant, std::string name, std::vector<std::string> values, Told done);
  void DeleteList(TenantId tenant, std::string name, Told done);
  Status PutList(TenantId tenant, std::string name, std::vector<std::string> values) {
    return Await<Status>(
        [&](auto done) { PutList(tenant, std::move(name), std::move(values), done); });
  }
  Status DeleteList(TenantId tenant, std::string name) {
    return Await<Status>([&](auto done) { DeleteList(tenant, std::move(name), done); });
  }
  Result<rules::Lists> Lists(TenantId tenant) const;

  // --- tables that say more about values ---
  LookupBook& lookups() { return lookups_; }

  // --- packs (pack_store.h) ---
  const PackStore& packs() const { return packs_; }
  // The documents that can be read, and whose tests pass, are the pack from now on. Tenants that subscribe to it have it when this returns.
  Result<std::vector<Imported>> PutPack(std::string_view name,
                                        const std::vector<DocumentText>& documents, bool dry_run);
  Status DeletePack(std::string_view name);
  // All rules of the pack but `off` (ids in the pack) are rules of the tenant from now on, with its lists and filters. NotFound.
  void Subscribe(TenantId tenant, std::string pack, std::vector<std::string> off, Told done);
  void Unsubscribe(TenantId tenant, std::string pack, Told done);
  Status Subscribe(TenantId tenant, std::string pack, std::vector<std::string> off) {
    return Await<Status>(
        [&](auto done) { Subscribe(tenant, std::move(pack), std::move(off), done); });
  }
  Status Unsubscribe(TenantId tenant, std::string pack) {
    return Await<Status>([&](auto done) { Unsubscribe(tenant, std::move(pack), done); });
  }

  const MatchStore& matches() const { return matches_; }
  const AlertStore& alerts() const { return alerts_; }
  // What somebody wants of an alert. NotFound; Conflict when its state does not allow that.
  Result<Alert> Obey(TenantId tenant, const AlertId& id, const AlertOrder& order);
  Result<std::map<std::string, RuleCounts>> Counts(TenantId tenant) {
    return stage_.Counts(tenant);
  }

  // The tenant is deleted: what its owner must remove with it, and what follows.
  void AddRemoval(TenantId tenant, storage::MetaChange* change) const;
  Status Forget(TenantId tenant);

 private:
  // Of one tenant.
  struct Book {
    base::Mutex change_mutex;  // one change at a time
    // Guarded by Detection::mutex_.
    std::weak_ptr<const CompiledRules> compiled;     // the stage has them, or `recent_`
    uint64_t changes = 0;                            // of what is stored
    std::shared_ptr<const rules::RowSample> sample;  // of its records; null: none yet
    std::vector<SlowRule> slow;                      // to be quarantined
  };

  // By id of the rule: the tests that fail.
  using FailedTests = std::map<std::string, std::vector<rules::Problem>>;

  Book* BookOf(TenantId tenant);
  Result<Draft> ReadDraft(TenantId tenant) const;
  std::shared_ptr<const CompiledRules> Compile(TenantId tenant, const Draft& draft);
  // Calls `begin` with a function, and waits for what that is told.
  template <typename T, typename Begin>
  static T Await(Begin begin) {
    const auto told = std::make_shared<std::promise<T>>();
    begin([told](T result) { told->set_value(std::move(result)); });
    return told->get_future().get();
  }
  // On the thread that makes changes.
  void Make(TenantId tenant, std::vector<Change*> changes);
  // The same rules of other tenants, if there are any that are at work.
  std::shared_ptr<const CompiledRules> FindShared(const base::Hash128Value& key) const;
  std::shared_ptr<const CompiledRules> FindSharedLike(const CompiledRules& rules) const;
  void Share(const base::Hash128Value& key, const std::shared_ptr<const CompiledRules>& compiled);
  void ShareInPlaceOf(const CompiledRules& before,
                      const std::shared_ptr<const CompiledRules>& compiled);
  // What does not apply any more is taken off `slow`.
  void Quarantine(TenantId tenant, std::vector<SlowRule>* slow, Draft* draft) const;
  void CompileWithSample(Book* book, TenantId tenant);
  // How many tenants have these in memory.
  size_t Users(const std::shared_ptr<const CompiledRules>& rules) const;
  // Remembers what is in force.
  void Keep(Book* book, const std::shared_ptr<const CompiledRules>& compiled) NL_REQUIRES(mutex_);
  Status Apply(TenantId tenant, Draft draft, std::shared_ptr<const CompiledRules> compiled);
  // Enters the rule into the draft, as the next version of the one that is there.
  void Enter(TenantId tenant, StoredRule* rule, Draft* draft) const;
  Status EnterNew(TenantId tenant, const NewRule& given, const Expectation& expectation,
                  StoredRule* rule, Draft* draft) const;
  Status AddPackRules(Draft* draft) const;
  Status EnterSubscription(TenantId tenant, const std::string& pack,
                           const std::optional<Subscription>& subscription, Draft* draft) const;
  Status SetPackRule(TenantId tenant, std::string_view id, const std::optional<std::string>& why,
                     Draft* draft) const;
  Result<StoredRule> GetPackRule(TenantId tenant, std::string_view id) const;
  // Has the rules of those who subscribe to the pack made anew.
  Status FollowPack(std::string_view name);
  // Those that differ from what is there.
  Status EnterAll(TenantId tenant, std::vector<StoredRule> rules, Draft* draft) const;
  Status CheckRoom(size_t rules) const;
  // Adds to `rules` what can be read, but rules whose tests have `failed`.
  std::vector<Imported> ReadImport(const std::vector<DocumentText>& documents,
                                   const rules::Lists& lists, const FailedTests& failed,
                                   std::vector<StoredRule>* rules) const;
  struct ImportWork;
  Change ImportChange(TenantId tenant, std::shared_ptr<ImportWork> work);
  Result<std::vector<Imported>> TryImport(TenantId tenant, ImportWork* work);
  // As if they were imported where there is nothing.
  Result<std::vector<Imported>> TryDocuments(const std::vector<DocumentText>& documents,
                                             Draft* draft);
  void OnImported(TenantId tenant, const std::shared_ptr<ImportWork>& work, const Status& status);
  static void Complete(const CompiledRules& compiled, std::vector<Imported>* report);
  static FailedTests RunTests(const std::vector<Imported>& report, const Draft& draft,
                              const CompiledRules& compiled);

  const Options options_;
  storage::Store* const store_;
  const base::Clock* const clock_;
  Queue queue_;
  StageMetrics metrics_;
  AlertMetrics alert_metrics_;
  MatchStore matches_;
  AlertStore alerts_;
  PackStore packs_;
  LookupBook lookups_;
  base::Mutex pack_mutex_;  // one change of a pack at a time
  std::function<void(TenantId, bool)> set_published_;
  std::vector<TenantId> tenants_;  // with rules, at the start
  mutable base::Mutex mutex_;
  std::map<TenantId, std::unique_ptr<Book>> books_ NL_GUARDED_BY(mutex_);
  // Asked for last, the newest in front.
  std::deque<std::shared_ptr<const CompiledRules>> recent_ NL_GUARDED_BY(mutex_);
  // Rules of packs, of which several tenants may have the same, by what they are made of.
  std::map<std::pair<uint64_t, uint64_t>, std::weak_ptr<const CompiledRules>> shared_
      NL_GUARDED_BY(mutex_);
  Stage stage_;
  ChangeLine line_;
};

}  // namespace neurallog::detection
