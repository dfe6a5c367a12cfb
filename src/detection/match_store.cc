#include "detection/match_store.h"

#include "base/bytes.h"
#include "detection/hex.h"

namespace neurallog::detection {
namespace {

constexpr char kPositionKey[] = "rule_position";
constexpr char kMatchTotalsPrefix[] = "match_totals/";
constexpr size_t kStatePieceBytes = 1u << 20;
constexpr size_t kScannedMatchesMax = 20'000;  // matches that one request looks at

std::string MatchTotalsKey(TenantId tenant) {
  return kMatchTotalsPrefix + std::to_string(static_cast<uint32_t>(tenant));
}

void AppendPosition(std::string* to, storage::LogPosition position) {
  base::AppendLe(to, position.lsn);
  base::AppendLe(to, position.row);
}

storage::LogPosition ReadPosition(base::ByteReader* reader) {
  const auto lsn = reader->ReadLe<uint64_t>();
  return {lsn, reader->ReadLe<uint32_t>()};
}

std::string EncodeProgress(const Progress& progress) {
  std::string bytes;
  AppendPosition(&bytes, progress.reported);
  AppendPosition(&bytes, progress.rebuild);
  return bytes;
}

// Pieces have keys that sort by number.
std::string StatePrefix(TenantId tenant) {
  return "rule_state/" + std::to_string(static_cast<uint32_t>(tenant)) + "/";
}
std::string StateEnd(TenantId tenant) {
  std::string end = StatePrefix(tenant);
  end.back() = '/' + 1;
  return end;
}

}  // namespace

Result<Progress> MatchStore::ReadProgress() const {
  const auto bytes = store_->GetMeta(kPositionKey);
  if (bytes.status().code() == Code::kNotFound) return Progress();
  NL_RETURN_IF_ERROR(bytes.status());
  base::ByteReader reader(*bytes);
  Progress progress;
  progress.reported = ReadPosition(&reader);
  progress.rebuild = reader.empty() ? progress.reported : ReadPosition(&reader);
  if (!reader.ok()) return Corruption("the position of the rule stage is damaged");
  return progress;
}

Result<StoredState> MatchStore::ReadState(TenantId tenant) const {
  std::string bytes;
  NL_RETURN_IF_ERROR(store_->ScanMeta(
      StatePrefix(tenant), [&](std::string_view, std::string_view piece) { bytes.append(piece); }));
  StoredState state;
  if (bytes.empty()) return state;
  base::ByteReader reader(bytes);
  state.until = ReadPosition(&reader);
  state.bytes = reader.ReadBytes(reader.remaining());
  if (!reader.ok()) return Corruption("the state of the tenant's rules is damaged");
  return state;
}

void MatchStore::AddState(TenantId tenant, const StoredState& state, storage::MetaChange* change) {
  change->remove_ranges.emplace_back(StatePrefix(tenant), StateEnd(tenant));
  if (state.bytes.empty()) return;
  std::string bytes;
  AppendPosition(&bytes, state.until);
  bytes.append(state.bytes);
  for (size_t at = 0; at < bytes.size(); at += kStatePieceBytes)
    change->put.emplace_back(StatePrefix(tenant).append(Hex64(at / kStatePieceBytes)),
                             bytes.substr(at, kStatePieceBytes));
}

bool MatchStore::Contains(TenantId tenant, const MatchId& id) const {
  return store_->GetMeta(KeysOf(tenant).MatchKey(id.time_ns, id.hash)).ok();
}

MatchStore::Totals* MatchStore::TotalsOf(TenantId tenant) {
  const auto [found, is_new] = totals_.try_emplace(tenant);
  if (!is_new) return &found->second;
  if (const auto bytes = store_->GetMeta(MatchTotalsKey(tenant));
      bytes.ok() && bytes->size() == 16) {
    found->second.matches = base::LoadLe<uint64_t>(bytes->data());
    found->second.bytes = base::LoadLe<uint64_t>(bytes->data() + 8);
  }
  return &found->second;
}

void MatchStore::Add(TenantId tenant, const MatchId& id, std::string value) {
  Totals* const totals = TotalsOf(tenant);
  ++totals->matches;
  totals->bytes += value.size();
  totals->is_changed = true;
  pending_bytes_ += value.size();
  pending_.put.emplace_back(KeysOf(tenant).MatchKey(id.time_ns, id.hash), std::move(value));
}

Status MatchStore::Commit(const Progress& progress, storage::MetaChange extra) {
  for (auto& [tenant, totals] : totals_) {
    if (!totals.is_changed) continue;
    if (totals.matches > limits_.matches_max || totals.bytes > limits_.bytes_max)
      NL_RETURN_IF_ERROR(Trim(tenant, INT64_MIN, &totals, &extra));
    std::string bytes;
    base::AppendLe(&bytes, totals.matches);
    base::AppendLe(&bytes, totals.bytes);
    extra.put.emplace_back(MatchTotalsKey(tenant), bytes);
  }
  extra.put.emplace_back(kPositionKey, EncodeProgress(progress));
  const size_t extras = extra.put.size();
  std::move(pending_.put.begin(), pending_.put.end(), std::back_inserter(extra.put));
  const Status status = store_->WriteMeta(extra);
  if (!status.ok()) {
    pending_.put.assign(std::make_move_iterator(extra.put.begin() + static_cast<ptrdiff_t>(extras)),
                        std::make_move_iterator(extra.put.end()));
    return status;
  }
  pending_ = {};
  pending_bytes_ = 0;
  for (auto& [tenant, totals] : totals_) totals.is_changed = false;
  return {};
}

Status MatchStore::Trim(TenantId tenant, int64_t oldest_ns, Totals* totals,
                        storage::MetaChange* change) {
  const storage::Keyspace keys = KeysOf(tenant);
  Totals left = *totals;
  const bool is_over = left.matches > limits_.matches_max || left.bytes > limits_.bytes_max;
  const uint64_t matches_max = is_over ? limits_.matches_max / 16 * 15 : UINT64_MAX;
  const uint64_t bytes_max = is_over ? limits_.bytes_max / 16 * 15 : UINT64_MAX;
  std::string end;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(
      keys.MatchesBegin(), keys.MatchesEnd(), storage::Store::Order::kAscending,
      [&](std::string_view key, std::string_view value) {
        end = key;
        if (left.matches <= matches_max && left.bytes <= bytes_max &&
            storage::Keyspace::TimeOfMatch(key) >= oldest_ns)
          return false;
        end.push_back('\0');  // behind it, if it is the last
        --left.matches;
        left.bytes -= std::min<uint64_t>(left.bytes, value.size());
        return true;
      }));
  if (left.matches == totals->matches) return {};
  left.is_changed = true;
  *totals = left;
  change->remove_ranges.emplace_back(keys.MatchesBegin(), end);
  return {};
}

