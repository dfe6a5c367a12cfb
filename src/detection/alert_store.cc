#include "detection/alert_store.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "detection/match_store.h"
#include "storage/keyspace.h"

namespace neurallog::detection {
namespace {

using Order = storage::Store::Order;

constexpr char kAlertTotalsPrefix[] = "alert_totals/";
constexpr size_t kScannedAlertsMax = 20'000;  // alerts that one request looks at

std::string AlertTotalsKey(TenantId tenant) {
  return kAlertTotalsPrefix + std::to_string(static_cast<uint32_t>(tenant));
}

bool IsMeant(const Alert& alert, const AlertQuery& query) {
  return query.states.test(static_cast<size_t>(alert.state)) &&
         (query.rule_id.empty() || alert.rule_id == query.rule_id) &&
         alert.severity >= query.severity_min &&
         (alert.state != AlertState::kResolved || alert.resolved_ns >= query.since_ns);
}

}  // namespace

Status AlertStore::Open(TenantId tenant, const CompiledRules* rules, int64_t wall_ns) {
  if (books_.find(tenant) != books_.end()) return {};
  std::vector<Alert> live;
  if (HasLive(tenant)) {
    const storage::Keyspace keys = KeysOf(tenant);
    NL_RETURN_IF_ERROR(store_->ScanMetaRange(
        keys.AlertsBegin(), keys.AlertsEnd(), Order::kAscending,
        [&](std::string_view key, std::string_view value) {
          auto alert = DecodeAlert(IdOfKey(key), value);
          if (!alert.ok())
            base::LogError("an alert is left out", {{"error", alert.status().ToString()}});
          else if (alert->state != AlertState::kResolved) live.push_back(std::move(*alert));
          return true;
        }));
  }
  AlertBook& book = books_.try_emplace(tenant, tenant, limits_, metrics_).first->second;
  for (Alert& alert : live) book.Restore(std::move(alert));
  SetRules(tenant, rules, wall_ns);
  return {};
}

template <typename Work>
void AlertStore::With(TenantId tenant, Work work) {
  const auto book = books_.find(tenant);
  if (book == books_.end()) return;
  work(&book->second);
  if (book->second.is_changed()) changed_.insert(tenant);
}

void AlertStore::SetRules(TenantId tenant, const CompiledRules* rules, int64_t wall_ns) {
  With(tenant, [&](AlertBook* book) { book->SetRules(rules, wall_ns); });
}

void AlertStore::Match(TenantId tenant, const CompiledRules& rules, const rules::Firing& firing,
                       const MatchId& match, std::optional<storage::LogPosition> at,
                       int64_t received_ns, const AlertBook::Ask& ask, const MatchTexts& enriched) {
  With(tenant,
       [&](AlertBook* book) { book->Match(rules, firing, match, at, received_ns, ask, enriched); });
}

void AlertStore::Retell(TenantId tenant, const CompiledRules& rules, const rules::Firing& firing,
                        const MatchId& match, storage::LogPosition at, int64_t received_ns) {
  With(tenant, [&](AlertBook* book) { book->Retell(rules, firing, match, at, received_ns); });
}

void AlertStore::Advance(TenantId tenant, int64_t wall_ns, const AlertBook::Ask& ask) {
  With(tenant, [&](AlertBook* book) { book->Advance(wall_ns, ask); });
}

Status AlertStore::Obey(TenantId tenant, const AlertId& id, const AlertOrder& order) {
  Status status = NotFound("alert " + ToString(id) + " does not exist");
  With(tenant, [&](AlertBook* book) { status = book->Obey(id, order); });
  if (status.code() != Code::kNotFound || !Get(tenant, id).ok()) return status;
  return Conflict("alert " + ToString(id) + " is resolved");
}

void AlertStore::Close(TenantId tenant) {
  books_.erase(tenant);
  changed_.erase(tenant);
  left_.erase(tenant);
}

void AlertStore::VisitFiring(TenantId tenant,
                             const std::function<void(const Alert&)>& visit) const {
  if (const auto book = books_.find(tenant); book != books_.end()) book->second.VisitFiring(visit);
}

std::vector<AlertTransition> AlertStore::transitions() const {
  std::vector<AlertTransition> all;
  for (const TenantId tenant : changed_) {
    const auto& of = books_.at(tenant).transitions();
    all.insert(all.end(), of.begin(), of.end());
  }
  return all;
}

bool AlertStore::IsBehind(TenantId tenant) const {
  return changed_.count(tenant) > 0 && books_.at(tenant).going_on() > 0;
}

bool AlertStore::is_changed() const {
  return std::any_of(changed_.begin(), changed_.end(), [this](TenantId tenant) {
    const AlertBook& book = books_.at(tenant);
    return book.is_urgent() || book.going_on() <= going_on_left_;
  });
}

Status AlertStore::AddTo(bool all, storage::MetaChange* change) {
  if (all) going_on_left_ = kGoingOnMax;
  left_.clear();
  for (const TenantId tenant : changed_) {
    AlertBook& book = books_.at(tenant);
    const bool with_going_on = all || book.going_on() <= going_on_left_;
    if (!with_going_on) left_.insert(tenant);
    else if (!all) going_on_left_ -= book.going_on();
    book.AddTo(with_going_on, change);
    if (!book.is_urgent()) continue;
    Totals totals = *TotalsOf(tenant);
    totals.live = book.size();
    totals.resolved += book.resolved();
    if (totals.resolved > limits_.resolved_max)
      NL_RETURN_IF_ERROR(Trim(tenant, limits_.resolved_max / 16 * 15, INT64_MIN, &totals, change));
    new_totals_[tenant] = totals;
    AddTotals(tenant, totals, change);
  }
  return {};
}

void AlertStore::Written() {
  for (const auto& [tenant, totals] : new_totals_) totals_[tenant] = totals;
  new_totals_.clear();
  for (const TenantId tenant : changed_) books_.at(tenant).Written();
  std::erase_if(changed_, [this](TenantId tenant) { return !books_.at(tenant).is_changed(); });
}

void AlertStore::AddTotals(TenantId tenant, const Totals& totals, storage::MetaChange* change) {
  std::string bytes;
  base::AppendLe(&bytes, totals.live);
  base::AppendLe(&bytes, totals.resolved);
  change->put.emplace_back(AlertTotalsKey(tenant), std::move(bytes));
}

AlertStore::Totals* AlertStore::TotalsOf(TenantId tenant) {
  const auto [found, is_new] = totals_.try_emplace(tenant);
  if (!is_new) return &found->second;
  if (const auto bytes = store_->GetMeta(AlertTotalsKey(tenant));
      bytes.ok() && bytes->size() == 16) {
    found->second.live = base::LoadLe<uint64_t>(bytes->data());
    found->second.resolved = base::LoadLe<uint64_t>(bytes->data() + 8);
  }
  return &found->second;
}

// An alert that has begun behind `ended_ns` has ended behind it, unless its records are from another time than it.
Status AlertStore::Trim(TenantId tenant, uint64_t resolved_max, int64_t ended_ns, Totals* totals,
                        storage::MetaChange* change) const {
  const storage::Keyspace keys = KeysOf(tenant);
  return store_->ScanMetaRange(
      keys.AlertsBegin(), keys.AlertsEnd(), Order::kAscending,
      [&](std::string_view key, std::string_view value) {
        if (totals->resolved <= resolved_max && IdOfKey(key).time_ns >= ended_ns) return false;
        const auto alert = DecodeAlert(IdOfKey(key), value);
        const bool is_resolved = alert.ok() && alert->state == AlertState::kResolved;
        const bool goes =
            totals->resolved > resolved_max || (is_resolved && alert->ended_ns < ended_ns);
        if (!is_resolved || !goes) return true;
        change->remove.emplace_back(key);
        totals->resolved -= totals->resolved > 0;
        return true;
      });
}

Status AlertStore::Expire(int64_t wall_ns) {
  std::vector<TenantId> tenants;
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(kAlertTotalsPrefix, [&](std::string_view key, std::string_view) {
        const std::string number(key.substr(sizeof(kAlertTotalsPrefix) - 1));
        tenants.push_back(static_cast<TenantId>(std::strtoul(number.c_str(), nullptr, 10)));
      }));
  for (const TenantId tenant : tenants) {
    Totals totals = *TotalsOf(tenant);
    if (totals.resolved == 0) continue;
    storage::MetaChange change;
    change.is_synced = false;
    NL_RETURN_IF_ERROR(Trim(tenant, UINT64_MAX, wall_ns - limits_.retention_ns, &totals, &change));
    if (change.remove.empty()) continue;
    AddTotals(tenant, totals, &change);
    NL_RETURN_IF_ERROR(store_->WriteMeta(change));
    *TotalsOf(tenant) = totals;
  }
  return {};
}

