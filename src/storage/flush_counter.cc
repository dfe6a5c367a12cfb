// What RocksDB tells of its background work.
#include <algorithm>

#include "base/log.h"
#include "storage/store_rocks.h"

namespace neurallog::storage {

void FlushCounter::OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) {
  flushes.fetch_add(1, std::memory_order_relaxed);
  base::MutexLock lock(mutex_);
  uint64_t& flushed = flushed_up_to_[info.cf_id];
  flushed = std::max<uint64_t>(flushed, info.largest_seqno);
}
uint64_t FlushCounter::FlushedUpTo(uint32_t family) const {
  base::MutexLock lock(mutex_);
  const auto found = flushed_up_to_.find(family);
  return found == flushed_up_to_.end() ? 0 : found->second;
}
void FlushCounter::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                     rocksdb::Status* status) {
  if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption()) {
    if (damaged_compactions.fetch_add(1, std::memory_order_relaxed) % 3600 == 0)
      base::LogError("storage: a file that is to be compacted is damaged",
                     {{"error", status->ToString()}, {"remedy", "neurallog doctor"}});
    *status = rocksdb::Status::OK();
    return;
  }
  background_error.store(true, std::memory_order_relaxed);
  base::LogError("storage: background error", {{"error", status->ToString()}});
}
void FlushCounter::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                                        bool* auto_recovery) {
  *auto_recovery = false;
}
void FlushCounter::OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) {
  if (info.new_bg_error.ok()) background_error.store(false, std::memory_order_relaxed);
}

}  // namespace neurallog::storage
