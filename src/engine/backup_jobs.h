// Backups of a running engine, made one at a time on a thread of their own and watched from outside.
//
//   NL_TRY(const BackupJob begun, jobs.Start("/backup/neurallog"));
//   ... jobs.Find(begun.id)->state ...
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backup/repository.h"
#include "base/mutex.h"
#include "engine/engine.h"
#include "metrics/registry.h"

namespace neurallog::engine {

struct BackupJob {
  enum class State : uint8_t { kRunning, kDone, kFailed };

  std::string id;  // "1", "2", ... since the start of the server
  std::string directory;
  State state = State::kRunning;
  int64_t begun_ns = 0;
  int64_t ended_ns = 0;  // 0: not yet
  uint64_t files_total = 0, files_done = 0;
  uint64_t bytes_total = 0, bytes_done = 0;
  std::string error;      // kFailed
  std::string backup_id;  // kDone, like the rest
  uint64_t durable_lsn = 0;
  uint64_t new_files = 0, new_bytes = 0;
};

// Thread-safe.
class BackupJobs {
 public:
  BackupJobs(Engine* engine, metrics::Registry* registry);
  ~BackupJobs() { Stop(); }

  // Conflict while another one runs; InvalidArgument when `directory` is not an absolute path.
  Result<BackupJob> Start(const std::string& directory);
  std::optional<BackupJob> Find(std::string_view id) const;
  // Newest first, the last kJobsMax.
  std::vector<BackupJob> List() const;
  // Cancels the running job and waits for it.
  void Stop();

  static constexpr size_t kJobsMax = 100;

 private:
  struct Entry {
    BackupJob job;
    backup::Progress progress;
  };
  void Run(Entry* entry, const std::string& directory);
  void FinishLocked(Entry* entry, const Result<backup::Manifest>& made) NL_REQUIRES(mutex_);
  static BackupJob Describe(const Entry& entry);

  Engine* const engine_;
  std::atomic<uint64_t> done_{0};
  std::atomic<uint64_t> failed_{0};
  std::atomic<int64_t> last_done_ns_{0};

  mutable base::Mutex mutex_;
  std::deque<std::unique_ptr<Entry>> entries_ NL_GUARDED_BY(mutex_);  // oldest first
  uint64_t next_id_ NL_GUARDED_BY(mutex_) = 1;
  bool stopped_ NL_GUARDED_BY(mutex_) = false;
  base::Mutex thread_mutex_;  // taken before mutex_
  std::thread thread_ NL_GUARDED_BY(thread_mutex_);
};

}  // namespace neurallog::engine
