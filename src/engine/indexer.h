// The nl-indexer thread: turns hash lists of blocks into postings segments and merges those, at low
// priority. See storage/token_index.h for what becomes of what.
//
// Looks for work once a second: what was sealed, and when a partition has been closed for an hour the
// lists that are left in it. What fails is tried again when more is written.
// Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "ingest/tenant_log.h"
#include "storage/token_index.h"

namespace neurallog::engine {

class Indexer {
 public:
  // What the engine knows.
  struct Host {
    std::function<ingest::TenantLog*(TenantId)> find_tenant;  // nullptr: deleted
    std::function<void(const ingest::TenantLog&, const std::string&)> damage;
  };

  // Both must outlive this.
  Indexer(storage::Store* store, const base::Clock* clock, Host host)
      : store_(store), clock_(clock), host_(std::move(host)) {}
  ~Indexer() { Stop(); }

  void Start();
  // Ends after the segment that is being made.
  void Stop();
  // Everything that is due, on the calling thread. For tests and Start's thread.
  void RunOnce();

 private:
  static constexpr std::chrono::seconds kTick{1};
  // When a partition is looked through after its end; those of before are left as they are.
  static constexpr int64_t kClosedFromNs = 3600 * base::kNsPerSecond;
  static constexpr int64_t kClosedUntilNs = 2 * base::kNsPerDay;
  // Lists that are left in a closed partition make a segment if they are so many.
  static constexpr size_t kClosedListsMin = 4;

  void Run();
  bool stopping() const;
  void MaintainDue();
  // Once for each partition, when it has been closed for a while.
  void MaintainClosed();
  void MaintainTenants(const storage::PartitionPtr& partition);
  void Maintain(const storage::TokenIndex::Work& work, ingest::TenantLog* log);
  bool IsClosed(const storage::Partition& partition) const {
    return partition.range().end_ns <= clock_->WallNs() - kClosedFromNs;
  }

  storage::Store* const store_;
  const base::Clock* const clock_;
  const Host host_;
  std::set<std::string> closed_;  // partitions that MaintainClosed has been through; RunOnce's thread

  mutable base::Mutex mutex_;
  base::CondVar wake_;
  bool stop_ NL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace neurallog::engine
