// The first event processor of the ring: writes every published batch to the write-ahead log, one fdatasync for all that is there, then
// puts the rows into their tenants' buffers and answers. Rows are in the buffer before the answer, so the next query finds them.
#pragma once

#include <memory>
#include <vector>

#include "base/hash.h"
#include "ingest/ack.h"
#include "ingest/ingest_metrics.h"
#include "ingest/sealer.h"
#include "ingest/tenant_log.h"
#include "model/record_batch.h"
#include "ring/ring_buffer.h"
#include "wal/writer.h"

namespace neurallog::ingest {

// One slot of the ring.
struct IngestEvent {
  std::shared_ptr<const model::RecordBatch> batch;
  TenantLog* tenant = nullptr;
  uint32_t rejected = 0;
  base::Hash128Value request_key;
  std::unique_ptr<Ack> ack;  // null: nobody waits
};

// Not thread-safe; owned by the committer thread, except failed().
class Journaler {
 public:
  Journaler(std::unique_ptr<wal::Writer> writer, size_t group_bytes_max, Sealer* sealer, const base::Clock* clock, IngestMetrics* metrics);

  void OnBatch(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last);

  wal::Writer& writer() { return *writer_; }
  // Every batch up to this LSN is in its tenant's buffer or in a block. Thread-safe.
  wal::Lsn delivered_lsn() const { return delivered_lsn_.load(std::memory_order_acquire); }
  // True after an error that makes the log unusable until a restart.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  void Commit(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last);
  void Deliver(IngestEvent* event, wal::Lsn lsn);

  const std::unique_ptr<wal::Writer> writer_;
  const size_t group_bytes_max_;
  Sealer* const sealer_;
  const base::Clock* const clock_;
  IngestMetrics* const metrics_;
  std::vector<wal::Lsn> group_lsns_;
  std::atomic<wal::Lsn> delivered_lsn_;
  std::atomic<bool> failed_{false};
};

}  // namespace neurallog::ingest
