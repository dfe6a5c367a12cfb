#include "ingest/journaler.h"

#include "base/log.h"

namespace neurallog::ingest {

Journaler::Journaler(std::unique_ptr<wal::Writer> writer, size_t group_bytes_max, Sealer* sealer, const base::Clock* clock,
                     IngestMetrics* metrics)
    : writer_(std::move(writer)), group_bytes_max_(group_bytes_max), sealer_(sealer), clock_(clock), metrics_(metrics),
      delivered_lsn_(writer_->durable_lsn()) {}

void Journaler::OnBatch(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last) {
  const int64_t now_ns = clock_->WallNs();
  int64_t group_first = first;
  for (int64_t sequence = first; sequence <= last; ++sequence) {
    const IngestEvent& event = ring[sequence];
    wal::FrameInfo info;
    info.tenant = event.tenant->id();
    info.rows = event.batch->rows();
    info.rejected = event.rejected;
    info.request_key = event.request_key;
    info.written_ns = now_ns;
    group_lsns_.push_back(writer_->Add(info, *event.batch));
    if (writer_->group_bytes() >= group_bytes_max_) {
      Commit(ring, group_first, sequence);
      group_first = sequence + 1;
    }
  }
  if (group_first <= last) Commit(ring, group_first, last);
}

void Journaler::Commit(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last) {
  const int64_t begin_ns = clock_->MonotonicNs();
  const uint64_t bytes = writer_->group_bytes();
  const Status status = writer_->Sync();
  metrics_->wal_sync.Record(clock_->MonotonicNs() - begin_ns);
  if (status.ok()) {
    metrics_->wal_groups.Add();
    metrics_->wal_bytes.Add(bytes);
    sealer_->WaitForRoom();
  } else {
    metrics_->wal_errors.Add();
    const bool final = status.code() != Code::kUnavailable;
    if (final && !failed_.exchange(true)) base::LogError("write-ahead log failed; intake stops", {{"error", status.ToString()}});
  }
  for (int64_t sequence = first; sequence <= last; ++sequence) {
    IngestEvent& event = ring[sequence];
    if (status.ok()) Deliver(&event, group_lsns_[static_cast<size_t>(sequence - first)]);
    if (event.ack) event.ack->Done(status);
    event = IngestEvent();
  }
  if (status.ok()) delivered_lsn_.store(group_lsns_.back(), std::memory_order_release);
  group_lsns_.clear();
}

void Journaler::Deliver(IngestEvent* event, wal::Lsn lsn) {
  metrics_->logs.Add(event->batch->rows());
  metrics_->batches.Add();
  size_t added_bytes;
  const auto buffered = event->tenant->Append(std::move(event->batch), lsn, nullptr, clock_->MonotonicNs(), &added_bytes);
  sealer_->OnAppended(event->tenant, buffered, added_bytes);
}

}  // namespace neurallog::ingest
