#include "engine/jobs.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/thread.h"
#include "engine/deletion.h"
#include "engine/engine.h"

namespace neurallog::engine {
namespace {

constexpr std::string_view kPrefix = "audit/";
constexpr uint8_t kVersion = 1;
constexpr int64_t kReclaimPauseNs = 600 * base::kNsPerSecond;  // after a rewrite that failed
constexpr size_t kListScanMax = 100'000;                       // records that List looks at

// Twenty digits, so that byte order is the order of numbers.
std::string KeyOf(uint64_t id) { return fmt::format("{}{:020}", kPrefix, id); }

bool MayBeTriedAgain(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kConflict ||
         status.code() == Code::kIoError;
}

}  // namespace

std::string_view JobKindName(JobKind kind) {
  switch (kind) {
    case JobKind::kDeleteTenant: return "delete_tenant";
    case JobKind::kDeleteRows: return "delete_rows";
  }
  return "";
}

std::string_view JobStateName(JobState state) {
  switch (state) {
    case JobState::kQueued: return "queued";
    case JobState::kRunning: return "running";
    case JobState::kDone: return "done";
    case JobState::kFailed: return "failed";
  }
  return "";
}

std::string EncodeJob(const Job& job) {
  std::string bytes;
  bytes.push_back(static_cast<char>(kVersion));
  bytes.push_back(static_cast<char>(job.kind));
  bytes.push_back(static_cast<char>(job.state));
  base::AppendLe(&bytes, job.id);
  base::AppendLe(&bytes, static_cast<uint32_t>(job.tenant));
  base::AppendLe(&bytes, job.created_ns);
  base::AppendLe(&bytes, job.finished_ns);
  for (const uint64_t number : {job.cut_lsn, job.rows, job.bytes_before, job.bytes_after})
    base::AppendLe(&bytes, number);
  for (const std::string* text :
       {&job.tenant_name, &job.key_id, &job.query, &job.reason, &job.error})
    base::AppendLengthPrefixed(&bytes, *text);
  base::AppendVarint(&bytes, job.partitions.size());
  for (const std::string& name : job.partitions) base::AppendLengthPrefixed(&bytes, name);
  return bytes;
}

Result<Job> DecodeJob(std::string_view bytes) {
  base::ByteReader reader(bytes);
  Job job;
  const auto version = reader.ReadLe<uint8_t>(), kind = reader.ReadLe<uint8_t>(),
             state = reader.ReadLe<uint8_t>();
  job.kind = static_cast<JobKind>(kind);
  job.state = static_cast<JobState>(state);
  job.id = reader.ReadLe<uint64_t>();
  job.tenant = static_cast<TenantId>(reader.ReadLe<uint32_t>());
  job.created_ns = reader.ReadLe<int64_t>();
  job.finished_ns = reader.ReadLe<int64_t>();
  for (uint64_t* number : {&job.cut_lsn, &job.rows, &job.bytes_before, &job.bytes_after})
    *number = reader.ReadLe<uint64_t>();
  for (std::string* text : {&job.tenant_name, &job.key_id, &job.query, &job.reason, &job.error})
    *text = reader.ReadLengthPrefixed();
  const uint64_t partitions = reader.ReadVarint();
  for (uint64_t i = 0; i < partitions && reader.ok(); ++i)
    job.partitions.emplace_back(reader.ReadLengthPrefixed());
  if (!reader.ok() || !reader.empty() || version != kVersion || kind > 1 || state > 3)
    return Corruption("audit record of " + std::to_string(bytes.size()) + " bytes cannot be read");
  return job;
}

Jobs::Jobs(const JobsOptions& options, Engine* engine, storage::Store* store,
           const base::Clock* clock, metrics::Registry* registry)
    : options_(options),
      engine_(engine),
      store_(store),
      clock_(clock),
      finished_(registry->AddCounter("neurallog_jobs_finished_total", "Deletion jobs done.")),
      failed_(registry->AddCounter("neurallog_jobs_failed_total", "Deletion jobs that failed.")),
      deleted_rows_(registry->AddCounter("neurallog_deleted_rows_total", "Rows deleted by query.")),
      reclaims_(registry->AddCounter("neurallog_reclaims_total",
                                     "Partitions rewritten to get garbage off the disk.")),
      reclaimed_bytes_(registry->AddCounter("neurallog_reclaimed_bytes_total",
                                            "Bytes of files that rewriting partitions saved.")) {
  registry->AddGauge("neurallog_jobs_unfinished", "Deletion jobs waiting or running.",
                     [this] { return static_cast<double>(Unfinished().size()); });
}

Status Jobs::Load() {
  Status status;
  uint64_t first = 0;
  base::MutexLock lock(mutex_);
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(kPrefix, [&](std::string_view, std::string_view value) NL_REQUIRES(mutex_) {
        auto job = DecodeJob(value);
        if (!job.ok()) {
          status = job.status();
          return;
        }
        if (first == 0) first = job->id;
        next_id_ = job->id + 1;
        if (!job->finished()) unfinished_.emplace(job->id, *job);
      }));
  NL_RETURN_IF_ERROR(status);
  first_id_ = first == 0 ? next_id_ : first;
  for (const auto& [id, job] : unfinished_) {
    ingest::TenantLog* log = engine_->FindTenant(job.tenant);
    if (job.kind == JobKind::kDeleteRows && log != nullptr) log->AddCut(job.cut_lsn);
  }
  return {};
}

