// Carries small unsealed tails forward: writes them to the head of the log again, so that the segments behind can be released without
// making tiny blocks.
//
//   Carrier carrier(&writer, &sealer, &metrics);
//   Status durable = carrier.CarryForward({.tenants = {log, ...}, .before = lsn}, &bytes);
//
// A frame that carries rows names the place in the log from which on it replaces the tenant's rows; docs/formats/wal.md has the rule that
// makes each row be found once, whenever the process dies. While a tenant's rows are carried it is not sealed.
// Not thread-safe; owned by the committer thread, which has delivered every batch that it has written.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "ingest/ingest_metrics.h"
#include "ingest/sealer.h"
#include "ingest/tenant_log.h"
#include "wal/writer.h"

namespace neurallog::ingest {

// Work for the committer: these tenants' rows go forward, except of those that hold no row before `before` or whose turn to be sealed has
// come. Whoever makes it bounds the bytes: they are copied once in memory, and make one group.
struct CarryJob {
  std::vector<TenantLog*> tenants;
  wal::Lsn before = 0;
  bool begin_segment = false;  // with the rows first in a segment, all that is before it can go
};

class Carrier {
 public:
  Carrier(wal::Writer* writer, Sealer* sealer, const base::Clock* clock, IngestMetrics* metrics)
      : writer_(writer), sealer_(sealer), clock_(clock), metrics_(metrics) {}

  // `*bytes` is what was written; 0 when no tenant had rows to carry. When it fails, all rows stay where they were.
  Status CarryForward(const CarryJob& job, uint64_t* bytes);

 private:
  struct Carried {
    TenantLog* tenant;
    std::shared_ptr<const model::RecordBatch> batch;
    wal::Lsn lsn;
  };
  // Writes the tenant's frame, unsynced. The tenant is held from here on.
  void Stage(TenantLog* tenant, wal::Lsn before);
  void Commit(Carried* carried);

  wal::Writer* const writer_;
  Sealer* const sealer_;
  const base::Clock* const clock_;
  IngestMetrics* const metrics_;
  std::vector<Carried> staged_;
};

}  // namespace neurallog::ingest
