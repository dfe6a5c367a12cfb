// The first event processor of the ring: writes every published batch to the write-ahead log, one fdatasync for all that is there, then
// puts the rows into their tenants' buffers and answers. Rows are in the buffer before the answer, so the next query finds them.
#pragma once

#include <memory>
#include <vector>

#include "base/hash.h"
#include "detection/queue.h"
#include "ingest/ack.h"
#include "ingest/carrier.h"
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
  // Instead of a batch: rows that go forward in the log.
  std::unique_ptr<CarryJob> carry;
};

// Not thread-safe; owned by the committer thread, except failed().
class Journaler {
 public:
  // `rules`: where batches of tenants with rules go; null: nowhere.
  Journaler(std::unique_ptr<wal::Writer> writer, size_t group_bytes_max, Sealer* sealer,
            const base::Clock* clock, IngestMetrics* metrics, detection::Queue* rules = nullptr);

  // Handles first .. last, and what is published meanwhile; returns the last that it handled.
  int64_t OnBatch(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last);

  // Carries rows forward on the calling thread, when the committer has ended.
  Status CarryNow(const CarryJob& job);

  wal::Writer& writer() { return *writer_; }
  // Every batch up to this LSN is in its tenant's buffer or in a block. Thread-safe.
  wal::Lsn delivered_lsn() const { return delivered_lsn_.load(std::memory_order_acquire); }
  // True from a group that found the disk full to the next that found room.
  bool disk_full() const { return disk_full_.load(std::memory_order_relaxed); }
  // True after an error that makes the log unusable until a restart.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  // When requests come in crowds, lets more of them join the group: returns the last sequence to take.
  int64_t Gather(const ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last) const;
  void Commit(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last);
  void Deliver(IngestEvent* event, wal::Lsn lsn);
  // Counts and remembers how a group ended.
  void NoteSync(const Status& status, uint64_t bytes);

  const std::unique_ptr<wal::Writer> writer_;
  const size_t group_bytes_max_;
  Sealer* const sealer_;
  const base::Clock* const clock_;
  IngestMetrics* const metrics_;
  detection::Queue* const rules_;
  Carrier carrier_;
  std::vector<wal::Lsn> group_lsns_;
  int64_t written_ns_ = 0;  // of the frames at hand
  int64_t last_group_requests_ = 0;
  std::atomic<wal::Lsn> delivered_lsn_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> disk_full_{false};
};

}  // namespace neurallog::ingest