void Jobs::Start() {
  thread_ = base::StartThread("nl-jobs", [this] { Run(); });
}

void Jobs::Stop() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

Status Jobs::CheckRoom(TenantId tenant) const {
  base::MutexLock lock(mutex_);
  size_t of_tenant = 0;
  for (const auto& [id, job] : unfinished_) of_tenant += job.tenant == tenant;
  if (unfinished_.size() < options_.unfinished_max && of_tenant < options_.per_tenant_max)
    return {};
  return ResourceExhausted(std::to_string(of_tenant) + " deletions of this tenant and " +
                           std::to_string(unfinished_.size()) +
                           " in all are not finished, which is the maximum");
}

Result<Job> Jobs::Add(Job job, storage::MetaChange also) {
  base::MutexLock lock(mutex_);
  job.id = next_id_;
  job.created_ns = clock_->WallNs();
  also.put.emplace_back(KeyOf(job.id), EncodeJob(job));
  const bool full = next_id_ - first_id_ >= options_.records_max;
  const bool oldest_goes = full && unfinished_.find(first_id_) == unfinished_.end();
  if (oldest_goes) also.remove.push_back(KeyOf(first_id_));
  NL_RETURN_IF_ERROR(store_->WriteMeta(also));
  if (oldest_goes) ++first_id_;
  ++next_id_;
  unfinished_.emplace(job.id, job);
  wake_.NotifyAll();
  return job;
}

std::optional<Job> Jobs::Find(uint64_t id) const {
  {
    base::MutexLock lock(mutex_);
    if (const auto found = unfinished_.find(id); found != unfinished_.end()) return found->second;
  }
  const auto stored = store_->GetMeta(KeyOf(id));
  if (!stored.ok()) return std::nullopt;
  auto job = DecodeJob(*stored);
  return job.ok() ? std::optional(std::move(job).value()) : std::nullopt;
}

std::vector<Job> Jobs::List(uint64_t before, size_t limit, std::optional<TenantId> tenant) const {
  uint64_t first, id;
  {
    base::MutexLock lock(mutex_);
    first = first_id_;
    id = before == 0 ? next_id_ : std::min(before, next_id_);
  }
  std::vector<Job> jobs;
  for (size_t seen = 0; id > first && jobs.size() < limit && seen < kListScanMax; ++seen) {
    const std::optional<Job> job = Find(--id);
    if (job && (!tenant || job->tenant == *tenant)) jobs.push_back(*job);
  }
  return jobs;
}

