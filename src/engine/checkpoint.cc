// Letting go of the log. When it has grown, its older half is made unneeded: tenants with a block's worth of rows are sealed, the small
// tails of the others go forward to the head of the log. Then the store is flushed and the segments before the first row that is in no
// block are released.
#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "engine/checkpoint.h"
#include "detection/detection.h"
#include "engine/engine.h"

namespace neurallog::engine {
namespace {

constexpr int64_t kDiskFullPauseNs =
    5 * base::kNsPerSecond;                       // between checkpoints that hope to free room
constexpr int64_t kTrimAfterNs = 5 * base::kNsPerSecond;  // without a log
constexpr int64_t kTrimRetryNs = 60 * base::kNsPerSecond;
constexpr size_t kTrimBytesMax = 16u << 20;
constexpr size_t kSealAtCloseMax = 64;            // tenants
constexpr size_t kCarryGroupBytesMax = 4u << 20;  // the committer serves nobody else meanwhile

struct Tail {
  ingest::TenantLog* log;
  ingest::TenantLog::Buffered buffered;
};

std::vector<Tail> TailsBefore(const std::vector<ingest::TenantLog*>& logs, uint64_t lsn) {
  std::vector<Tail> tails;
  for (ingest::TenantLog* log : logs) {
    const auto buffered = log->buffered();
    if (buffered.oldest_lsn != 0 && buffered.oldest_lsn < lsn) tails.push_back({log, buffered});
  }
  std::sort(tails.begin(), tails.end(),
            [](const Tail& a, const Tail& b) { return a.buffered.rows < b.buffered.rows; });
  return tails;
}

std::vector<ingest::CarryJob> GroupJobs(const std::vector<Tail>& tails, uint64_t before,
                                        bool begin_segment) {
  std::vector<ingest::CarryJob> jobs;
  if (begin_segment) jobs.push_back({.tenants = {}, .before = before, .begin_segment = true});
  size_t room = 0;
  for (const Tail& tail : tails) {
    if (room == 0) {
      jobs.push_back({.tenants = {}, .before = before, .begin_segment = false});
      room = kCarryGroupBytesMax;
    }
    jobs.back().tenants.push_back(tail.log);
    room -= std::min(room, tail.buffered.bytes);
  }
  return jobs;
}

}  // namespace

uint64_t Engine::FirstNeededLsn(uint64_t otherwise) const {
  uint64_t first = otherwise;
  for (const ingest::TenantLog* log : TenantLogs()) {
    const uint64_t oldest = log->buffered().oldest_lsn;
    if (oldest != 0) first = std::min(first, oldest);
  }
  if (journaler_->writer().live_bytes() <= options_.wal_rule_bytes_max)
    first = std::min(first, detection_->needed_from());
  return first;
}

void Engine::CheckpointIfNeeded(int64_t now_ns) {
  wal::Writer& writer = journaler_->writer();
  const bool large = writer.live_bytes() > options_.wal_retained_bytes_max;
  const bool disk_full =
      journaler_->disk_full() && now_ns - last_checkpoint_ns_ >= kDiskFullPauseNs;
  if (!large && !disk_full) return;
  last_checkpoint_ns_ = now_ns;
  // Read before the buffers: what was delivered by now is in a buffer or sealed.
  const uint64_t delivered_lsn = journaler_->delivered_lsn();
  if (delivered_lsn <= writer.oldest_lsn()) return;
  const uint64_t half = writer.oldest_lsn() + (delivered_lsn - writer.oldest_lsn()) / 2;
  ClearLogBefore(half, /*may_carry=*/!disk_full, /*begin_segment=*/false);
  // Read before the flush: what is sealed by now is in memtables.
  const uint64_t sealed_before = FirstNeededLsn(delivered_lsn + 1);
  if (!writer.CanRelease(sealed_before)) return;
  const Status status = Checkpoint(sealed_before);
  if (!status.ok()) base::LogError("checkpoint failed", {{"error", status.ToString()}});
}

// RocksDB flushes when its buffers are full. What had been sealed some time ago is durable then, and its log can go without a flush.
void Engine::ReleaseFlushed() {
  if (flush_mark_.lsn == 0) {
    const uint64_t delivered_lsn = journaler_->delivered_lsn();
    const uint64_t sealed_before = FirstNeededLsn(delivered_lsn + 1);
    flush_mark_ = {sealed_before, store_->Sequence()};
    return;
  }
  if (!store_->IsDurable(flush_mark_.sequence)) return;
  if (journaler_->writer().CanRelease(flush_mark_.lsn)) {
    const Status status = ReleaseBefore(flush_mark_.lsn);
    if (!status.ok()) base::LogError("checkpoint failed", {{"error", status.ToString()}});
  }
  flush_mark_ = {};
}

// When nothing comes in, the log shrinks to a file with the small tails.
void Engine::TrimIdleLog(int64_t now_ns) {
  wal::Writer& writer = journaler_->writer();
  const bool is_busy = now_ns - last_logs_ns_ < kTrimAfterNs || now_ns < trim_again_ns_;
  if (is_busy || writer.IsMinimal()) return;
  const uint64_t delivered_lsn = journaler_->delivered_lsn();
  if (trimmed_at_ns_ != last_logs_ns_) {
    trimmed_at_ns_ = last_logs_ns_;
    size_t carried_bytes = 0;
    for (const Tail& tail : TailsBefore(TenantLogs(), delivered_lsn + 1))
      if (tail.buffered.rows < options_.carry_rows_max) carried_bytes += tail.buffered.bytes;
    if (carried_bytes > kTrimBytesMax) return;  // more tails than it is worth
    ClearLogBefore(delivered_lsn + 1, /*may_carry=*/true, /*begin_segment=*/true);
    return;
  }
  const uint64_t sealed_before = FirstNeededLsn(delivered_lsn + 1);
  if (writer.CanRelease(sealed_before)) {
    const Status status = Checkpoint(sealed_before);
    if (!status.ok()) {
      base::LogError("checkpoint failed", {{"error", status.ToString()}});
      trim_again_ns_ = now_ns + kTrimRetryNs;
    }
  }
  writer.RemoveRecycled();
}

void Engine::ClearLogBefore(uint64_t lsn, bool may_carry, bool begin_segment) {
  const size_t rows_max = std::min(options_.carry_rows_max, options_.sealer.block_rows);
  size_t bytes_left = may_carry ? options_.carry_bytes_max : 0;
  std::vector<Tail> carried;
  for (const Tail& tail : TailsBefore(TenantLogs(), lsn)) {
    if (tail.buffered.rows >= rows_max || tail.buffered.bytes > bytes_left) {
      sealer_->SealAllBefore(tail.log, lsn);
      continue;
    }
    bytes_left -= tail.buffered.bytes;
    carried.push_back(tail);
  }
  for (ingest::CarryJob& job : GroupJobs(carried, lsn, begin_segment)) {
    ingest::IngestEvent event;
    event.carry = std::make_unique<ingest::CarryJob>(std::move(job));
    if (!TryAppend(&event)) return;  // the ring is full; it is tried again in a second
  }
}

// A few small blocks do no harm, and the log is empty then; ten thousand at each restart would.
Status Engine::ClearLogAtClose() {
  const uint64_t end = journaler_->writer().durable_lsn() + 1;
  const std::vector<Tail> tails = TailsBefore(TenantLogs(), end);
  const size_t carried_rows_max = tails.size() > kSealAtCloseMax ? options_.carry_rows_max : 0;
  std::vector<Tail> carried;
  for (const Tail& tail : tails) {
    if (tail.buffered.rows < carried_rows_max) {
      carried.push_back(tail);
    } else {
      NL_RETURN_IF_ERROR(sealer_->SealNow(tail.log, end));
    }
  }
  wal::Writer& writer = journaler_->writer();
  for (const ingest::CarryJob& job : GroupJobs(carried, end, !writer.IsMinimal()))
    NL_RETURN_IF_ERROR(journaler_->CarryNow(job));
  NL_RETURN_IF_ERROR(Checkpoint(FirstNeededLsn(writer.durable_lsn() + 1)));
  writer.RemoveRecycled();
  return {};
}

Status Engine::Checkpoint(uint64_t lsn) {
  NL_RETURN_IF_ERROR(store_->Flush());
  return ReleaseBefore(lsn);
}

Status Engine::ReleaseBefore(uint64_t lsn) {
  NL_RETURN_IF_ERROR(store_->PutMeta(kIdempotencyKey, idempotency_.Encode()));
  NL_RETURN_IF_ERROR(PutCheckpoint(lsn, journaler_->writer().durable_lsn()));
  journaler_->writer().Release(lsn);
  return {};
}

Status Engine::PutCheckpoint(uint64_t needed_from, uint64_t durable_lsn) {
  std::string bytes;
  base::AppendLe<uint64_t>(&bytes, needed_from);
  base::AppendLe<uint64_t>(&bytes, durable_lsn);
  return store_->PutMeta(kCheckpointKey, bytes);
}

}  // namespace neurallog::engine
