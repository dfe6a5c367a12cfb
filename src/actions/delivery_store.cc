#include "actions/delivery_store.h"

#include <algorithm>

namespace neurallog::actions {
namespace {

using storage::Keyspace;
using DeliveryPart = Keyspace::DeliveryPart;
using Order = storage::Store::Order;

constexpr size_t kScannedMax = 50'000;  // rows that one request looks at
constexpr size_t kRangesMax = 64;       // that one trim removes
constexpr size_t kTrimmedMax = 50'000;  // rows that one trim looks at

Keyspace KeysOf(TenantId tenant) { return {tenant, /*generation=*/0}; }

std::string KeyOf(DeliveryPart part, TenantId tenant, const DeliveryId& id) {
  return KeysOf(tenant).DeliveryKey(part, id.time_ns, id.hash);
}

DeliveryId IdOf(std::string_view key) {
  return {Keyspace::TimeOfMatch(key), Keyspace::HashOfMatch(key)};
}

}  // namespace

bool IsMeant(const Delivery& delivery, const DeliveryQuery& query) {
  return (!query.state || delivery.state == *query.state) &&
         (!query.reason || delivery.reason == *query.reason) &&
         (query.action_id.empty() || delivery.action_id == query.action_id) &&
         (query.rule_id.empty() || delivery.rule_id == query.rule_id) &&
         delivery.id.time_ns >= query.since_ns && delivery.id.time_ns < query.until_ns;
}

void DeliveryStore::AddNew(TenantId tenant, const Delivery& delivery, std::string notice,
                           storage::MetaChange* change) {
  if (!delivery.is_waiting()) return AddState(tenant, delivery, notice, change);
  change->put.emplace_back(KeyOf(DeliveryPart::kState, tenant, delivery.id),
                           EncodeDelivery(delivery));
  change->put.emplace_back(KeyOf(DeliveryPart::kNotice, tenant, delivery.id), std::move(notice));
}

void DeliveryStore::AddState(TenantId tenant, const Delivery& delivery, std::string_view notice,
                             storage::MetaChange* change) {
  change->put.emplace_back(KeyOf(DeliveryPart::kState, tenant, delivery.id),
                           EncodeDelivery(delivery));
  if (delivery.state == DeliveryState::kDead)
    change->put.emplace_back(KeyOf(DeliveryPart::kDeadLetter, tenant, delivery.id),
                             EncodeDeadLetter(delivery, notice));
}

void DeliveryStore::AddRevived(TenantId tenant, const DeadLetter& letter,
                               storage::MetaChange* change) {
  AddNew(tenant, letter.delivery, letter.notice, change);
  AddRemovedLetter(tenant, letter.delivery.id, change);
}

void DeliveryStore::AddRemovedLetter(TenantId tenant, const DeliveryId& id,
                                     storage::MetaChange* change) {
  change->remove.push_back(KeyOf(DeliveryPart::kDeadLetter, tenant, id));
}

void DeliveryStore::AddRemoved(TenantId tenant, const DeliveryId& id, storage::MetaChange* change) {
  change->remove.push_back(KeyOf(DeliveryPart::kState, tenant, id));
  change->remove.push_back(KeyOf(DeliveryPart::kNotice, tenant, id));
}

void DeliveryStore::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  const Keyspace keys = KeysOf(tenant);
  for (const DeliveryPart part :
       {DeliveryPart::kState, DeliveryPart::kNotice, DeliveryPart::kDeadLetter})
    change->remove_ranges.emplace_back(keys.DeliveriesBegin(part), keys.DeliveriesEnd(part));
}

Result<Delivery> DeliveryStore::Get(TenantId tenant, const DeliveryId& id) const {
  const auto value = store_->GetMeta(KeyOf(DeliveryPart::kState, tenant, id));
  if (value.status().code() == Code::kNotFound)
    return NotFound("delivery " + DeliveryIdText(id) + " does not exist");
  NL_RETURN_IF_ERROR(value.status());
  return DecodeDelivery(id, *value);
}

Result<std::string> DeliveryStore::Notice(TenantId tenant, const DeliveryId& id) const {
  return store_->GetMeta(KeyOf(DeliveryPart::kNotice, tenant, id));
}

