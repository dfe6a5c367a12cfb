#include "ingest/journaler.h"

#include <chrono>
#include <thread>

#include "base/log.h"

namespace neurallog::ingest {

Journaler::Journaler(std::unique_ptr<wal::Writer> writer, size_t group_bytes_max, Sealer* sealer,
                     const base::Clock* clock, IngestMetrics* metrics, detection::Queue* rules)
    : writer_(std::move(writer)),
      group_bytes_max_(group_bytes_max),
      sealer_(sealer),
      clock_(clock),
      metrics_(metrics),
      rules_(rules),
      carrier_(writer_.get(), sealer, clock, metrics),
      delivered_lsn_(writer_->durable_lsn()) {}

// A sync costs as much for one request as for hundreds. A group that follows a crowded one and is small in bytes therefore waits a moment;
// a single client, whose groups are of one request, never waits.
int64_t Journaler::Gather(const ring::RingBuffer<IngestEvent>& ring, int64_t first,
                          int64_t last) const {
  constexpr int64_t kCrowd = 4;
  constexpr int64_t kEnough = 64;
  constexpr size_t kSmallBatchBytes = 4 << 10;
  constexpr std::chrono::microseconds kPause{200};
  if (last_group_requests_ < kCrowd || last - first + 1 >= kEnough || !ring[first].batch ||
      ring[first].batch->payload_bytes() > kSmallBatchBytes)
    return last;
  std::this_thread::sleep_for(kPause);
  return ring.HighestPublished(last + 1);
}

int64_t Journaler::OnBatch(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last) {
  last = Gather(ring, first, last);
  written_ns_ = clock_->WallNs();
  int64_t group_first = first;
  for (int64_t sequence = first; sequence <= last; ++sequence) {
    const IngestEvent& event = ring[sequence];
    if (event.carry) {
      if (group_first < sequence) Commit(ring, group_first, sequence - 1);
      const Status status = CarryNow(*event.carry);
      if (event.ack) event.ack->Done(status);
      ring[sequence] = IngestEvent();
      group_first = sequence + 1;
      continue;
    }
    wal::FrameInfo info;
    info.tenant = event.tenant->id();
    info.rows = event.batch->rows();
    info.rejected = event.rejected;
    info.request_key = event.request_key;
    info.written_ns = written_ns_;
    group_lsns_.push_back(writer_->Add(info, *event.batch));
    if (writer_->group_bytes() >= group_bytes_max_) {
      Commit(ring, group_first, sequence);
      group_first = sequence + 1;
    }
  }
  if (group_first <= last) Commit(ring, group_first, last);
  return last;
}

void Journaler::Commit(ring::RingBuffer<IngestEvent>& ring, int64_t first, int64_t last) {
  const int64_t begin_ns = clock_->MonotonicNs();
  const uint64_t bytes = writer_->group_bytes();
  const Status status = writer_->Sync();
  metrics_->wal_sync.Record(clock_->MonotonicNs() - begin_ns);
  NoteSync(status, bytes);
  last_group_requests_ = last - first + 1;
  if (status.ok()) sealer_->WaitForRoom();
  for (int64_t sequence = first; sequence <= last; ++sequence) {
    IngestEvent& event = ring[sequence];
    if (status.ok()) Deliver(&event, group_lsns_[static_cast<size_t>(sequence - first)]);
    if (event.ack) event.ack->Done(status);
    event = IngestEvent();
  }
  if (status.ok()) delivered_lsn_.store(group_lsns_.back(), std::memory_order_release);
  group_lsns_.clear();
}

void Journaler::NoteSync(const Status& status, uint64_t bytes) {
  disk_full_.store(status.code() == Code::kUnavailable, std::memory_order_relaxed);
  if (status.ok()) {
    metrics_->wal_groups.Add();
    metrics_->wal_bytes.Add(bytes);
    return;
  }
  metrics_->wal_errors.Add();
  const bool final = status.code() != Code::kUnavailable;
  if (final && !failed_.exchange(true))
    base::LogError("write-ahead log failed; intake stops", {{"error", status.ToString()}});
}

Status Journaler::CarryNow(const CarryJob& job) {
  if (job.begin_segment) NL_RETURN_IF_ERROR(writer_->StartSegment());
  uint64_t bytes;
  const Status status = carrier_.CarryForward(job, &bytes);
  if (bytes > 0) NoteSync(status, bytes);
  if (status.ok()) delivered_lsn_.store(writer_->durable_lsn(), std::memory_order_release);
  return status;
}

void Journaler::Deliver(IngestEvent* event, wal::Lsn lsn) {
  metrics_->logs.Add(event->batch->rows());
  metrics_->batches.Add();
  size_t added_bytes;
  const auto buffered =
      event->tenant->Append(event->batch, lsn, nullptr, clock_->MonotonicNs(), &added_bytes);
  event->tenant->feed().Publish(event->batch, lsn);
  if (rules_ != nullptr && event->tenant->has_rules.load())
    rules_->Publish({event->tenant->id(), lsn, written_ns_, event->batch});
  sealer_->OnAppended(event->tenant, buffered, added_bytes);
}

}  // namespace neurallog::ingest
