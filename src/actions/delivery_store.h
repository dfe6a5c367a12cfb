// The deliveries of all tenants, in the `meta` column family: three ranges per tenant by the time they were made.
//
//   states    a row per delivery, overwritten as it goes on; those that have ended are its history
//   notices   what each says, written once
//   letters   dead letters, each with its notice
//
// Old history goes in ranges, so that no queue of deleted rows is ever walked over. A row that waits is never in
// such a range: it is left standing, and deleted by itself when it ends (Settle).
//
// Reading: any thread. The rest builds changes that its caller writes.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actions/delivery.h"
#include "storage/store.h"

namespace neurallog::actions {

// Which deliveries are asked for.
struct DeliveryQuery {
  std::optional<DeliveryState> state;
  std::string action_id;  // empty: any
  std::string rule_id;
  std::optional<DeadReason> reason;
  int64_t since_ns = INT64_MIN;  // made in [since, until)
  int64_t until_ns = INT64_MAX;
  std::optional<DeliveryId> after;  // only older ones than this
  size_t limit = 100;
};
bool IsMeant(const Delivery& delivery, const DeliveryQuery& query);

class DeliveryStore {
 public:
  explicit DeliveryStore(storage::Store* store) : store_(store) {}

  // A new delivery; a dead one becomes a dead letter.
  static void AddNew(TenantId tenant, const Delivery& delivery, std::string notice,
                     storage::MetaChange* change);
  // As it is now; `notice` is needed when it is dead.
  static void AddState(TenantId tenant, const Delivery& delivery, std::string_view notice,
                       storage::MetaChange* change);
  // Takes a dead letter back into life.
  static void AddRevived(TenantId tenant, const DeadLetter& letter, storage::MetaChange* change);
  static void AddRemovedLetter(TenantId tenant, const DeliveryId& id, storage::MetaChange* change);
  // Nothing is left of the delivery.
  static void AddRemoved(TenantId tenant, const DeliveryId& id, storage::MetaChange* change);
  static void AddRemoval(TenantId tenant, storage::MetaChange* change);

  // NotFound.
  Result<Delivery> Get(TenantId tenant, const DeliveryId& id) const;
  Result<std::string> Notice(TenantId tenant, const DeliveryId& id) const;
  Result<DeadLetter> Letter(TenantId tenant, const DeliveryId& id) const;

  // Newest first; *next is set when there may be more.
  Result<std::vector<Delivery>> List(TenantId tenant, const DeliveryQuery& query,
                                     std::optional<DeliveryId>* next) const;
  Result<std::vector<Delivery>> Letters(TenantId tenant, const DeliveryQuery& query,
                                        std::optional<DeliveryId>* next) const;

  // The latest time of a delivery of any tenant; 0: there is none.
  Result<int64_t> LastTime() const;
  // 0: the tenant has no dead letter.
  Result<int64_t> FirstLetterTime(TenantId tenant) const;
  // The rows of a part behind `after` and made until `until_ns`, in order of their ids, at most `limit`. The id of the
  // last; nothing when no more follow.
  using VisitRow = std::function<void(const DeliveryId&, std::string_view value)>;
  Result<std::optional<DeliveryId>> VisitPiece(storage::Keyspace::DeliveryPart part,
                                               TenantId tenant, const DeliveryId& after,
                                               int64_t until_ns, size_t limit,
                                               const VisitRow& visit) const;
  // Those with rows of a part, and the time of the last of them. One seek for each.
  Status VisitTenants(storage::Keyspace::DeliveryPart part,
                      const std::function<void(TenantId, int64_t last_ns)>& visit) const;

  // Enters into `change` that ended ones go, the oldest first: `excess` of them, and those made before `oldest_ns`. Begins at *from and
  // sets it behind what has gone; returns how many.
  Result<uint64_t> Trim(TenantId tenant, uint64_t excess, int64_t oldest_ns, int64_t* from,
                        storage::MetaChange* change) const;
  struct Trimmed {
    uint64_t letters = 0;
    uint64_t bytes = 0;
  };
  // The same for dead letters.
  Result<Trimmed> TrimLetters(TenantId tenant, uint64_t excess, uint64_t excess_bytes,
                              int64_t oldest_ns, storage::MetaChange* change) const;

 private:
  using Decode = std::function<Result<Delivery>(const DeliveryId&, std::string_view)>;
  Result<std::vector<Delivery>> ListPart(storage::Keyspace::DeliveryPart part, const Decode& decode,
                                         TenantId tenant, const DeliveryQuery& query,
                                         std::optional<DeliveryId>* next) const;

  storage::Store* const store_;
};

}  // namespace neurallog::actions
