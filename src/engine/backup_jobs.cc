#include "engine/backup_jobs.h"

#include "base/log.h"
#include "base/thread.h"
#include "objstore/local.h"

namespace neurallog::engine {

BackupJobs::BackupJobs(Engine* engine, metrics::Registry* registry) : engine_(engine) {
  registry->AddCounterFn("neurallog_backups_total", "Backups made.",
                         [this] { return static_cast<double>(done_.load()); });
  registry->AddCounterFn("neurallog_backup_errors_total", "Backups that failed.",
                         [this] { return static_cast<double>(failed_.load()); });
  registry->AddGauge(
      "neurallog_backup_last_success_timestamp_seconds",
      "When the last backup since the start of the server ended; 0: none did.",
      [this] { return static_cast<double>(last_done_ns_.load() / base::kNsPerSecond); });
}

Result<BackupJob> BackupJobs::Start(const std::string& directory) {
  if (!directory.starts_with('/') || directory.find('\0') != std::string::npos)
    return InvalidArgument("directory \"" + directory + "\": expected an absolute path");
  base::MutexLock thread_lock(thread_mutex_);
  Entry* entry;
  {
    base::MutexLock lock(mutex_);
    if (stopped_) return Unavailable("the server is shutting down");
    if (!entries_.empty() && entries_.back()->job.state == BackupJob::State::kRunning)
      return Conflict("backup job " + entries_.back()->job.id + " is running");
    if (entries_.size() == kJobsMax) entries_.pop_front();
    entry = entries_.emplace_back(std::make_unique<Entry>()).get();
    entry->job.id = std::to_string(next_id_++);
    entry->job.directory = directory;
    entry->job.begun_ns = engine_->clock().WallNs();
  }
  if (thread_.joinable()) thread_.join();
  thread_ = base::StartThread("nl-backup", [this, entry, directory] { Run(entry, directory); });
  base::MutexLock lock(mutex_);
  return Describe(*entry);
}

// The entry stays: only the oldest is dropped, and no other begins while this one runs.
void BackupJobs::Run(Entry* entry, const std::string& directory) {
  backup::Repository repository(objstore::OpenLocalStore(&io::FileSystem::Posix(), directory));
  const Result<backup::Manifest> made = engine_->CreateBackup(&repository, &entry->progress);
  base::MutexLock lock(mutex_);
  FinishLocked(entry, made);
}

void BackupJobs::FinishLocked(Entry* entry, const Result<backup::Manifest>& made) {
  BackupJob& job = entry->job;
  job.ended_ns = engine_->clock().WallNs();
  if (!made.ok()) {
    job.state = BackupJob::State::kFailed;
    job.error = made.status().message();
    ++failed_;
    base::LogError("backup failed", {{"directory", job.directory}, {"error", job.error}});
    return;
  }
  job.state = BackupJob::State::kDone;
  job.backup_id = made->id;
  job.durable_lsn = made->durable_lsn;
  job.new_files = made->new_files;
  job.new_bytes = made->new_bytes;
  ++done_;
  last_done_ns_ = job.ended_ns;
  base::LogInfo("backup made", {{"directory", job.directory},
                                {"id", job.backup_id},
                                {"lsn", std::to_string(job.durable_lsn)},
                                {"bytes", std::to_string(made->bytes())},
                                {"new_bytes", std::to_string(job.new_bytes)}});
}

BackupJob BackupJobs::Describe(const Entry& entry) {
  BackupJob job = entry.job;
  job.files_total = entry.progress.files_total;
  job.files_done = entry.progress.files_done;
  job.bytes_total = entry.progress.bytes_total;
  job.bytes_done = entry.progress.bytes_done;
  return job;
}

std::optional<BackupJob> BackupJobs::Find(std::string_view id) const {
  base::MutexLock lock(mutex_);
  for (const auto& entry : entries_)
    if (entry->job.id == id) return Describe(*entry);
  return std::nullopt;
}

std::vector<BackupJob> BackupJobs::List() const {
  base::MutexLock lock(mutex_);
  std::vector<BackupJob> jobs;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry)
    jobs.push_back(Describe(**entry));
  return jobs;
}

void BackupJobs::Stop() {
  base::MutexLock thread_lock(thread_mutex_);
  {
    base::MutexLock lock(mutex_);
    stopped_ = true;
    if (!entries_.empty()) entries_.back()->progress.cancelled = true;
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace neurallog::engine