Result<DeadLetter> DeliveryStore::Letter(TenantId tenant, const DeliveryId& id) const {
  const auto value = store_->GetMeta(KeyOf(DeliveryPart::kDeadLetter, tenant, id));
  if (value.status().code() == Code::kNotFound)
    return NotFound("dead letter " + DeliveryIdText(id) + " does not exist");
  NL_RETURN_IF_ERROR(value.status());
  return DecodeDeadLetter(id, *value);
}

Result<std::vector<Delivery>> DeliveryStore::List(TenantId tenant, const DeliveryQuery& query,
                                                  std::optional<DeliveryId>* next) const {
  const auto decode = [](const DeliveryId& id, std::string_view value) {
    return DecodeDelivery(id, value);
  };
  return ListPart(DeliveryPart::kState, decode, tenant, query, next);
}

Result<std::vector<Delivery>> DeliveryStore::Letters(TenantId tenant, const DeliveryQuery& query,
                                                     std::optional<DeliveryId>* next) const {
  const auto decode = [](const DeliveryId& id, std::string_view value) -> Result<Delivery> {
    NL_TRY(DeadLetter letter, DecodeDeadLetter(id, value));
    return std::move(letter.delivery);
  };
  return ListPart(DeliveryPart::kDeadLetter, decode, tenant, query, next);
}

Result<std::vector<Delivery>> DeliveryStore::ListPart(DeliveryPart part, const Decode& decode,
                                                      TenantId tenant, const DeliveryQuery& query,
                                                      std::optional<DeliveryId>* next) const {
  const Keyspace keys = KeysOf(tenant);
  std::string end = keys.DeliveriesEnd(part);
  if (query.until_ns != INT64_MAX) end = keys.DeliveriesFrom(part, query.until_ns);
  if (query.after) end = std::min(end, KeyOf(part, tenant, *query.after));
  const std::string begin = query.since_ns == INT64_MIN ? keys.DeliveriesBegin(part)
                                                        : keys.DeliveriesFrom(part, query.since_ns);
  std::vector<Delivery> found;
  Status status;
  size_t scanned = 0;
  next->reset();
  if (begin >= end) return found;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(begin, end, Order::kDescending,
                                           [&](std::string_view key, std::string_view value) {
                                             auto delivery = decode(IdOf(key), value);
                                             if (!delivery.ok())
                                               return status = delivery.status(), false;
                                             const bool is_full = ++scanned >= kScannedMax;
                                             const DeliveryId id = delivery->id;
                                             if (IsMeant(*delivery, query))
                                               found.push_back(std::move(*delivery));
                                             if (!is_full && found.size() < query.limit)
                                               return true;
                                             *next = id;
                                             return false;
                                           }));
  NL_RETURN_IF_ERROR(status);
  return found;
}

Result<int64_t> DeliveryStore::LastTime() const {
  int64_t all_last_ns = 0;
  NL_RETURN_IF_ERROR(VisitTenants(DeliveryPart::kState, [&](TenantId, int64_t last_ns) {
    all_last_ns = std::max(all_last_ns, last_ns);
  }));
  return all_last_ns;
}

Status DeliveryStore::VisitTenants(
    DeliveryPart part, const std::function<void(TenantId, int64_t last_ns)>& visit) const {
  const std::string& prefix = Keyspace::PrefixOf(part);
  std::string end = prefix + std::string(Keyspace::kMatchKeyBytes, '\xff');
  for (bool found = true; found;) {
    found = false;
    NL_RETURN_IF_ERROR(store_->ScanMetaRange(prefix, end, Order::kDescending,
                                             [&](std::string_view key, std::string_view) {
                                               if (key.size() != Keyspace::kMatchKeyBytes)
                                                 return false;
                                               const TenantId tenant = Keyspace::TenantOfMatch(key);
                                               visit(tenant, IdOf(key).time_ns);
                                               end = KeysOf(tenant).DeliveriesBegin(part);
                                               found = true;
                                               return false;
                                             }));
  }
  return {};
}