std::vector<Job> Jobs::Unfinished() const {
  base::MutexLock lock(mutex_);
  std::vector<Job> jobs;
  for (const auto& [id, job] : unfinished_) jobs.push_back(job);
  return jobs;
}

Status Jobs::Update(const Job& job, bool durable) {
  if (durable) NL_RETURN_IF_ERROR(store_->PutMeta(KeyOf(job.id), EncodeJob(job)));
  base::MutexLock lock(mutex_);
  if (job.finished()) {
    unfinished_.erase(job.id);
  } else {
    unfinished_[job.id] = job;
  }
  return {};
}

void Jobs::Run() {
  while (!stopping_) {
    for (const Job& job : Unfinished())
      if (!stopping_) RunOne(job);
    if (!stopping_) ReclaimGarbage();
    base::MutexLock lock(mutex_);
    if (!stopping_) wake_.WaitFor(mutex_, options_.tick);
  }
}

void Jobs::RunOne(Job job) {
  job.state = JobState::kRunning;
  job.error.clear();
  static_cast<void>(Update(job, /*durable=*/false));
  const Status status = job.kind == JobKind::kDeleteTenant ? EraseTenant(engine_, &job)
                                                           : DeleteMatchingRows(engine_, &job);
  if (stopping_) return;
  if (status.ok() || !MayBeTriedAgain(status)) return Finish(&job, status);
  job.error = status.ToString();
  static_cast<void>(Update(job, /*durable=*/false));
}

void Jobs::Finish(Job* job, const Status& status) {
  job->state = status.ok() ? JobState::kDone : JobState::kFailed;
  job->error = status.ok() ? "" : status.ToString();
  job->finished_ns = clock_->WallNs();
  const Status written = Update(*job, /*durable=*/true);
  if (!written.ok()) {
    base::LogError("a job's end could not be written; it is run again",
                   {{"job", std::to_string(job->id)}, {"error", written.ToString()}});
    return;
  }
  if (job->kind == JobKind::kDeleteRows) ForgetDeletion(engine_, *job);
  (status.ok() ? finished_ : failed_).Add();
  deleted_rows_.Add(job->rows);
  base::LogInfo("deletion finished", {{"job", std::to_string(job->id)},
                                      {"kind", std::string(JobKindName(job->kind))},
                                      {"tenant", job->tenant_name},
                                      {"rows", std::to_string(job->rows)},
                                      {"status", status.ToString()}});
}

void Jobs::ReclaimGarbage() {
  for (const storage::PartitionPtr& partition : store_->Partitions()) {
    const auto is_much = [&](uint64_t garbage, const storage::PartitionStats& stats) {
      return garbage >= options_.garbage_bytes_min &&
             static_cast<double>(garbage) >=
                 options_.garbage_share * static_cast<double>(stats.disk_bytes);
    };
    const storage::PartitionStats before = store_->StatsOf(*partition);
    const uint64_t removed = partition->removed_bytes.load(std::memory_order_relaxed);
    if (!is_much(before.garbage_bytes + removed, before)) continue;
    int64_t& not_before_ns = reclaim_after_ns_[partition->name()];
    if (clock_->MonotonicNs() < not_before_ns) continue;
    const Status status = ReclaimPartition(engine_, partition, is_much);
    if (stopping_) return;
    not_before_ns = status.ok() ? 0 : clock_->MonotonicNs() + kReclaimPauseNs;
    const uint64_t after_bytes = store_->StatsOf(*partition).disk_bytes;
    reclaims_.Add();
    reclaimed_bytes_.Add(before.disk_bytes - std::min(before.disk_bytes, after_bytes));
    base::LogInfo("partition rewritten", {{"partition", partition->name()},
                                          {"bytes_before", std::to_string(before.disk_bytes)},
                                          {"bytes_after", std::to_string(after_bytes)},
                                          {"status", status.ToString()}});
  }
}

}  // namespace neurallog::engine
