#include "actions/notice_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/log.h"

namespace neurallog::actions {
namespace {

constexpr std::string_view kGroupPrefix = "ngroup/";
constexpr uint8_t kGroupFormat = 1;

std::string GroupPrefixOf(TenantId tenant) {
  return fmt::format("{}{}/", kGroupPrefix, static_cast<uint32_t>(tenant));
}

// Actions have no '/' in their ids.
std::string GroupKeyText(const GroupKey& key) {
  return fmt::format("{}{}/{:016x}", GroupPrefixOf(key.tenant), key.action, key.hash);
}

std::optional<GroupKey> ParseGroupKey(std::string_view text) {
  text.remove_prefix(kGroupPrefix.size());
  const size_t first = text.find('/'), last = text.rfind('/');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  uint32_t tenant = 0;
  uint64_t hash = 0;
  std::from_chars(text.data(), text.data() + first, tenant);
  std::from_chars(text.data() + last + 1, text.data() + text.size(), hash, 16);
  return GroupKey{static_cast<TenantId>(tenant),
                  std::string(text.substr(first + 1, last - first - 1)), hash};
}

void AppendMatchId(std::string* to, const detection::MatchId& id) {
  base::AppendLe(to, id.time_ns);
  base::AppendLe(to, id.hash);
}

detection::MatchId ReadMatchId(base::ByteReader* from) {
  const auto time_ns = from->ReadLe<int64_t>();
  return {time_ns, from->ReadLe<uint64_t>()};
}

}  // namespace

NoticeGroup::Member* NoticeGroup::Find(const detection::AlertId& id) {
  const auto found =
      std::find_if(alerts.begin(), alerts.end(), [&](const Member& of) { return of.id == id; });
  return found == alerts.end() ? nullptr : &*found;
}

std::string EncodeGroup(const NoticeGroup& group) {
  std::string bytes;
  base::AppendLe(&bytes, kGroupFormat);
  base::AppendLe(&bytes, static_cast<uint8_t>(group.is_single ? 1 : 0));
  base::AppendLe(&bytes, group.due_ns);
  base::AppendLe(&bytes, group.told_ns);
  base::AppendVarint(&bytes, group.by.size());
  for (const auto& [name, value] : group.by) {
    base::AppendLengthPrefixed(&bytes, name);
    base::AppendLengthPrefixed(&bytes, value);
  }
  base::AppendVarint(&bytes, group.alerts.size());
  for (const NoticeGroup::Member& member : group.alerts) {
    AppendMatchId(&bytes, member.id);
    base::AppendLe(&bytes,
                   static_cast<uint8_t>((member.send_resolved ? 1 : 0) | (member.is_told ? 2 : 0)));
  }
  base::AppendVarint(&bytes, group.matches_total);
  base::AppendVarint(&bytes, group.matches.size());
  for (const detection::MatchId& id : group.matches) AppendMatchId(&bytes, id);
  return bytes;
}

Result<NoticeGroup> DecodeGroup(std::string_view bytes) {
  base::ByteReader reader(bytes);
  NoticeGroup group;
  const auto format = reader.ReadLe<uint8_t>();
  group.is_single = reader.ReadLe<uint8_t>() != 0;
  group.due_ns = reader.ReadLe<int64_t>();
  group.told_ns = reader.ReadLe<int64_t>();
  for (uint64_t left = reader.ReadVarint(); left > 0 && reader.ok(); --left) {
    const std::string_view name = reader.ReadLengthPrefixed();
    group.by.emplace(name, reader.ReadLengthPrefixed());
  }
  for (uint64_t left = reader.ReadVarint(); left > 0 && reader.ok(); --left) {
    const detection::AlertId id = ReadMatchId(&reader);
    const auto flags = reader.ReadLe<uint8_t>();
    group.alerts.push_back({id, (flags & 1) != 0, (flags & 2) != 0});
  }
  group.matches_total = reader.ReadVarint();
  for (uint64_t left = reader.ReadVarint(); left > 0 && reader.ok(); --left)
    group.matches.push_back(ReadMatchId(&reader));
  if (format != kGroupFormat || !reader.ok() || !reader.empty())
    return Corruption("a stored group of notices is damaged");
  return group;
}

Status GroupBook::Load() {
  return store_->ScanMeta(kGroupPrefix, [this](std::string_view key, std::string_view value) {
    auto group = DecodeGroup(value);
    const auto parsed = ParseGroupKey(key);
    if (group.ok() && parsed) return Enter(*parsed, std::move(*group));
    base::LogError("a group of notices is left out", {{"key", std::string(key)}});
  });
}

void GroupBook::Enter(const GroupKey& key, NoticeGroup group) {
  Drop(key);
  due_.emplace(group.due_ns, key);
  ++counts_[key.tenant];
  groups_.emplace(key, std::move(group));
}

void GroupBook::Drop(const GroupKey& key) {
  const auto found = groups_.find(key);
  if (found == groups_.end()) return;
  due_.erase({found->second.due_ns, key});
  if (--counts_[key.tenant] == 0) counts_.erase(key.tenant);
  groups_.erase(found);
}

NoticeGroup* GroupBook::Find(const GroupKey& key) {
  if (const auto changed = changed_.find(key); changed != changed_.end())
    return changed->second ? &*changed->second : nullptr;
  const auto found = groups_.find(key);
  if (found == groups_.end()) return nullptr;
  return &*changed_.emplace(key, found->second).first->second;
}

NoticeGroup* GroupBook::Open(const GroupKey& key, int64_t due_ns) {
  if (NoticeGroup* const found = Find(key)) return found;
  const auto count = counts_.find(key.tenant);
  if ((count == counts_.end() ? 0 : count->second) + changed_.size() >= kGroupsMax) return nullptr;
  std::optional<NoticeGroup>& group = changed_[key];
  group.emplace();
  group->due_ns = due_ns;
  return &*group;
}

std::vector<GroupKey> GroupBook::Due(int64_t wall_ns) const {
  std::vector<GroupKey> due;
  for (const auto& [key, group] : changed_)
    if (group && group->due_ns <= wall_ns) due.push_back(key);
  for (const auto& [due_ns, key] : due_) {
    if (due_ns > wall_ns) break;
    if (changed_.find(key) == changed_.end()) due.push_back(key);
  }
  return due;
}

void GroupBook::AddTo(storage::MetaChange* change) const {
  for (const auto& [key, group] : changed_) {
    if (group) change->put.emplace_back(GroupKeyText(key), EncodeGroup(*group));
    else change->remove.push_back(GroupKeyText(key));
  }
}

void GroupBook::Written() {
  for (auto& [key, group] : changed_) {
    if (group) Enter(key, std::move(*group));
    else Drop(key);
  }
  changed_.clear();
}

void GroupBook::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  std::string end = GroupPrefixOf(tenant);
  end.back() = '/' + 1;
  change->remove_ranges.emplace_back(GroupPrefixOf(tenant), std::move(end));
}

}  // namespace neurallog::actions