Result<std::optional<DeliveryId>> DeliveryStore::VisitPiece(DeliveryPart part, TenantId tenant,
                                                            const DeliveryId& after,
                                                            int64_t until_ns, size_t limit,
                                                            const VisitRow& visit) const {
  std::string begin = KeyOf(part, tenant, after);
  begin.push_back('\0');  // behind it
  DeliveryId last;
  size_t visited = 0;
  bool is_all = true;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(begin, KeysOf(tenant).DeliveriesFrom(part, until_ns + 1),
                                           Order::kAscending,
                                           [&](std::string_view key, std::string_view value) {
                                             if (visited++ == limit) return is_all = false;
                                             last = IdOf(key);
                                             visit(last, value);
                                             return true;
                                           }));
  return is_all ? std::optional<DeliveryId>() : last;
}

Result<int64_t> DeliveryStore::FirstLetterTime(TenantId tenant) const {
  const Keyspace keys = KeysOf(tenant);
  int64_t first_ns = 0;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(keys.DeliveriesBegin(DeliveryPart::kDeadLetter),
                                           keys.DeliveriesEnd(DeliveryPart::kDeadLetter),
                                           Order::kAscending,
                                           [&](std::string_view key, std::string_view) {
                                             first_ns = IdOf(key).time_ns;
                                             return false;
                                           }));
  return first_ns;
}

Result<uint64_t> DeliveryStore::Trim(TenantId tenant, uint64_t excess, int64_t oldest_ns,
                                     int64_t* from, storage::MetaChange* change) const {
  const Keyspace keys = KeysOf(tenant);
  uint64_t removed = 0, in_range = 0;
  size_t scanned = 0, ranges = 0;
  std::optional<DeliveryId> begin;  // of the range that goes
  const auto remove_until = [&](const DeliveryId& end) {
    if (!begin) return;
    for (const DeliveryPart part : {DeliveryPart::kState, DeliveryPart::kNotice})
      change->remove_ranges.emplace_back(KeyOf(part, tenant, *begin), KeyOf(part, tenant, end));
    removed += in_range;
    in_range = 0;
    begin.reset();
    ++ranges;
  };
  DeliveryId last{*from, 0};
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(
      keys.DeliveriesFrom(DeliveryPart::kState, *from), keys.DeliveriesEnd(DeliveryPart::kState),
      Order::kAscending, [&](std::string_view key, std::string_view value) {
        const DeliveryId id = IdOf(key);
        last = id;
        const bool goes = removed + in_range < excess || id.time_ns < oldest_ns;
        if (!goes || ++scanned > kTrimmedMax || ranges == kRangesMax) return false;
        const auto state = StateOf(value);
        const bool is_waiting =
            state.ok() && (*state == DeliveryState::kPending || *state == DeliveryState::kRetrying);
        if (is_waiting) return remove_until(id), true;
        if (!begin) begin = id;
        ++in_range;
        last = {id.time_ns + 1, 0};  // a time is given once
        return true;
      }));
  remove_until(last);
  *from = last.time_ns;
  return removed;
}

Result<DeliveryStore::Trimmed> DeliveryStore::TrimLetters(TenantId tenant, uint64_t excess,
                                                          uint64_t excess_bytes, int64_t oldest_ns,
                                                          storage::MetaChange* change) const {
  const Keyspace keys = KeysOf(tenant);
  Trimmed trimmed;
  std::string end;
  NL_RETURN_IF_ERROR(store_->ScanMetaRange(
      keys.DeliveriesBegin(DeliveryPart::kDeadLetter),
      keys.DeliveriesEnd(DeliveryPart::kDeadLetter), Order::kAscending,
      [&](std::string_view key, std::string_view value) {
        const bool goes = trimmed.letters < excess || trimmed.bytes < excess_bytes ||
                          Keyspace::TimeOfMatch(key) < oldest_ns;
        if (!goes || trimmed.letters == kTrimmedMax) return false;
        ++trimmed.letters;
        trimmed.bytes += value.size();
        end.assign(key).push_back('\0');  // behind it
        return true;
      }));
  if (trimmed.letters > 0)
    change->remove_ranges.emplace_back(keys.DeliveriesBegin(DeliveryPart::kDeadLetter), end);
  return trimmed;
}

}  // namespace neurallog::actions