Status MatchStore::Expire(const std::function<int64_t(TenantId)>& oldest_ns) {
  std::vector<TenantId> tenants;
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(kMatchTotalsPrefix, [&](std::string_view key, std::string_view) {
        const std::string number(key.substr(sizeof(kMatchTotalsPrefix) - 1));
        tenants.push_back(static_cast<TenantId>(std::strtoul(number.c_str(), nullptr, 10)));
      }));
  for (const TenantId tenant : tenants) {
    storage::MetaChange change;
    change.is_synced = false;
    Totals* const totals = TotalsOf(tenant);
    NL_RETURN_IF_ERROR(Trim(tenant, oldest_ns(tenant), totals, &change));
    if (change.remove_ranges.empty()) continue;
    NL_RETURN_IF_ERROR(store_->WriteMeta(change));
  }
  return {};
}

void MatchStore::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  const storage::Keyspace keys = KeysOf(tenant);
  change->remove_ranges.emplace_back(keys.MatchesBegin(), keys.MatchesEnd());
  change->remove_ranges.emplace_back(StatePrefix(tenant), StateEnd(tenant));
  change->remove.push_back(MatchTotalsKey(tenant));
}

Status MatchStore::Forget(TenantId tenant) {
  totals_.erase(tenant);
  const storage::Keyspace keys = KeysOf(tenant);
  std::erase_if(pending_.put,
                [&](const auto& put) { return put.first.starts_with(keys.MatchesBegin()); });
  storage::MetaChange change;
  AddRemoval(tenant, &change);
  return store_->WriteMeta(change);
}

Result<std::vector<std::string>> MatchStore::List(TenantId tenant, const MatchQuery& query,
                                                  std::optional<MatchId>* next) const {
  const storage::Keyspace keys = KeysOf(tenant);
  const std::string begin = keys.MatchesFrom(query.range.start_ns);
  std::string end = query.range.end_ns == TimeRange().end_ns ? keys.MatchesEnd()
                                                             : keys.MatchesFrom(query.range.end_ns);
  if (query.after) end = std::min(end, keys.MatchKey(query.after->time_ns, query.after->hash));
  std::vector<std::string> matches;
  Status status;
  size_t scanned = 0;
  if (begin >= end) return matches;
  MatchId last;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(
      begin, end, storage::Store::Order::kDescending,
      [&](std::string_view key, std::string_view value) {
        if (matches.size() >= query.limit || scanned >= kScannedMatchesMax)
          return *next = last, false;
        ++scanned;
        last = {storage::Keyspace::TimeOfMatch(key), storage::Keyspace::HashOfMatch(key)};
        const auto match = DecodeMatch(value);
        if (!match.ok()) return status = match.status(), false;
        if ((query.rule_id.empty() || match->rule_id == query.rule_id) &&
            match->severity >= query.severity_min)
          matches.emplace_back(match->json);
        return true;
      }));
  NL_RETURN_IF_ERROR(status);
  return matches;
}

Result<std::string> MatchStore::Get(TenantId tenant, const MatchId& id) const {
  const auto value = store_->GetMeta(KeysOf(tenant).MatchKey(id.time_ns, id.hash));
  if (value.status().code() == Code::kNotFound)
    return NotFound("match " + ToString(id) + " does not exist");
  NL_RETURN_IF_ERROR(value.status());
  NL_TRY(const MatchView match, DecodeMatch(*value));
  return std::string(match.json);
}

}  // namespace neurallog::detection
