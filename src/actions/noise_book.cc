#include "actions/noise_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"

namespace neurallog::actions {
namespace {

constexpr std::string_view kNoisePrefix = "noise/";
constexpr uint8_t kNoiseFormat = 1;

std::string TenantPrefix(TenantId tenant) {
  return std::string(kNoisePrefix)
      .append(std::to_string(static_cast<uint32_t>(tenant)))
      .append("/");
}

std::string NoiseKey(TenantId tenant, NoiseKind kind, std::string_view id) {
  return TenantPrefix(tenant).append(std::to_string(static_cast<int>(kind))).append("/").append(id);
}

std::string EncodeNoise(const NoiseRule& rule) {
  std::string bytes;
  base::AppendLe(&bytes, kNoiseFormat);
  base::AppendLe(&bytes, static_cast<uint8_t>(rule.kind));
  base::AppendLe(&bytes, rule.updated_ns);
  return bytes.append(rule.ToJson());
}

Result<NoiseRule> DecodeNoise(std::string_view bytes) {
  base::ByteReader reader(bytes);
  const auto format = reader.ReadLe<uint8_t>(), kind = reader.ReadLe<uint8_t>();
  const auto updated_ns = reader.ReadLe<int64_t>();
  if (!reader.ok() || format != kNoiseFormat || kind >= kNoiseKinds)
    return Corruption("a stored silence or the like is damaged");
  NL_TRY(NoiseRule rule, NoiseRule::Parse(static_cast<NoiseKind>(kind),
                                          reader.ReadBytes(reader.remaining()), updated_ns));
  rule.updated_ns = updated_ns;
  return rule;
}

std::string NameOf(NoiseKind kind, std::string_view id) {
  return std::string(KindName(kind)).append(" \"").append(id.substr(0, 80)).append("\"");
}

}  // namespace

bool NoiseRules::empty() const {
  return std::all_of(rules_.begin(), rules_.end(), [](const OfKind& of) { return of.empty(); });
}

std::vector<std::string> NoiseRules::MutedBy(const Labels& labels, int64_t wall_ns) const {
  std::vector<std::string> muted_by;
  for (const NoiseKind kind : {NoiseKind::kSilence, NoiseKind::kMaintenance})
    for (const auto& [id, rule] : of(kind))
      if (rule.IsActive(wall_ns) && rule.matchers.Hold(labels))
        muted_by.push_back(std::string(KindName(kind)).append(" ").append(id));
  return muted_by;
}

bool NoiseRules::IsIn(const std::vector<std::string>& time_intervals, int64_t wall_ns) const {
  const OfKind& intervals = of(NoiseKind::kTimeInterval);
  return std::any_of(time_intervals.begin(), time_intervals.end(), [&](const std::string& id) {
    const auto found = intervals.find(id);
    return found != intervals.end() && found->second.IsActive(wall_ns);
  });
}

Status NoiseBook::Load() {
  std::map<TenantId, NoiseRules> all;
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(kNoisePrefix, [&all](std::string_view key, std::string_view value) {
        auto rule = DecodeNoise(value);
        if (!rule.ok())
          return base::LogError("a silence or the like is left out",
                                {{"key", std::string(key)}, {"error", rule.status().ToString()}});
        const auto tenant = static_cast<TenantId>(
            std::strtoul(std::string(key.substr(kNoisePrefix.size())).c_str(), nullptr, 10));
        std::string id = rule->id;
        all[tenant].of(rule->kind).insert_or_assign(std::move(id), std::move(*rule));
      }));
  for (auto& [tenant, rules] : all) Enter(tenant, std::move(rules));
  return {};
}

std::shared_ptr<const NoiseRules> NoiseBook::Of(TenantId tenant) const {
  base::MutexLock lock(mutex_);
  const auto found = rules_.find(tenant);
  return found == rules_.end() ? nullptr : found->second;
}

NoiseRules NoiseBook::CopyOf(TenantId tenant) const {
  const auto rules = Of(tenant);
  return rules ? *rules : NoiseRules();
}

