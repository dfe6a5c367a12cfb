#include "detection/pack_store.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"

namespace neurallog::detection {
namespace {

constexpr uint8_t kPackFormat = 1;
constexpr char kPackPrefix[] = "pack/";
constexpr char kSubscriptions[] = "pack_of/";
constexpr char kNextVersion[] = "pack_next_version";

std::string PackKey(std::string_view name) { return std::string(kPackPrefix).append(name); }
std::string RulesPrefix(std::string_view name) {
  return std::string("pack_rule/").append(name).append("/");
}

std::string EncodePack(const Pack& pack) {
  std::string bytes;
  base::AppendLe(&bytes, kPackFormat);
  base::AppendLe(&bytes, pack.version);
  base::AppendLe(&bytes, pack.updated_ns);
  base::AppendLe(&bytes, pack.rules);
  return bytes;
}

Result<Pack> DecodePack(std::string_view name, std::string_view bytes) {
  base::ByteReader reader(bytes);
  const auto format = reader.ReadLe<uint8_t>();
  Pack pack;
  pack.name = name;
  pack.version = reader.ReadLe<uint64_t>();
  pack.updated_ns = reader.ReadLe<int64_t>();
  pack.rules = reader.ReadLe<uint64_t>();
  if (!reader.ok() || format != kPackFormat) return Corruption("a stored pack is damaged");
  return pack;
}

Result<Subscription> DecodeSubscription(std::string_view bytes) {
  base::ByteReader reader(bytes);
  const auto format = reader.ReadLe<uint8_t>();
  Subscription subscription;
  for (uint64_t count = reader.ReadVarint(); count > 0 && reader.ok(); --count) {
    std::string id(reader.ReadLengthPrefixed());
    subscription.off.emplace(std::move(id), reader.ReadLengthPrefixed());
  }
  if (!reader.ok() || format != kPackFormat) return Corruption("a stored subscription is damaged");
  return subscription;
}

}  // namespace

std::string SubscriptionPrefix(TenantId tenant) {
  return std::string(kSubscriptions)
      .append(std::to_string(static_cast<uint32_t>(tenant)))
      .append("/");
}

std::string EncodeSubscription(const Subscription& subscription) {
  std::string bytes;
  base::AppendLe(&bytes, kPackFormat);
  base::AppendVarint(&bytes, subscription.off.size());
  for (const auto& [id, why] : subscription.off) {
    base::AppendLengthPrefixed(&bytes, id);
    base::AppendLengthPrefixed(&bytes, why);
  }
  return bytes;
}

PackRuleId SplitPackRuleId(std::string_view id) {
  const size_t mark = id.find(':');
  if (mark == std::string_view::npos) return {};
  return {id.substr(0, mark), id.substr(mark + 1)};
}

Result<std::vector<Pack>> PackStore::List() const {
  std::vector<Pack> packs;
  Status status;
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(kPackPrefix, [&](std::string_view key, std::string_view value) {
        auto pack = DecodePack(key.substr(sizeof(kPackPrefix) - 1), value);
        if (pack.ok()) packs.push_back(std::move(*pack));
        else status = pack.status();
      }));
  NL_RETURN_IF_ERROR(status);
  return packs;
}

Result<Pack> PackStore::Get(std::string_view name) const {
  const auto bytes = store_->GetMeta(PackKey(name));
  if (bytes.status().code() == Code::kNotFound)
    return NotFound("pack \"" + std::string(name.substr(0, 80)) + "\" does not exist");
  NL_RETURN_IF_ERROR(bytes.status());
  return DecodePack(name, *bytes);
}

Result<std::map<std::string, StoredRule>> PackStore::Rules(std::string_view name) const {
  std::map<std::string, StoredRule> rules;
  Status status;
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(RulesPrefix(name), [&](std::string_view, std::string_view value) {
        auto rule = DecodeRule(value);
        if (!rule.ok()) return void(status = rule.status());
        std::string id = rule->id;
        rules.emplace(std::move(id), std::move(*rule));
      }));
  NL_RETURN_IF_ERROR(status);
  return rules;
}

