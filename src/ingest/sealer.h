// Turns buffered rows into blocks: a queue of tenants that have enough of them, and the threads that work it off.
//
// Bounded by bytes: the committer waits in WaitForRoom while the rows of all tenants take more than `row_buffer_bytes_max`; then the ring
// fills and admission refuses. Rows that cannot be written (RocksDB has stopped) stay buffered and are tried again.
#pragma once

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/spare_memory.h"
#include "index/token_set.h"
#include "ingest/ingest_metrics.h"
#include "ingest/tenant_log.h"
#include "storage/store.h"

namespace neurallog::ingest {

struct SealerOptions {
  size_t block_rows = 16384;
  size_t block_bytes_max = 8u << 20;
  size_t row_buffer_bytes_max = 192u << 20;
  base::SpareMemory* spare_memory = nullptr;  // from which buffered rows are taken; null: none
  int threads = 1;
};

// Thread-safe.
class Sealer {
 public:
  Sealer(const SealerOptions& options, storage::Store* store, const base::Clock* clock,
         IngestMetrics* metrics);
  ~Sealer() { Stop(); }

  void Start();
  // Ends the threads after the tenant they are at. What is queued stays buffered.
  void Stop();

  // Accounts for rows that were appended, and queues the tenant when it has a block's worth.
  void OnAppended(TenantLog* tenant, const TenantLog::Buffered& buffered, size_t added_bytes);
  void OnFreed(size_t bytes);
  // A tenant's rows take other memory now.
  void OnReplaced(size_t freed_bytes, size_t added_bytes);
  // Between TryHold, if it is true, and Unhold the tenant is not sealed. False when a sealer has it or is about to.
  bool TryHold(TenantLog* tenant) { return !tenant->seal_queued.exchange(true); }
  void Unhold(TenantLog* tenant);
  // Queues the tenant to seal everything up to `lsn`, however few rows that are.
  void SealAllBefore(TenantLog* tenant, uint64_t lsn);
  // Seals on the calling thread everything up to `lsn`. For shutdown, after Stop.
  Status SealNow(TenantLog* tenant, uint64_t lsn);

  bool HasRoom() const { return buffered_bytes() < options_.row_buffer_bytes_max; }
  // Returns when there is room, or false when the sealer is stopped.
  bool WaitForRoom();
  // Makes every WaitForRoom return false from now on.
  void Abandon();
  size_t buffered_bytes() const { return buffered_bytes_.load(std::memory_order_relaxed); }

 private:
  void Count(size_t added_bytes);
  void Enqueue(TenantLog* tenant);
  void Run();
  bool Due(const TenantLog& tenant, const TenantLog::Buffered& buffered) const;
  // Seals one slice of the tenant's front rows. `tokens` is reused from call to call.
  Status SealFront(TenantLog* tenant, index::TokenSet* tokens);

  const SealerOptions options_;
  storage::Store* const store_;
  const base::Clock* const clock_;
  IngestMetrics* const metrics_;
  std::atomic<size_t> buffered_bytes_{0};

  base::Mutex mutex_;
  base::CondVar work_;
  base::CondVar room_;
  std::deque<TenantLog*> queue_ NL_GUARDED_BY(mutex_);
  bool stop_ NL_GUARDED_BY(mutex_) = false;
  bool abandoned_ NL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace neurallog::ingest
