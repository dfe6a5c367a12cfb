// Packs and who subscribes to them.
#include <utility>

#include "detection/detection.h"

namespace neurallog::detection {
namespace {

Status CheckPackName(std::string_view name) {
  if (IsRuleId(name)) return {};
  return InvalidArgument("pack \"" + std::string(name.substr(0, 80)) +
                         "\": expected 1 to 64 letters, digits, '_', '.' or '-'");
}

}  // namespace

// A pack that does not exist any more has no rules.
Status Detection::AddPackRules(Draft* draft) const {
  for (const auto& [name, subscription] : draft->subscriptions) {
    NL_TRY(auto rules, packs_.Rules(name));
    for (auto& [id, rule] : rules) {
      rule.id = name + ":" + id;
      if (const auto off = subscription.off.find(id); off != subscription.off.end()) {
        rule.enabled = rule.enabled && !off->second.empty();
        rule.quarantine = off->second;
      }
      std::string key = rule.id;
      draft->rules.insert_or_assign(std::move(key), std::move(rule));
    }
  }
  return {};
}

// What is made of a subscription is read anew from the packs.
Status Detection::EnterSubscription(TenantId tenant, const std::string& pack,
                                    const std::optional<Subscription>& subscription,
                                    Draft* draft) const {
  const std::string key = SubscriptionPrefix(tenant) + pack;
  if (subscription) draft->subscriptions.insert_or_assign(pack, *subscription);
  else draft->subscriptions.erase(pack);
  if (subscription) draft->Put(key, EncodeSubscription(*subscription));
  else draft->Remove(key);
  std::erase_if(draft->rules, [](const auto& rule) { return IsPackRuleId(rule.first); });
  NL_RETURN_IF_ERROR(AddPackRules(draft));
  return subscription ? CheckRoom(draft->rules.size()) : Status();
}

void Detection::Subscribe(TenantId tenant, std::string pack, std::vector<std::string> off,
                          Told done) {
  Change change;
  change.edit = [this, tenant, pack = std::move(pack),
                 off = std::move(off)](Draft* draft) -> Status {
    NL_RETURN_IF_ERROR(packs_.Get(pack).status());
    NL_TRY(const auto rules, packs_.Rules(pack));
    const auto old = draft->subscriptions.find(pack);
    if (old == draft->subscriptions.end() &&
        draft->subscriptions.size() >= PackStore::kSubscriptionsMax)
      return ResourceExhausted("the tenant subscribes to 100 packs, which is the maximum");
    Subscription subscription;
    for (const std::string& id : off) {
      if (rules.find(id) == rules.end())
        return InvalidArgument("pack \"" + pack + "\" has no rule \"" + id.substr(0, 80) + "\"");
      subscription.off.emplace(id, "");
    }
    return EnterSubscription(tenant, pack, subscription, draft);
  };
  change.done = std::move(done);
  line_.Submit(tenant, std::move(change));
}

void Detection::Unsubscribe(TenantId tenant, std::string pack, Told done) {
  Change change;
  change.edit = [this, tenant, pack = std::move(pack)](Draft* draft) -> Status {
    if (draft->subscriptions.find(pack) == draft->subscriptions.end())
      return NotFound("the tenant does not subscribe to pack \"" + pack.substr(0, 80) + "\"");
    return EnterSubscription(tenant, pack, std::nullopt, draft);
  };
  change.done = std::move(done);
  line_.Submit(tenant, std::move(change));
}

// `why` nothing: the rule runs.
Status Detection::SetPackRule(TenantId tenant, std::string_view id,
                              const std::optional<std::string>& why, Draft* draft) const {
  const PackRuleId split = SplitPackRuleId(id);
  const std::string pack(split.pack);
  Subscription subscription = draft->subscriptions[pack];
  if (why) subscription.off.insert_or_assign(std::string(split.id), *why);
  else subscription.off.erase(std::string(split.id));
  return EnterSubscription(tenant, pack, subscription, draft);
}

Result<StoredRule> Detection::GetPackRule(TenantId tenant, std::string_view id) const {
  const PackRuleId split = SplitPackRuleId(id);
  NL_TRY(const auto subscriptions, packs_.SubscriptionsOf(tenant));
  const auto subscription = subscriptions.find(std::string(split.pack));
  auto rule =
      subscription == subscriptions.end() ? NotFound("") : packs_.Rule(split.pack, split.id);
  if (rule.status().code() == Code::kNotFound)
    return NotFound("rule \"" + std::string(id.substr(0, 80)) + "\" does not exist");
  NL_RETURN_IF_ERROR(rule.status());
  rule->id = id;
  if (const auto off = subscription->second.off.find(std::string(split.id));
      off != subscription->second.off.end()) {
    rule->enabled = rule->enabled && !off->second.empty();
    rule->quarantine = off->second;
  }
  return rule;
}

Result<std::vector<Detection::Imported>> Detection::PutPack(
    std::string_view name, const std::vector<DocumentText>& documents, bool dry_run) {
  NL_RETURN_IF_ERROR(CheckPackName(name));
  Draft draft;
  NL_TRY(auto report, TryDocuments(documents, &draft));
  if (dry_run || draft.rules.empty()) return report;
  std::vector<StoredRule> rules;
  for (auto& [id, rule] : draft.rules) rules.push_back(std::move(rule));
  base::MutexLock lock(pack_mutex_);
  NL_RETURN_IF_ERROR(packs_.Replace(name, std::move(rules), clock_->WallNs()).status());
  NL_RETURN_IF_ERROR(FollowPack(name));
  return report;
}

Status Detection::DeletePack(std::string_view name) {
  base::MutexLock lock(pack_mutex_);
  NL_RETURN_IF_ERROR(packs_.Remove(name));
  return FollowPack(name);
}

// The subscription is written once more, so that there is a change to be made. One tenant after the other, so that
// changes of others have their turns in between.
Status Detection::FollowPack(std::string_view name) {
  NL_TRY(const auto tenants, packs_.SubscribersOf(name));
  Status first_error;
  for (const TenantId tenant : tenants) {
    Change change;
    change.edit = [tenant, pack = std::string(name)](Draft* draft) -> Status {
      const auto found = draft->subscriptions.find(pack);
      if (found == draft->subscriptions.end()) return {};
      draft->Put(SubscriptionPrefix(tenant) + pack, EncodeSubscription(found->second));
      return {};
    };
    const Status status = Await<Status>([&](auto done) {
      change.done = done;
      line_.Submit(tenant, std::move(change));
    });
    if (!status.ok() && first_error.ok())
      first_error = status.Annotate(
          "the pack is stored, but not all tenants that subscribe to it have it yet");
  }
  return first_error;
}

}  // namespace neurallog::detection
