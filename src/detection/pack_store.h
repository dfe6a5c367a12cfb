// Packs: rules that the operator of the server keeps once, and tenants subscribe to.
//
//   PackStore packs(&store);
//   NL_TRY(Pack pack, packs.Replace("sigma", std::move(rules)));
//   NL_TRY(auto subscriptions, packs.SubscriptionsOf(tenant));     // by name of the pack
//
// To a tenant a rule of a pack has the id "pack:id", which no rule of its own can have. A rule keeps its version while its document stays;
// another one has a version that is greater than any before, also of a pack that was deleted and made anew. Thread-safe; one Replace or
// Remove at a time.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "detection/stored_rule.h"
#include "storage/store.h"

namespace neurallog::detection {

struct Pack {
  std::string name;
  uint64_t version = 0;
  int64_t updated_ns = 0;
  uint64_t rules = 0;
};

// What a tenant wants of a pack.
struct Subscription {
  std::map<std::string, std::string>
      off;  // rules that do not run, by id in the pack; why: empty if the tenant wants it so
};

class PackStore {
 public:
  static constexpr size_t kPacksMax = 1'000;
  static constexpr size_t kSubscriptionsMax = 100;  // of a tenant

  explicit PackStore(storage::Store* store) : store_(store) {}

  Result<std::vector<Pack>> List() const;
  // NotFound.
  Result<Pack> Get(std::string_view name) const;
  // By id in the pack.
  Result<std::map<std::string, StoredRule>> Rules(std::string_view name) const;
  Result<StoredRule> Rule(std::string_view name, std::string_view id) const;
  // The pack has these rules from now on and no others.
  Result<Pack> Replace(std::string_view name, std::vector<StoredRule> rules, int64_t now_ns);
  // Subscriptions stay, and mean nothing until there is such a pack again.
  Status Remove(std::string_view name);

  Result<std::map<std::string, Subscription>> SubscriptionsOf(TenantId tenant) const;
  Result<std::vector<TenantId>> SubscribersOf(std::string_view name) const;
  // With any subscription.
  Result<std::vector<TenantId>> Subscribers() const { return SubscribersOf({}); }

 private:
  storage::Store* const store_;
};

std::string SubscriptionPrefix(TenantId tenant);
std::string EncodeSubscription(const Subscription& subscription);

// Of "pack:id"; both empty for the id of a tenant's own rule.
struct PackRuleId {
  std::string_view pack;
  std::string_view id;
};
PackRuleId SplitPackRuleId(std::string_view id);
inline bool IsPackRuleId(std::string_view id) { return !SplitPackRuleId(id).pack.empty(); }

}  // namespace neurallog::detection
