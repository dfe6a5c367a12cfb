// The actions of all tenants: stored, compiled, looked up.
//
//   ActionBook book(options, &store, clock, &host);
//   NL_RETURN_IF_ERROR(book.Load());
//   NL_TRY(StoredAction action, book.Put(tenant, draft, {.is_new = true}));   // durable
//   std::shared_ptr<const Action> at_work = book.Find(tenant, "ops");          // null: there is none
//
// What is stored of an action holds no secret that can be read without the key file. Thread-safe but Load.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actions/action.h"
#include "actions/options.h"
#include "actions/secret_box.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "storage/store.h"

namespace neurallog::actions {

class ActionBook {
 public:
  // The action that each tenant has without making it: it writes into the tenant's own logs. No id that a user can give.
  static constexpr char kLogAction[] = ":log";

  ActionBook(const Options& options, storage::Store* store, const NoiseBook* noise,
             const base::Clock* clock, SinkHost* host)
      : options_(options), store_(store), noise_(noise), clock_(clock), host_(host) {}

  Status Load();
  // Called with the tenant and the id of each action that has changed, when it has.
  void OnChange(std::function<void(TenantId, const std::string&)> on_change) {
    on_change_ = std::move(on_change);
  }

  // What must hold for a change to be made; else Conflict.
  struct Expectation {
    bool is_new = false;
    std::optional<uint64_t> version;
  };
  Result<StoredAction> Put(TenantId tenant, ActionDraft draft, const Expectation& expectation);
  Status Delete(TenantId tenant, std::string_view id, const Expectation& expectation);
  // `reason`: why the server disables it; empty: a user does.
  Result<StoredAction> SetEnabled(TenantId tenant, std::string_view id, bool enabled,
                                  const Expectation& expectation, std::string_view reason = {});
  // Puts a new value in the place of a secret; the former one becomes `<member>_previous`, if the type knows that.
  Result<StoredAction> RotateSecret(TenantId tenant, std::string_view id, std::string_view member,
                                    std::string_view value, const Expectation& expectation);

  // NotFound.
  Result<StoredAction> Get(TenantId tenant, std::string_view id) const;
  Result<std::vector<StoredAction>> List(TenantId tenant, std::string_view after,
                                         size_t limit) const;
  // Its configuration as it is shown.
  Result<std::string> ShownConfig(TenantId tenant, const StoredAction& action) const;
  std::shared_ptr<const Action> Find(TenantId tenant, std::string_view id) const;
  // An action that refers to the time interval.
  std::optional<std::string> UserOf(TenantId tenant, std::string_view time_interval) const;
  // Compiles a draft, to try it; hidden secrets are those of the action that is there.
  Result<std::shared_ptr<const Action>> Compile(TenantId tenant, ActionDraft draft) const;

  static void AddRemoval(TenantId tenant, storage::MetaChange* change);
  void Forget(TenantId tenant);

 private:
  using Edit = std::function<Status(StoredAction*)>;
  Result<StoredAction> Change(TenantId tenant, std::string_view id, const Expectation& expectation,
                              const Edit& edit);
  Status Check(const std::optional<StoredAction>& old, std::string_view id,
               const Expectation& expectation) const;
  Result<std::string> SecretsOf(TenantId tenant, const StoredAction& action) const;
  // Replaces the configuration; what is hidden in it stays as it is.
  Status SetConfig(TenantId tenant, const std::string& config, StoredAction* action) const;
  Result<std::shared_ptr<const Action>> CompileStored(TenantId tenant,
                                                      const StoredAction& action) const;
  Status Write(TenantId tenant, const StoredAction& action, std::shared_ptr<const Action> compiled);
  void Enter(TenantId tenant, const std::string& id, std::shared_ptr<const Action> compiled);
  std::shared_ptr<const Action> MakeLogAction(TenantId tenant) const;
  // Whether the time intervals that are named exist.
  Status CheckTimes(TenantId tenant, const Quiet& quiet) const;
  std::string About(TenantId tenant, std::string_view id) const;

  const Options options_;
  storage::Store* const store_;
  const NoiseBook* const noise_;
  const base::Clock* const clock_;
  SinkHost* const host_;
  std::optional<SecretBox> box_;  // constant after Load; none: the server is read-only
  std::function<void(TenantId, const std::string&)> on_change_;

  base::Mutex change_mutex_;  // one change at a time
  mutable base::Mutex mutex_;
  using OfTenant = std::map<std::string, std::shared_ptr<const Action>, std::less<>>;
  std::map<TenantId, OfTenant> actions_ NL_GUARDED_BY(mutex_);
};

}  // namespace neurallog::actions
