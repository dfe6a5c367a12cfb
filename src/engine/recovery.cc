// Start-up: read the log twice, first for its checksums alone, then into the row buffers. Only when the first pass finds no damage are rows
// sealed meanwhile, so that a repaired log can still be replayed in full.
#include "engine/recovery.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "detection/detection.h"
#include "engine/checkpoint.h"
#include "wal/reader.h"

namespace neurallog::engine {
namespace {

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
  if (auto stored = store_->GetMeta(kIdempotencyKey); stored.ok())
    idempotency_.Restore(*stored, environment_.clock->WallNs());
  recovery_ = std::make_unique<Recovery>();
  NL_TRY(const wal::ReplaySummary checked,
         wal::Replay(environment_.file_system, wal_options.directory, expectation,
                     [this](const wal::Frame& frame) { return CheckFrame(frame); }));
  SettleCarried();
  const int64_t checked_ns = environment_.clock->MonotonicNs();
  for (const std::string& what : checked.damage) {
    base::LogError(
        "the write-ahead log is damaged",
        {{"what", what}, {"consequence", options_.wal_accept_damage ? "accepted" : "read-only"}});
  }
  if (!options_.wal_accept_damage) damage_ = checked.damage;
  if (writes()) {
    NL_RETURN_IF_ERROR(SettleServerClass(std::max(checked.last_lsn, expectation.durable_lsn) + 1,
                                         expectation.needed_from));
    sealer_->Start();
  }

  NL_RETURN_IF_ERROR(
      wal::VisitAgain(environment_.file_system, wal_options.directory, recovery_->needed,
                      [this](const wal::Frame& frame) { return ReplayFrame(frame); }));
  uint64_t needed_bytes = 0;
  for (const wal::FrameRange& range : recovery_->needed) needed_bytes += range.end - range.begin;
  uint64_t last_lsn = std::max(checked.last_lsn, expectation.durable_lsn);
  const bool log_is_gone = last_lsn > 0 && checked.last_segment == 0;
  if (log_is_gone) last_lsn += kLostLogGap;

  if (writes()) {
    // The next recovery must not take the gap for lost frames.
    if (log_is_gone) NL_RETURN_IF_ERROR(PutCheckpoint(last_lsn + 1, last_lsn));
    NL_TRY(auto writer,
           wal::Writer::Open(environment_.file_system, wal_options, last_lsn, checked.segments,
                             checked.empty_segments, checked.last_segment));
    journaler_ =
        std::make_unique<ingest::Journaler>(std::move(writer), options_.wal_group_bytes_max,
                                            sealer_.get(), environment_.clock, &metrics_,
                                            detection_->queue());
    ring_ = std::make_unique<ring::RingBuffer<ingest::IngestEvent>>(options_.ring_slots,
                                                                    options_.ring_wait);
    committer_ = std::make_unique<ring::EventProcessor<ingest::IngestEvent, ingest::Journaler>>(
        ring_.get(), journaler_.get());
  }
  base::LogInfo(
      "log replayed",
      {{"frames", std::to_string(checked.frames)},
       {"rows", std::to_string(recovery_->rows)},
       {"rows_replayed", std::to_string(recovery_->rows_replayed)},
       {"rows_carried", std::to_string(recovery_->rows_carried)},
       {"frames_of_deleted_tenants", std::to_string(recovery_->frames_of_deleted_tenants)},
       {"bytes", std::to_string(checked.bytes)},
       {"bytes_read_again", std::to_string(needed_bytes)},
       {"check_ms", std::to_string((checked_ns - begin_ns) / base::kNsPerMs)},
       {"last_lsn", std::to_string(last_lsn)},
       {"ms", std::to_string((environment_.clock->MonotonicNs() - begin_ns) / base::kNsPerMs)}});
  recovery_.reset();
  return {};
}

// The first pass: what was carried, which answers are to be remembered, and which frames hold rows that are in no block.
Status Engine::CheckFrame(const wal::Frame& frame) {
  const wal::FrameInfo& info = frame.info;
  if (!info.request_key.empty() &&
      info.written_ns > environment_.clock->WallNs() - options_.idempotency_window_ns)
    idempotency_.Finish(info.request_key, info.written_ns, {info.rows, info.rejected});
  const ingest::TenantLog* const log = FindTenant(info.tenant);
  if (log == nullptr) {
    ++recovery_->frames_of_deleted_tenants;
    return {};
  }
  recovery_->rows += info.rows;
  NL_TRY(RecoveredTenant* const tenant, FindRecovered(*log));
  if (info.carried_from_lsn != 0)
    tenant->carried.Add({info.carried_from_lsn, info.carried_from_row}, info.lsn);
  if (!IsWhollyInBlocks(*tenant, *log, info, frame.payload))
    wal::AddToRanges(frame, &recovery_->needed);
  return {};
}

void Engine::SettleCarried() {
  for (auto& [id, tenant] : recovery_->tenants) {
    std::vector<storage::LogPosition> markers;
    for (const auto& [partition, marker] : tenant.markers) markers.push_back(marker);
    tenant.carried.DropContradicted(markers);
  }
}

// The second pass: into the row buffers.
Status Engine::ReplayFrame(const wal::Frame& frame) {
  const wal::FrameInfo& info = frame.info;
  ingest::TenantLog* log = FindTenant(info.tenant);
  if (log == nullptr) return {};
  NL_TRY(RecoveredTenant* const tenant, FindRecovered(*log));
  if (tenant->carried.IsVoid(info) || IsWhollyInBlocks(*tenant, *log, info, frame.payload))
    return {};
  NL_TRY(auto batch, model::RecordBatch::Decode(frame.payload));
  const bool all_new = info.lsn > tenant->max_marker_lsn && !tenant->carried.TouchesFrame(info.lsn);
  ingest::SkippedRows skipped = all_new ? nullptr : FindSkipped(*tenant, *log, info.lsn, *batch);
  recovery_->rows_replayed += batch->rows();
  size_t added_bytes;
  const auto buffered = log->Append(std::move(batch), info.lsn, std::move(skipped),
                                    environment_.clock->MonotonicNs(), &added_bytes);
  if (writes()) {
    sealer_->OnAppended(log, buffered, added_bytes);
    if (!sealer_->HasRoom()) RelieveMemory(info.lsn + 1);
    sealer_->WaitForRoom();
  }
  return {};
}

Status Engine::ReadMarkers(const ingest::TenantLog& log, RecoveredTenant* tenant) {
  for (const storage::PartitionPtr& partition : store_->Partitions()) {
    NL_TRY(const storage::LogPosition marker, store_->ReadMarker(*partition, log.keyspace()));
    if (marker == storage::LogPosition{}) continue;
    tenant->markers[partition.get()] = marker;
    tenant->max_marker_lsn = std::max(tenant->max_marker_lsn, marker.lsn);
  }
  return {};
}

Result<RecoveredTenant*> Engine::FindRecovered(const ingest::TenantLog& log) {
  const auto [found, first_frame] = recovery_->tenants.try_emplace(log.id());
  if (first_frame) NL_RETURN_IF_ERROR(ReadMarkers(log, &found->second));
  return &found->second;
}

// Only the header of the payload is looked at: all rows lie between two times, and these lie in one partition.
bool Engine::IsWhollyInBlocks(const RecoveredTenant& tenant, const ingest::TenantLog& log,
                              const wal::FrameInfo& info, std::string_view payload) {
  if (info.lsn > tenant.max_marker_lsn || payload.size() < model::RecordBatch::kHeaderBytes)
    return false;
  const auto min_ns = base::LoadLe<int64_t>(payload.data() + 8);
  const auto max_ns = base::LoadLe<int64_t>(payload.data() + 16);
  const storage::LogPosition marker = MarkerAt(tenant, log, info.lsn, min_ns);
  return recovery_->same.Contains(max_ns) && storage::LogPosition{info.lsn, info.rows} <= marker;
}

ingest::SkippedRows Engine::FindSkipped(const RecoveredTenant& tenant, const ingest::TenantLog& log,
                                        uint64_t lsn, const model::RecordBatch& batch) {
  auto skipped = std::make_shared<std::vector<bool>>(batch.rows());
  const char* at = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    const model::RowReader row(at);
    const storage::LogPosition position{lsn, i};
    if (position < MarkerAt(tenant, log, lsn, row.timestamp_ns())) {
      (*skipped)[i] = true;
    } else if (tenant.carried.Replaces(position)) {
      (*skipped)[i] = true;
      ++recovery_->rows_carried;
    }
    at = row.next_row();
  }
  return skipped;
}

