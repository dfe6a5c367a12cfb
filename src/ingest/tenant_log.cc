#include "ingest/tenant_log.h"

#include "ingest/snapshot.h"

namespace neurallog::ingest {
namespace {

// Of the blocks that buffered rows are shown as.
constexpr size_t kSnapshotRows = 8192;
constexpr size_t kSnapshotBytes = 64u << 20;

}  // namespace

TenantLog::TenantLog(TenantId id, std::string name, storage::Store* store)
    : id_(id), name_(std::move(name)), keyspace_(id, /*generation=*/0), store_(store) {}

TenantLog::Buffered TenantLog::Append(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn,
                                      SkippedRows skipped, int64_t now_ns, size_t* added_bytes) {
  base::MutexLock lock(mutex_);
  *added_bytes = deleted() ? 0 : buffer_.Append(std::move(batch), lsn, std::move(skipped));
  last_append_ns_ = now_ns;
  return {buffer_.rows(), buffer_.bytes(), buffer_.empty() ? 0 : buffer_.oldest_lsn(),
          last_append_ns_};
}

TenantLog::Buffered TenantLog::buffered() const {
  base::MutexLock lock(mutex_);
  return {buffer_.rows(), buffer_.bytes(), buffer_.empty() ? 0 : buffer_.oldest_lsn(),
          last_append_ns_};
}

RowSlice TenantLog::BeginSeal(size_t rows_max, size_t bytes_max) {
  base::MutexLock lock(mutex_);
  const bool again = sealing_end_ != storage::LogPosition{};
  RowSlice slice = again ? buffer_.FrontUntil(sealing_end_) : buffer_.Front(rows_max, bytes_max);
  sealing_end_ = slice.end;
  return slice;
}

size_t TenantLog::CommitSeal(storage::LogPosition end,
                             const std::vector<storage::BlockEntry>& blocks) {
  base::MutexLock lock(mutex_);
  ++changes_;
  sealing_end_ = {};
  if (directory_) directory_ = directory_->With(blocks);
  return buffer_.Drop(end);
}

Result<std::vector<storage::BlockEntry>> TenantLog::LoadEntries(
    const std::function<void(std::string)>& damage) const {
  std::vector<storage::BlockEntry> entries;
  for (const storage::PartitionPtr& partition : store_->Partitions())
    NL_RETURN_IF_ERROR(store_->ReadHeaders(partition, keyspace_, &entries, damage));
  return entries;
}

void TenantLog::AdoptDirectory(std::vector<storage::BlockEntry> entries) {
  std::erase_if(entries, [this](const storage::BlockEntry& entry) NL_REQUIRES(mutex_) {
    return entry.id == storage::BlockId{sealing_end_};
  });
  directory_ = storage::Directory().With(entries);
}

Status TenantLog::LoadDirectory(const std::function<void(std::string)>& damage) {
  // Headers are read without mutex_; if blocks were sealed meanwhile they are read again, the last time under it.
  constexpr int kUnlockedTries = 3;
  base::MutexLock rewrite_lock(rewrite_mutex_);
  for (int tries = 0; tries < kUnlockedTries; ++tries) {
    uint64_t changes;
    {
      base::MutexLock lock(mutex_);
      if (directory_) return {};
      changes = changes_;
    }
    NL_TRY(std::vector<storage::BlockEntry> entries, LoadEntries(damage));
    base::MutexLock lock(mutex_);
    if (changes != changes_) continue;
    AdoptDirectory(std::move(entries));
    return {};
  }
  base::MutexLock lock(mutex_);
  NL_TRY(std::vector<storage::BlockEntry> entries, LoadEntries(damage));
  AdoptDirectory(std::move(entries));
  return {};
}

Result<std::shared_ptr<const block::BlockSet>> TenantLog::Snapshot(
    const TimeRange& range, int64_t now_ns, const std::function<void(std::string)>& damage) {
  directory_used_ns_.store(now_ns, std::memory_order_relaxed);
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      if (deleted()) return NotFound("tenant " + name_ + " is deleted");
      if (directory_)
        return MakeSnapshot(store_, keyspace_, directory_,
                            rewrite_view_ ? rewrite_view_ : store_->TakeView(),
                            buffer_.All(kSnapshotRows, kSnapshotBytes), range);
    }
    NL_RETURN_IF_ERROR(LoadDirectory(damage));
  }
}

Result<std::shared_ptr<const storage::Directory>> TenantLog::Blocks(
    const std::function<void(std::string)>& damage) {
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      if (deleted()) return NotFound("tenant " + name_ + " is deleted");
      if (directory_) return directory_;
    }
    NL_RETURN_IF_ERROR(LoadDirectory(damage));
  }
}

Status TenantLog::Rewrite(storage::Change* change, std::vector<storage::BlockId> removed,
                          const std::vector<storage::BlockEntry>& added) {
  base::MutexLock rewrite_lock(rewrite_mutex_);
  {
    base::MutexLock lock(mutex_);
    if (deleted()) return NotFound("tenant " + name_ + " is deleted");
    rewrite_view_ = store_->TakeView();
  }
  const Status status = store_->Apply(change);
  base::MutexLock lock(mutex_);
  rewrite_view_.reset();
  NL_RETURN_IF_ERROR(status);
  ++changes_;
  if (directory_) directory_ = directory_->Replace(*change->partition(), std::move(removed), added);
  return {};
}

void TenantLog::ForgetPartition(const storage::Partition& partition) {
  base::MutexLock lock(mutex_);
  ++changes_;
  if (directory_) directory_ = directory_->Without(partition);
}

size_t TenantLog::Delete() {
  base::MutexLock lock(mutex_);
  deleted_.store(true, std::memory_order_release);
  directory_.reset();
  return buffer_.Drop({UINT64_MAX, 0});
}

size_t TenantLog::directory_bytes() const {
  base::MutexLock lock(mutex_);
  return directory_ ? directory_->memory_bytes() : 0;
}

void TenantLog::UnloadDirectory() {
  base::MutexLock lock(mutex_);
  directory_.reset();
}

}  // namespace neurallog::ingest
