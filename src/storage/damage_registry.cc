#include "storage/damage_registry.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"

namespace neurallog::storage {

std::string BlockName(const BlockId& id) {
  return std::to_string(id.end.lsn) + "/" + std::to_string(id.end.row) + "/" +
         std::to_string(id.rewrite);
}

void DamageRegistry::Add(Damage damage) {
  damage.first_seen_ns = base::Clock::System().WallNs();
  const std::string block = damage.block ? BlockName(*damage.block) : "several";
  const Place place{damage.tenant, damage.partition, damage.block ? block : damage.what};
  base::MutexLock lock(mutex_);
  if (entries_.contains(place)) return;
  if (damage.rows != 0u) {
    total_.fetch_add(1, std::memory_order_relaxed);
    base::LogError("damaged block",
                   {{"tenant", std::to_string(static_cast<uint32_t>(damage.tenant))},
                    {"partition", damage.partition},
                    {"block", block},
                    {"what", damage.what}});
  }
  if (entries_.size() < kEntriesMax) entries_.emplace(place, std::move(damage));
}

std::vector<Damage> DamageRegistry::List(std::optional<TenantId> tenant) const {
  std::vector<Damage> list;
  {
    base::MutexLock lock(mutex_);
    for (const auto& [place, damage] : entries_)
      if (!tenant || damage.tenant == *tenant) list.push_back(damage);
  }
  std::stable_sort(list.begin(), list.end(), [](const Damage& a, const Damage& b) {
    return a.first_seen_ns < b.first_seen_ns;
  });
  return list;
}

size_t DamageRegistry::CountHidden(TenantId tenant, const TimeRange& range) const {
  base::MutexLock lock(mutex_);
  size_t count = 0;
  for (const auto& [place, damage] : entries_)
    count += damage.tenant == tenant && damage.hidden && damage.range.start_ns < range.end_ns &&
             range.start_ns < damage.range.end_ns;
  return count;
}

void DamageRegistry::Forget(const std::string& partition) {
  base::MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.partition == partition; });
}

}  // namespace neurallog::storage
