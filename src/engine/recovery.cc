// Start-up: read the log twice, first for its checksums alone, then into the row buffers. Only when the first pass finds no damage are rows
// sealed meanwhile, so that a repaired log can still be replayed in full.
#include "engine/recovery.h"

#include <algorithm>

#include "base/log.h"
#include "wal/reader.h"

namespace neurallog::engine {
namespace {

constexpr std::string_view kCheckpointKey = "checkpoint";
constexpr std::string_view kIdempotencyKey = "idempotency";
// Added to the checkpoint's LSN when the log itself is gone, so that no block id is ever used again.
constexpr uint64_t kLostLogGap = 1ull << 32;

}  // namespace

Status Engine::Recover() {
  const int64_t begin_ns = environment_.clock->MonotonicNs();
  wal::WriterOptions wal_options = options_.wal;
  wal_options.directory = options_.data_dir + "/wal";
  wal::ReplayExpectation expectation;
  if (auto stored = store_->GetMeta(kCheckpointKey); stored.ok() && stored->size() == 16)
    expectation = {base::LoadLe<uint64_t>(stored->data()),
                   base::LoadLe<uint64_t>(stored->data() + 8)};
  NL_TRY(wal::ReplaySummary checked,
         wal::Replay(environment_.file_system, wal_options.directory, expectation,
                     [](const wal::Frame&) { return Status(); }));
  for (const std::string& what : checked.damage) {
    base::LogError(
        "the write-ahead log is damaged",
        {{"what", what}, {"consequence", options_.wal_accept_damage ? "accepted" : "read-only"}});
  }
  if (!options_.wal_accept_damage) damage_ = checked.damage;
  if (damage_.empty()) sealer_->Start();

  if (auto stored = store_->GetMeta(kIdempotencyKey); stored.ok())
    idempotency_.Restore(*stored, environment_.clock->WallNs());

  recovery_ = std::make_unique<Recovery>();
  NL_TRY(const wal::ReplaySummary summary,
         wal::Replay(
             environment_.file_system, wal_options.directory, expectation,
             [this](const wal::Frame& frame) { return ReplayFrame(frame.info, frame.payload); }));
  uint64_t last_lsn = std::max(summary.last_lsn, expectation.durable_lsn);
  const bool log_is_gone = last_lsn > 0 && summary.last_segment == 0;
  if (log_is_gone) last_lsn += kLostLogGap;

  if (damage_.empty()) {
    // The next recovery must not take the gap for lost frames.
    if (log_is_gone) NL_RETURN_IF_ERROR(PutCheckpoint(last_lsn + 1, last_lsn));
    NL_TRY(auto writer,
           wal::Writer::Open(environment_.file_system, wal_options, last_lsn, summary.segments,
                             summary.empty_segments, summary.last_segment));
    journaler_ =
        std::make_unique<ingest::Journaler>(std::move(writer), options_.wal_group_bytes_max,
                                            sealer_.get(), environment_.clock, &metrics_);
    ring_ = std::make_unique<ring::RingBuffer<ingest::IngestEvent>>(options_.ring_slots,
                                                                    options_.ring_wait);
    committer_ = std::make_unique<ring::EventProcessor<ingest::IngestEvent, ingest::Journaler>>(
        ring_.get(), journaler_.get());
  }
  base::LogInfo(
      "log replayed",
      {{"frames", std::to_string(summary.frames)},
       {"rows", std::to_string(recovery_->rows)},
       {"rows_in_blocks", std::to_string(recovery_->rows_in_blocks)},
       {"frames_of_deleted_tenants", std::to_string(recovery_->frames_of_deleted_tenants)},
       {"bytes", std::to_string(summary.bytes)},
       {"last_lsn", std::to_string(last_lsn)},
       {"ms", std::to_string((environment_.clock->MonotonicNs() - begin_ns) / base::kNsPerMs)}});
  recovery_.reset();
  return {};
}

Status Engine::ReplayFrame(const wal::FrameInfo& info, std::string_view payload) {
  if (!info.request_key.empty() &&
      info.written_ns > environment_.clock->WallNs() - options_.idempotency_window_ns)
    idempotency_.Finish(info.request_key, info.written_ns, {info.rows, info.rejected});
  ingest::TenantLog* log = FindTenant(info.tenant);
  if (log == nullptr) {
    ++recovery_->frames_of_deleted_tenants;
    return {};
  }
  const auto [found, first_frame] = recovery_->markers.try_emplace(info.tenant);
  Recovery::Markers& markers = found->second;
  if (first_frame) {
    for (const storage::PartitionPtr& partition : store_->Partitions()) {
      NL_TRY(const storage::LogPosition marker, store_->ReadMarker(*partition, log->keyspace()));
      markers.of[partition.get()] = marker;
      markers.max_lsn = std::max(markers.max_lsn, marker.lsn);
    }
  }
  NL_TRY(auto batch, model::RecordBatch::Decode(payload));
  recovery_->rows += batch->rows();

  ingest::SkippedRows skipped;
  if (info.lsn <= markers.max_lsn) {
    auto rows = std::make_shared<std::vector<bool>>(batch->rows());
    const char* at = batch->first_row();
    for (uint32_t i = 0; i < batch->rows(); ++i) {
      const model::RowReader row(at);
      const storage::PartitionPtr partition = store_->FindPartition(row.timestamp_ns());
      const auto marker = markers.of.find(partition.get());
      if (marker != markers.of.end() && storage::LogPosition{info.lsn, i} < marker->second) {
        (*rows)[i] = true;
        ++recovery_->rows_in_blocks;
      }
      at = row.next_row();
    }
    skipped = std::move(rows);
  }
  size_t added_bytes;
  const auto buffered = log->Append(std::move(batch), info.lsn, std::move(skipped),
                                    environment_.clock->MonotonicNs(), &added_bytes);
  if (damage_.empty()) {
    sealer_->OnAppended(log, buffered, added_bytes);
    sealer_->WaitForRoom();
  }
  return {};
}

Status Engine::Checkpoint(uint64_t lsn) {
  NL_RETURN_IF_ERROR(store_->Flush());
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
