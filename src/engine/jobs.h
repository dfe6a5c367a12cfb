// Deletions that take a while: of a tenant's blocks, and of the rows that match a query. Each is a record in `meta` that is the job, until
// it has ended, and its audit record from then on; a job that a restart interrupts begins again.
//
//   NL_TRY(const Job job, jobs.Add(std::move(wanted), also));   // durable
//   jobs.Find(job.id)->state
//
// One thread, nl-jobs, works the jobs off in order, and between them rewrites partitions that hold much garbage.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "metrics/registry.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "storage/store.h"

namespace neurallog::engine {

class Engine;

struct JobsOptions {
  size_t records_max = 100'000;   // audit records; the oldest go
  size_t unfinished_max = 1'000;  // more are refused with ResourceExhausted
  size_t per_tenant_max = 16;     // unfinished ones of a tenant
  // A partition is rewritten when so much of it is garbage, and at least so many bytes.
  double garbage_share = 0.25;
  uint64_t garbage_bytes_min = 64u << 20;
  std::chrono::milliseconds tick{1000};
};

enum class JobKind : uint8_t { kDeleteTenant = 0, kDeleteRows = 1 };
enum class JobState : uint8_t { kQueued = 0, kRunning = 1, kDone = 2, kFailed = 3 };
std::string_view JobKindName(JobKind kind);     // "delete_tenant", "delete_rows"
std::string_view JobStateName(JobState state);  // "queued", "running", "done", "failed"

struct Job {
  uint64_t id = 0;
  JobKind kind = JobKind::kDeleteRows;
  JobState state = JobState::kQueued;
  TenantId tenant{};
  std::string tenant_name;
  std::string key_id;  // whose key asked; empty: none was needed
  std::string query;
  std::string reason;
  int64_t created_ns = 0;
  int64_t finished_ns = 0;
  uint64_t cut_lsn = 0;  // of kDeleteRows: rows from here on are not touched
  uint64_t rows = 0;     // of kDeleteRows: deleted so far
  // Of kDeleteTenant: what the partitions with its blocks took on disk.
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
  std::vector<std::string> partitions;  // of kDeleteTenant: those that must be rewritten
  std::string error;                    // why it failed, or what it waits for

  bool finished() const { return state == JobState::kDone || state == JobState::kFailed; }
};

// docs/formats/keys.md
std::string EncodeJob(const Job& job);
Result<Job> DecodeJob(std::string_view bytes);

// Thread-safe.
class Jobs {
 public:
  Jobs(const JobsOptions& options, Engine* engine, storage::Store* store, const base::Clock* clock,
       metrics::Registry* registry);
  ~Jobs() { Stop(); }

  // Reads the records; before rows are sealed, since unfinished jobs have cuts in their tenants' logs.
  Status Load();
  void Start();
  // Ends the thread; the job that runs begins again at the next start.
  void Stop();

  // Numbers the job and makes it durable together with `also`.
  Result<Job> Add(Job job, storage::MetaChange also = {});
  // ResourceExhausted when a tenant, or all, have as many unfinished jobs as may be.
  Status CheckRoom(TenantId tenant) const;
  std::optional<Job> Find(uint64_t id) const;
  // Newest first, from before `before` on (0: from the newest), at most `limit`; only those of `tenant` when it is given.
  std::vector<Job> List(uint64_t before, size_t limit, std::optional<TenantId> tenant) const;
  std::vector<Job> Unfinished() const;

  // --- for the code that runs a job, on the thread ---
  // Shows progress; `durable` writes it too.
  Status Update(const Job& job, bool durable);
  std::atomic<bool>& stopping() { return stopping_; }
  const JobsOptions& options() const { return options_; }

 private:
  void Run();
  void RunOne(Job job);
  // Rewrites the partition that has the largest share of garbage, if it is too large.
  void ReclaimGarbage();
  void Finish(Job* job, const Status& status);

  const JobsOptions options_;
  Engine* const engine_;
  storage::Store* const store_;
  const base::Clock* const clock_;
  metrics::Counter& finished_;
  metrics::Counter& failed_;
  metrics::Counter& deleted_rows_;
  metrics::Counter& reclaims_;
  metrics::Counter& reclaimed_bytes_;
  std::map<std::string, int64_t>
      reclaim_after_ns_;  // by partition: not before; owned by the thread

  mutable base::Mutex mutex_;
  base::CondVar wake_;
  std::map<uint64_t, Job> unfinished_ NL_GUARDED_BY(mutex_);
  uint64_t first_id_ NL_GUARDED_BY(mutex_) = 1;
  uint64_t next_id_ NL_GUARDED_BY(mutex_) = 1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace neurallog::engine