Result<StoredRule> PackStore::Rule(std::string_view name, std::string_view id) const {
  NL_TRY(const std::string bytes, store_->GetMeta(RulesPrefix(name).append(id)));
  return DecodeRule(bytes);
}

Result<Pack> PackStore::Replace(std::string_view name, std::vector<StoredRule> rules,
                                int64_t now_ns) {
  NL_TRY(auto old, Rules(name));
  NL_TRY(const auto packs, List());
  const bool is_new =
      std::none_of(packs.begin(), packs.end(), [&](const Pack& pack) { return pack.name == name; });
  if (is_new && packs.size() >= kPacksMax)
    return ResourceExhausted("there are " + std::to_string(kPacksMax) +
                             " packs, which is the maximum");
  const auto next = store_->GetMeta(kNextVersion);
  if (!next.ok() && next.status().code() != Code::kNotFound) return next.status();
  Pack pack;
  pack.name = name;
  pack.version = next.ok() && next->size() == 8 ? base::LoadLe<uint64_t>(next->data()) : 1;
  pack.updated_ns = now_ns;
  pack.rules = rules.size();
  storage::MetaChange change;
  for (StoredRule& rule : rules) {
    const auto known = old.find(rule.id);
    const bool stays = known != old.end() && known->second.document == rule.document &&
                       known->second.enabled == rule.enabled;
    rule.version = stays ? known->second.version : pack.version;
    rule.created_ns = known != old.end() ? known->second.created_ns : now_ns;
    rule.updated_ns = stays ? known->second.updated_ns : now_ns;
    change.put.emplace_back(RulesPrefix(name).append(rule.id), EncodeRule(rule));
    if (known != old.end()) old.erase(known);
  }
  for (const auto& [id, rule] : old) change.remove.push_back(RulesPrefix(name).append(id));
  change.put.emplace_back(PackKey(name), EncodePack(pack));
  base::AppendLe(&change.put.emplace_back(kNextVersion, "").second, pack.version + 1);
  NL_RETURN_IF_ERROR(store_->WriteMeta(change));
  return pack;
}

Status PackStore::Remove(std::string_view name) {
  NL_RETURN_IF_ERROR(Get(name).status());
  std::string begin = RulesPrefix(name), end = begin;
  end.back() = '/' + 1;
  storage::MetaChange change;
  change.remove.push_back(PackKey(name));
  change.remove_ranges.emplace_back(std::move(begin), std::move(end));
  return store_->WriteMeta(change);
}

Result<std::map<std::string, Subscription>> PackStore::SubscriptionsOf(TenantId tenant) const {
  std::map<std::string, Subscription> subscriptions;
  Status status;
  const std::string prefix = SubscriptionPrefix(tenant);
  NL_RETURN_IF_ERROR(store_->ScanMeta(prefix, [&](std::string_view key, std::string_view value) {
    auto subscription = DecodeSubscription(value);
    if (!subscription.ok()) return void(status = subscription.status());
    subscriptions.emplace(key.substr(prefix.size()), std::move(*subscription));
  }));
  NL_RETURN_IF_ERROR(status);
  return subscriptions;
}

Result<std::vector<TenantId>> PackStore::SubscribersOf(std::string_view name) const {
  std::set<TenantId> tenants;
  NL_RETURN_IF_ERROR(store_->ScanMeta(kSubscriptions, [&](std::string_view key, std::string_view) {
    const std::string rest(key.substr(sizeof(kSubscriptions) - 1));
    const size_t mark = rest.find('/');
    if (name.empty() || rest.substr(mark + 1) == name)
      tenants.insert(static_cast<TenantId>(std::strtoul(rest.c_str(), nullptr, 10)));
  }));
  return std::vector<TenantId>(tenants.begin(), tenants.end());
}

}  // namespace neurallog::detection