void NoiseBook::Enter(TenantId tenant, NoiseRules rules) {
  auto entered = rules.empty() ? nullptr : std::make_shared<const NoiseRules>(std::move(rules));
  base::MutexLock lock(mutex_);
  if (entered) rules_[tenant] = std::move(entered);
  else rules_.erase(tenant);
}

std::string NoiseBook::NewId(NoiseKind kind, int64_t now_ns) {
  std::string bytes;
  base::AppendLe(&bytes, now_ns);
  return fmt::format("{}-{:016x}", kind == NoiseKind::kMaintenance ? "window" : KindName(kind),
                     base::Hash64(bytes));
}

void NoiseBook::Expire(TenantId tenant, NoiseRules* rules, storage::MetaChange* change) const {
  const int64_t oldest_ns = clock_->WallNs() - kKeptNs;
  std::erase_if(rules->of(NoiseKind::kSilence), [&](const auto& silence) {
    if (silence.second.ends_ns >= oldest_ns) return false;
    change->remove.push_back(NoiseKey(tenant, NoiseKind::kSilence, silence.first));
    return true;
  });
}

Result<NoiseRule> NoiseBook::Put(TenantId tenant, NoiseRule rule, bool is_new) {
  base::MutexLock lock(change_mutex_);
  NoiseRules rules = CopyOf(tenant);
  storage::MetaChange change;
  Expire(tenant, &rules, &change);
  NoiseRules::OfKind& of = rules.of(rule.kind);
  rule.updated_ns = clock_->WallNs();
  for (int64_t i = 0; rule.id.empty(); ++i) {
    std::string id = NewId(rule.kind, rule.updated_ns + i);
    if (of.find(id) == of.end()) rule.id = std::move(id);
  }
  const bool exists = of.find(rule.id) != of.end();
  if (exists && is_new) return Conflict(NameOf(rule.kind, rule.id) + " exists");
  if (!exists && of.size() >= kRulesMax)
    return ResourceExhausted(fmt::format("there are {} of the kind {} already, which is the limit",
                                         kRulesMax, KindName(rule.kind)));
  change.put.emplace_back(NoiseKey(tenant, rule.kind, rule.id), EncodeNoise(rule));
  of.insert_or_assign(rule.id, rule);
  NL_RETURN_IF_ERROR(store_->WriteMeta(change));
  Enter(tenant, std::move(rules));
  return rule;
}

Status NoiseBook::Delete(TenantId tenant, NoiseKind kind, std::string_view id) {
  base::MutexLock lock(change_mutex_);
  NoiseRules rules = CopyOf(tenant);
  storage::MetaChange change;
  const auto found = rules.of(kind).find(id);
  if (found == rules.of(kind).end()) return NotFound(NameOf(kind, id) + " does not exist");
  NoiseRule& rule = found->second;
  const int64_t now_ns = clock_->WallNs();
  if (kind == NoiseKind::kSilence && rule.starts_ns < now_ns) {
    rule.ends_ns = std::min(rule.ends_ns, now_ns);
    rule.updated_ns = now_ns;
    change.put.emplace_back(NoiseKey(tenant, kind, id), EncodeNoise(rule));
  } else {
    change.remove.push_back(NoiseKey(tenant, kind, id));
    rules.of(kind).erase(found);
  }
  NL_RETURN_IF_ERROR(store_->WriteMeta(change));
  Enter(tenant, std::move(rules));
  return {};
}

Result<NoiseRule> NoiseBook::Get(TenantId tenant, NoiseKind kind, std::string_view id) const {
  if (const auto rules = Of(tenant)) {
    const auto found = rules->of(kind).find(id);
    if (found != rules->of(kind).end()) return found->second;
  }
  return NotFound(NameOf(kind, id) + " does not exist");
}

void NoiseBook::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  std::string end = TenantPrefix(tenant);
  end.back() = '/' + 1;
  change->remove_ranges.emplace_back(TenantPrefix(tenant), std::move(end));
}

void NoiseBook::Forget(TenantId tenant) {
  base::MutexLock lock(mutex_);
  rules_.erase(tenant);
}

}  // namespace neurallog::actions