void AlertStore::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  const storage::Keyspace keys = KeysOf(tenant);
  change->remove_ranges.emplace_back(keys.AlertsBegin(), keys.AlertsEnd());
  change->remove.push_back(AlertTotalsKey(tenant));
}

Status AlertStore::Forget(TenantId tenant) {
  Close(tenant);
  totals_.erase(tenant);
  storage::MetaChange change;
  AddRemoval(tenant, &change);
  return store_->WriteMeta(change);
}

Result<std::vector<Alert>> AlertStore::List(TenantId tenant, const AlertQuery& query,
                                            std::optional<AlertId>* next) const {
  const storage::Keyspace keys = KeysOf(tenant);
  const std::string end =
      query.after ? keys.AlertKey(query.after->time_ns, query.after->hash) : keys.AlertsEnd();
  std::vector<Alert> alerts;
  Status status;
  size_t scanned = 0;
  AlertId last;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(keys.AlertsBegin(), end, Order::kDescending,
                                           [&](std::string_view key, std::string_view value) {
                                             if (alerts.size() >= query.limit ||
                                                 scanned >= kScannedAlertsMax)
                                               return *next = last, false;
                                             ++scanned;
                                             last = IdOfKey(key);
                                             auto alert = DecodeAlert(last, value);
                                             if (!alert.ok()) return status = alert.status(), false;
                                             if (IsMeant(*alert, query))
                                               alerts.push_back(std::move(*alert));
                                             return true;
                                           }));
  NL_RETURN_IF_ERROR(status);
  return alerts;
}

Result<Alert> AlertStore::Get(TenantId tenant, const AlertId& id) const {
  const auto value = store_->GetMeta(KeysOf(tenant).AlertKey(id.time_ns, id.hash));
  if (value.status().code() == Code::kNotFound)
    return NotFound("alert " + ToString(id) + " does not exist");
  NL_RETURN_IF_ERROR(value.status());
  return DecodeAlert(id, *value);
}

}  // namespace neurallog::detection
