#include "ingest/tenant_log.h"

#include <algorithm>

#include "ingest/snapshot.h"

namespace neurallog::ingest {
namespace {

// Of the blocks that buffered rows are shown as.
constexpr size_t kSnapshotRows = 4096;  // in a block; all but the last are there for the next query
constexpr size_t kSnapshotBytes = 64u << 20;

}  // namespace

TenantLog::TenantLog(TenantId id, std::string name, storage::Store* store,
                     const tenant::ClassHistory* server_classes)
    : id_(id),
      name_(std::move(name)),
      keyspace_(id, /*generation=*/0),
      store_(store),
      server_classes_(server_classes) {}

TenantLog::Buffered TenantLog::Append(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn,
                                      SkippedRows skipped, int64_t now_ns, size_t* added_bytes) {
  base::MutexLock lock(mutex_);
  *added_bytes = deleted() ? 0 : buffer_.Append(std::move(batch), lsn, std::move(skipped), now_ns);
  last_append_ns_ = now_ns;
  last_append_lsn_ = lsn;
  return BufferedLocked();
}

TenantLog::Buffered TenantLog::buffered() const {
  base::MutexLock lock(mutex_);
  return BufferedLocked();
}

TenantLog::Buffered TenantLog::BufferedLocked() const {
  if (buffer_.empty()) return {.last_append_ns = last_append_ns_};
  return {buffer_.rows(),  buffer_.bytes(),           buffer_.oldest_lsn(),
          last_append_ns_, buffer_.oldest_append_ns(), buffer_.min_ns()};
}

uint64_t TenantLog::last_append_lsn() const {
  base::MutexLock lock(mutex_);
  return last_append_lsn_;
}

RowSlice TenantLog::BeginSeal(size_t rows_max, size_t bytes_max) {
  base::MutexLock lock(mutex_);
  const bool again = sealing_end_ != storage::LogPosition{};
  const uint64_t lsn_end = buffer_.empty() ? 0 : SliceEndLocked(buffer_.oldest_lsn());
  RowSlice slice = again ? buffer_.FrontUntil(sealing_end_)
                         : buffer_.Front(rows_max, bytes_max, lsn_end);
  sealing_end_ = slice.end;
  return slice;
}

size_t TenantLog::CommitSeal(storage::LogPosition end,
                             const std::vector<storage::BlockEntry>& blocks) {
  base::MutexLock lock(mutex_);
  ++changes_;
  sealing_end_ = {};
  std::vector<storage::BlockEntry> added = blocks;
  std::erase_if(added, [](const auto& block) { return block.partition->dropped(); });
  if (directory_) directory_ = directory_->With(added);
  if (stored_)
    for (const storage::BlockEntry& block : added) stored_->Add(block);
  for (const storage::BlockEntry& block : blocks)
    if (block.header->rows < kSmallBlockRows) small_blocks.fetch_add(1, std::memory_order_relaxed);
  return buffer_.Drop(end);
}

// After a seal that failed in the middle some partitions may be ahead of others: then the rows are sealed, not carried.
TenantLog::Carry TenantLog::BeginCarry() {
  base::MutexLock lock(mutex_);
  if (deleted() || buffer_.empty() || sealing_end_ != storage::LogPosition{}) return {};
  if (!cuts_.empty() || hold_ != 0) return {};
  return {buffer_.ToBatch(), buffer_.begin()};
}

TenantLog::CarriedBytes TenantLog::CommitCarry(std::shared_ptr<const model::RecordBatch> batch,
                                               uint64_t lsn) {
  base::MutexLock lock(mutex_);
  if (deleted()) return {};
  const size_t freed = buffer_.Replace(std::move(batch), lsn);
  last_append_lsn_ = lsn;
  return {freed, buffer_.bytes()};
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
    return entry.id == storage::BlockId{sealing_end_} || entry.partition->dropped();
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
    const TimeRange& range, int64_t now_ns, const std::function<void(std::string)>& damage,
    const HeldBytes& held, uint64_t* last_lsn) {
  directory_used_ns_.store(now_ns, std::memory_order_relaxed);
  std::shared_ptr<const storage::Directory> directory;
  std::shared_ptr<const storage::ReadView> view;
  std::vector<RowSlice> slices;
  while (!directory) {
    {
      base::MutexLock lock(mutex_);
      if (deleted()) return NotFound("tenant " + name_ + " is deleted");
      if (last_lsn != nullptr) *last_lsn = last_append_lsn_;
      directory = directory_;
      if (directory) view = rewrite_view_ ? rewrite_view_ : store_->TakeView();
      if (directory) slices = buffer_.All(kSnapshotRows, kSnapshotBytes);
    }
    if (!directory) NL_RETURN_IF_ERROR(LoadDirectory(damage));
  }
  std::vector<std::shared_ptr<const block::MemoryBlock>> buffered;
  for (RowSlice& slice : slices)
    buffered.push_back(buffered_blocks_.Get(std::move(slice), held));
  return MakeSnapshot(store_, keyspace_, std::move(directory), std::move(view),
                      std::move(buffered), range);
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
  const auto check = [&](const storage::Directory& directory) NL_REQUIRES(mutex_) -> Status {
    NL_RETURN_IF_ERROR(directory.CheckUnchanged(*change));
    for (const storage::BlockEntry& entry : added) {
      const auto cut = cuts_.upper_bound(entry.header->lsn_min);
      if (cut != cuts_.end() && *cut <= entry.header->lsn_max)
        return Conflict("a block of tenant " + name_ + " would lie across a cut");
    }
    return {};
  };
  return ApplyRewrite(change, check, [&](const storage::Directory& directory) {
    return directory.Replace(*change->partition(), std::move(removed), added);
  });
}

Status TenantLog::MarkDeleted(storage::Change* change, const std::vector<storage::BlockEntry>& seen,
                              const std::vector<storage::BlockEntry>& marked) {
  const auto check = [&](const storage::Directory& directory) {
    return directory.CheckUnchanged(seen);
  };
  return ApplyRewrite(change, check, [&](const storage::Directory& directory) {
    std::vector<storage::BlockId> ids;
    for (const storage::BlockEntry& entry : seen) ids.push_back(entry.id);
    return directory.Replace(*change->partition(), std::move(ids), marked);
  });
}

void TenantLog::AwaitRewrites() { base::MutexLock lock(rewrite_mutex_); }

Status TenantLog::ApplyRewrite(
    storage::Change* change, const std::function<Status(const storage::Directory&)>& check,
    const std::function<std::shared_ptr<const storage::Directory>(const storage::Directory&)>&
        replace) {
  const auto ignore_damage = [](const std::string&) {};  // whoever read the blocks was told
  NL_RETURN_IF_ERROR(Blocks(ignore_damage).status());
  base::MutexLock rewrite_lock(rewrite_mutex_);
  {
    base::MutexLock lock(mutex_);
    if (deleted()) return NotFound("tenant " + name_ + " is deleted");
    if (!directory_) return Conflict("the directory of tenant " + name_ + " was unloaded");
    NL_RETURN_IF_ERROR(check(*directory_));
    rewrite_view_ = store_->TakeView();
  }
  const Status status = store_->Apply(change);
  base::MutexLock lock(mutex_);
  rewrite_view_.reset();
  NL_RETURN_IF_ERROR(status);
  ++changes_;
  if (directory_) {
    directory_ = replace(*directory_);
  } else {
    stored_.reset();
  }
  return {};
}

tenant::TenantProperties TenantLog::properties() const {
  base::MutexLock lock(mutex_);
  return properties_;
}

void TenantLog::set_properties(const tenant::TenantProperties& properties) {
  base::MutexLock lock(mutex_);
  properties_ = properties;
}

tenant::RetentionClass TenantLog::ClassAt(uint64_t lsn) const {
  base::MutexLock lock(mutex_);
  return ClassAtLocked(lsn);
}

tenant::RetentionClass TenantLog::ClassAtLocked(uint64_t lsn) const {
  if (const auto own = classes_.At(lsn)) return *own;
  return server_classes_->At(lsn).value_or(tenant::RetentionClass::kLong);
}

void TenantLog::set_classes(const tenant::ClassHistory& classes) {
  base::MutexLock lock(mutex_);
  classes_ = classes;
}

uint64_t TenantLog::SliceEndLocked(uint64_t lsn) const {
  uint64_t end = std::min(classes_.NextAfter(lsn), server_classes_->NextAfter(lsn));
  if (const auto cut = cuts_.upper_bound(lsn); cut != cuts_.end()) end = std::min(end, *cut);
  return hold_ != 0 ? std::min(end, hold_) : end;
}

uint64_t TenantLog::MakeCut(uint64_t delivered_lsn) {
  base::MutexLock lock(mutex_);
  const uint64_t cut = std::max(last_append_lsn_, delivered_lsn) + 1;
  cuts_.insert(cut);
  return cut;
}

void TenantLog::AddCut(uint64_t lsn) {
  base::MutexLock lock(mutex_);
  cuts_.insert(lsn);
}

void TenantLog::RemoveCut(uint64_t lsn) {
  base::MutexLock lock(mutex_);
  if (const auto cut = cuts_.find(lsn); cut != cuts_.end()) cuts_.erase(cut);
}

uint64_t TenantLog::Hold(uint64_t delivered_lsn) {
  base::MutexLock lock(mutex_);
  return hold_ = std::max(last_append_lsn_, delivered_lsn) + 1;
}

void TenantLog::Release() {
  base::MutexLock lock(mutex_);
  hold_ = 0;
}

std::optional<storage::StoredTotals> TenantLog::stored() const {
  base::MutexLock lock(mutex_);
  return directory_ ? directory_->totals() : stored_;
}

void TenantLog::ForgetPartition(const storage::Partition& partition) {
  base::MutexLock lock(mutex_);
  ++changes_;
  stored_.reset();
  if (directory_) directory_ = directory_->Without(partition);
}

size_t TenantLog::Delete() {
  base::MutexLock lock(mutex_);
  deleted_.store(true, std::memory_order_release);
  feed_.Close();
  directory_.reset();
  return buffer_.Drop({UINT64_MAX, 0});
}

size_t TenantLog::directory_bytes() const {
  base::MutexLock lock(mutex_);
  return directory_ ? directory_->memory_bytes() : 0;
}

void TenantLog::UnloadDirectory() {
  base::MutexLock lock(mutex_);
  if (directory_) stored_ = directory_->totals();
  directory_.reset();
}

}  // namespace neurallog::ingest