storage::LogPosition Engine::MarkerAt(const RecoveredTenant& tenant, const ingest::TenantLog& log,
                                      uint64_t lsn, int64_t timestamp_ns) {
  Recovery& recovery = *recovery_;
  const tenant::RetentionClass retention_class = log.ClassAt(lsn);
  if (!recovery.same.Contains(timestamp_ns) || recovery.same_class != retention_class) {
    recovery.partition = store_->FindPartition(timestamp_ns, retention_class).get();
    recovery.same_class = retention_class;
    recovery.same = {};
    for (const storage::PartitionPtr& partition : store_->Partitions()) {
      for (const int64_t border_ns : {partition->range().start_ns, partition->range().end_ns}) {
        if (border_ns <= timestamp_ns)
          recovery.same.start_ns = std::max(recovery.same.start_ns, border_ns);
        if (border_ns > timestamp_ns)
          recovery.same.end_ns = std::min(recovery.same.end_ns, border_ns);
      }
    }
  }
  const auto found = tenant.markers.find(recovery.partition);
  return found == tenant.markers.end() ? storage::LogPosition{} : found->second;
}

void CarriedRanges::DropContradicted(const std::vector<storage::LogPosition>& markers) {
  std::erase_if(ranges_, [&](const Range& range) {
    return std::any_of(markers.begin(), markers.end(), [&](const storage::LogPosition& marker) {
      return range.from < marker && marker < storage::LogPosition{range.to, 0};
    });
  });
}

bool CarriedRanges::IsVoid(const wal::FrameInfo& info) const {
  if (info.carried_from_lsn == 0) return false;
  return std::none_of(ranges_.begin(), ranges_.end(),
                      [&](const Range& range) { return range.to == info.lsn; });
}

bool CarriedRanges::TouchesFrame(uint64_t lsn) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [lsn](const Range& range) { return range.from.lsn <= lsn && lsn < range.to; });
}

bool CarriedRanges::Replaces(storage::LogPosition row) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [row](const Range& range) { return range.from <= row && row.lsn < range.to; });
}

}  // namespace neurallog::engine
