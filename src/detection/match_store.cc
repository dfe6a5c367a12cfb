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

// The first one that is not older than all up to this one.
MatchId NextBehind(const MatchId& id) {
  if (id.hash < UINT64_MAX) return {id.time_ns, id.hash + 1};
  return {id.time_ns + 1, 0};
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
  if (state == StoredState()) return;
  std::string bytes;
  AppendPosition(&bytes, state.until);
  bytes.append(state.bytes);
  for (size_t at = 0; at < bytes.size(); at += kStatePieceBytes)
    change->put.emplace_back(StatePrefix(tenant).append(Hex64(at / kStatePieceBytes)),
                             bytes.substr(at, kStatePieceBytes));
}

bool MatchStore::Contains(TenantId tenant, const MatchId& id) const { return Get(tenant, id).ok(); }

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

void MatchStore::Add(TenantId tenant, const Match& match) {
  const auto [found, is_new] = open_.try_emplace({tenant, MinuteOf(match.id.time_ns).start_ns});
  MatchBlock* const block = &found->second;
  const size_t before = is_new ? 0 : block->bytes().size();
  block->Add(match);
  Totals* const totals = TotalsOf(tenant);
  ++totals->matches;
  totals->bytes += block->bytes().size() - before;
  totals->is_changed = true;
  pending_bytes_ += block->bytes().size() - before + (is_new ? sizeof(MatchBlock) : 0);
  if (!block->is_full()) return;
  Close(tenant, block);
  open_.erase(found);
}

void MatchStore::Close(TenantId tenant, MatchBlock* block) {
  const MatchId newest = block->newest();
  pending_.put.emplace_back(KeysOf(tenant).MatchKey(newest.time_ns, newest.hash),
                            std::move(*block).Take());
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
  for (auto& [of, block] : open_) Close(of.first, &block);
  open_.clear();
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
        const auto head = ReadMatchBlockHead(IdOfKey(key), value);
        left.matches -= std::min<uint64_t>(left.matches, head.ok() ? head->matches : 1);
        left.bytes -= std::min<uint64_t>(left.bytes, value.size());
        return true;
      }));
  if (left.bytes == totals->bytes) return {};
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
  std::erase_if(open_, [&](const auto& open) { return open.first.first == tenant; });
  std::erase_if(pending_.put,
                [&](const auto& put) { return put.first.starts_with(keys.MatchesBegin()); });
  storage::MetaChange change;
  AddRemoval(tenant, &change);
  return store_->WriteMeta(change);
}

namespace {

// Puts matches of blocks, which overlap within a minute, in order. They come with falling `newest`: what is newer than
// that of the next block is complete.
class MatchLister {
 public:
  explicit MatchLister(const MatchQuery& query) : query_(query) {}

  // False: enough.
  bool Show(const MatchId& newest, std::string_view value) {
    if (!Emit(&newest)) return false;
    if (scanned_ >= kScannedMatchesMax) return next_ = NextBehind(newest), false;
    const auto head = ReadMatchBlockHead(newest, value);
    const bool is_behind = !query_.after || newest < *query_.after;
    if (head.ok() && is_behind) scanned_ += head->matches;
    if (head.ok() && !is_behind && head->oldest >= *query_.after) return true;
    status_ = VisitMatches(newest, value, [this](const Match& match) { Note(match); });
    return status_.ok();
  }
  void End() {
    if (status_.ok() && !next_) Emit(nullptr);
  }

  Result<std::vector<std::string>> Take(std::optional<MatchId>* next) {
    NL_RETURN_IF_ERROR(status_);
    if (next_) *next = next_;
    return std::move(shown_);
  }

 private:
  void Note(const Match& match) {
    if (query_.after && match.id >= *query_.after) return;
    if (query_.range.Contains(match.id.time_ns) && match.severity >= query_.severity_min &&
        (query_.rule_id.empty() || match.rule_id == query_.rule_id))
      Wait(match);
  }

  // No more than the page has room for: others are older, and come with the next one.
  void Wait(const Match& match) {
    const bool is_full = waiting_.size() + shown_.size() >= query_.limit;
    is_cut_ |= is_full;
    if (is_full && match.id < waiting_.begin()->first) return;
    waiting_.emplace(match.id, ToJson(match));
    if (is_full) waiting_.erase(waiting_.begin());
  }

  // Those that are newer than `than`, or all.
  bool Emit(const MatchId* than) {
    while (!waiting_.empty() && (than == nullptr || *than < waiting_.rbegin()->first)) {
      if (shown_.size() >= query_.limit) break;
      last_ = waiting_.rbegin()->first;
      shown_.push_back(std::move(waiting_.rbegin()->second));
      waiting_.erase(std::prev(waiting_.end()));
    }
    const bool has_more = than != nullptr || !waiting_.empty() || is_cut_;
    if (shown_.size() < query_.limit || !has_more) return true;
    next_ = last_;
    return false;
  }

  const MatchQuery& query_;
  std::map<MatchId, std::string> waiting_;
  std::vector<std::string> shown_;
  MatchId last_;
  std::optional<MatchId> next_;
  bool is_cut_ = false;
  size_t scanned_ = 0;  // of blocks that no page before has looked at
  Status status_;
};

}  // namespace

// A block with matches of before a time has its newest one by the end of that minute.
Result<std::vector<std::string>> MatchStore::List(TenantId tenant, const MatchQuery& query,
                                                  std::optional<MatchId>* next) const {
  const storage::Keyspace keys = KeysOf(tenant);
  int64_t last_ns = query.range.end_ns == TimeRange().end_ns ? INT64_MAX : query.range.end_ns - 1;
  if (query.after) last_ns = std::min(last_ns, query.after->time_ns);
  const TimeRange minute = MinuteOf(last_ns);
  const std::string begin = keys.MatchesFrom(query.range.start_ns);
  const std::string end =
      minute.end_ns == INT64_MAX ? keys.MatchesEnd() : keys.MatchesFrom(minute.end_ns);
  MatchLister lister(query);
  if (query.range.empty() || begin >= end) return std::vector<std::string>();
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(begin, end, storage::Store::Order::kDescending,
                                           [&](std::string_view key, std::string_view value) {
                                             return lister.Show(IdOfKey(key), value);
                                           }));
  lister.End();
  return lister.Take(next);
}

Result<std::string> MatchStore::Get(TenantId tenant, const MatchId& id) const {
  const storage::Keyspace keys = KeysOf(tenant);
  const TimeRange minute = MinuteOf(id.time_ns);
  std::optional<std::string> found;
  Status status;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(
      keys.MatchKey(id.time_ns, id.hash),
      minute.end_ns == INT64_MAX ? keys.MatchesEnd() : keys.MatchesFrom(minute.end_ns),
      storage::Store::Order::kAscending, [&](std::string_view key, std::string_view value) {
        const auto head = ReadMatchBlockHead(IdOfKey(key), value);
        if (head.ok() && id < head->oldest) return true;
        status = VisitMatches(IdOfKey(key), value, [&](const Match& match) {
          if (match.id == id) found = ToJson(match);
        });
        return status.ok() && !found;
      }));
  NL_RETURN_IF_ERROR(status);
  if (!found) return NotFound("match " + ToString(id) + " does not exist");
  return std::move(*found);
}

}  // namespace neurallog::detection
