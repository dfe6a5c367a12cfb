#include "engine/deletion.h"

#include <algorithm>
#include <set>
#include <thread>

#include "base/log.h"
#include "engine/engine.h"
#include "ingest/snapshot.h"
#include "query/query.h"

namespace neurallog::engine {
namespace {

constexpr std::chrono::milliseconds kPoll{20};
constexpr size_t kBlocksPerChange = 64;

// OK when `condition` has come true, Unavailable when the jobs stop before.
template <typename Condition>
Status WaitUntil(Engine* engine, const Condition& condition) {
  while (!condition()) {
    if (engine->jobs().stopping()) return Unavailable("the server is shutting down");
    std::this_thread::sleep_for(kPoll);
  }
  return {};
}

uint64_t DiskBytes(const storage::Store& store,
                   const std::vector<storage::PartitionPtr>& partitions) {
  uint64_t bytes = 0;
  for (const storage::PartitionPtr& partition : partitions) {
    const storage::PartitionStats stats = store.StatsOf(*partition);
    bytes += stats.disk_bytes + stats.memtable_bytes;
  }
  return bytes;
}

// Those that the job has named already, and those that hold keys of the tenant now.
Result<std::vector<storage::PartitionPtr>> PartitionsOf(const storage::Store& store,
                                                        const storage::Keyspace& keyspace,
                                                        const Job& job) {
  std::vector<storage::PartitionPtr> found;
  for (const storage::PartitionPtr& partition : store.Partitions()) {
    const bool named = std::find(job.partitions.begin(), job.partitions.end(), partition->name()) !=
                       job.partitions.end();
    NL_TRY(const bool holds, store.HasTenant(*partition, keyspace));
    if (named || holds) found.push_back(partition);
  }
  return found;
}

using BlockKey = std::pair<const storage::Partition*, storage::BlockId>;
BlockKey KeyOf(const storage::BlockEntry& entry) { return {entry.partition.get(), entry.id}; }

// One run of a deletion by query.
class RowDeletion {
 public:
  RowDeletion(Engine* engine, Job* job, ingest::TenantLog* log,
              std::shared_ptr<const filter::Program> program)
      : engine_(engine),
        store_(engine->store()),
        job_(job),
        log_(log),
        program_(std::move(program)) {}

  // Passes over the blocks until one finds nothing new: blocks are merged meanwhile.
  Status Run() {
    for (;;) {
      NL_TRY(const std::vector<storage::BlockEntry> blocks, Unseen());
      if (blocks.empty()) break;
      for (size_t begin = 0; begin < blocks.size();) {
        size_t end = begin + 1;
        while (end < blocks.size() && end - begin < kBlocksPerChange &&
               blocks[end].partition == blocks[begin].partition)
          ++end;
        NL_RETURN_IF_ERROR(Handle({blocks.begin() + static_cast<ptrdiff_t>(begin),
                                   blocks.begin() + static_cast<ptrdiff_t>(end)}));
        begin = end;
      }
    }
    // Only then may anybody be told that it is done.
    for (const auto& [partition, rows] : rows_)
      NL_RETURN_IF_ERROR(store_.FlushPartition(*partition));
    if (damaged_ > 0)
      return Corruption(std::to_string(damaged_) +
                        " blocks could not be read, and their rows are not deleted: " + damage_);
    return {};
  }

 private:
  Result<std::vector<storage::BlockEntry>> Unseen() {
    NL_TRY(const auto directory, log_->Blocks([](const std::string&) {}));
    const TimeRange range = program_->time_range();
    std::vector<storage::BlockEntry> blocks;
    directory->ForEach([&](const storage::BlockEntry& entry) {
      const bool asked = entry.header->lsn_max < job_->cut_lsn &&
                         entry.header->min_ns < range.end_ns &&
                         entry.header->max_ns >= range.start_ns;
      if (asked && seen_.count(KeyOf(entry)) == 0) blocks.push_back(entry);
    });
    std::stable_sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
      return a.partition.get() < b.partition.get();
    });
    return blocks;
  }

  Status Handle(const std::vector<storage::BlockEntry>& blocks) {
    if (engine_->jobs().stopping()) return Unavailable("the server is shutting down");
    storage::Change change(blocks.front().partition, log_->keyspace());
    std::vector<storage::BlockEntry> hit, marked;
    uint64_t rows = 0;
    for (const storage::BlockEntry& entry : blocks) {
      auto matched = Match(entry);
      if (!matched.ok()) {
        NL_RETURN_IF_ERROR(NoteDamage(matched.status()));
        continue;
      }
      const uint32_t before = entry.deleted ? storage::CountDeleted(*entry.deleted) : 0;
      const uint32_t after = storage::CountDeleted(*matched);
      if (after == before) continue;
      rows += after - before;
      hit.push_back(entry);
      if (after == entry.header->rows) {
        change.RemoveBlock(entry);
        continue;
      }
      change.PutDeletedRows(entry.id, *matched);
      marked.push_back(entry);
      marked.back().deleted =
          std::make_shared<const storage::DeletedRows>(std::move(matched).value());
    }
    if (!hit.empty()) {
      const Status written = Write(&change, hit, marked, rows);
      if (written.code() == Code::kConflict) return {};  // replaced meanwhile: the next pass
      NL_RETURN_IF_ERROR(written);
    }
    for (const storage::BlockEntry& entry : blocks) seen_.insert(KeyOf(entry));
    return {};
  }

  // The rows that are deleted already, and those that match.
  Result<storage::DeletedRows> Match(const storage::BlockEntry& entry) {
    const auto read_view = store_.TakeView();
    const auto view = ingest::OpenSealed(&store_, log_->keyspace(), *read_view, entry);
    filter::Bitmap rows;
    NL_RETURN_IF_ERROR(program_->MatchBlock(*view, &rows).status());
    storage::DeletedRows deleted = rows.words();
    if (entry.deleted)
      for (size_t i = 0; i < deleted.size(); ++i) deleted[i] |= (*entry.deleted)[i];
    return deleted;
  }

  Status Write(storage::Change* change, const std::vector<storage::BlockEntry>& hit,
               const std::vector<storage::BlockEntry>& marked, uint64_t rows) {
    const storage::PartitionPtr& partition = change->partition();
    if (rows_.find(partition) == rows_.end()) {
      NL_TRY(rows_[partition], store_.ReadJobRows(*partition, log_->keyspace(), job_->id));
    }
    const uint64_t total = rows_[partition] + rows;
    change->PutJobRows(job_->id, total);
    NL_RETURN_IF_ERROR(log_->MarkDeleted(change, hit, marked));
    rows_[partition] = total;
    job_->rows += rows;
    return engine_->jobs().Update(*job_, /*durable=*/false);
  }

  // A block that cannot be read costs itself only, unless the disk fails or the block is gone.
  Status NoteDamage(const Status& status) {
    if (status.code() == Code::kNotFound) return Conflict(std::string(status.message()));
    if (status.code() != Code::kCorruption) return status;
    if (damaged_++ == 0) damage_ = status.message();
    return {};
  }

  Engine* const engine_;
  storage::Store& store_;
  Job* const job_;
  ingest::TenantLog* const log_;
  const std::shared_ptr<const filter::Program> program_;
  std::set<BlockKey> seen_;
  std::map<storage::PartitionPtr, uint64_t> rows_;  // deleted by this job, also in earlier runs
  size_t damaged_ = 0;
  std::string damage_;
};

Result<std::shared_ptr<const filter::Program>> Compile(const Job& job) {
  query::ParseOptions options;
  options.now_ns = job.created_ns;
  NL_TRY(query::Query query, query::ParseQuery(job.query, options));
  return query.program;
}

}  // namespace

Status EraseTenant(Engine* engine, Job* job) {
  storage::Store& store = engine->store();
  NL_RETURN_IF_ERROR(WaitUntil(engine, [&] { return engine->IsQuiet(job->tenant); }));
  const storage::Keyspace keyspace(job->tenant, /*generation=*/0);
  NL_TRY(const std::vector<storage::PartitionPtr> partitions, PartitionsOf(store, keyspace, *job));
  job->partitions.clear();
  for (const storage::PartitionPtr& partition : partitions)
    job->partitions.push_back(partition->name());
  if (job->bytes_before == 0) job->bytes_before = DiskBytes(store, partitions);
  NL_RETURN_IF_ERROR(engine->jobs().Update(*job, /*durable=*/true));

  for (const storage::PartitionPtr& partition : partitions)
    NL_RETURN_IF_ERROR(store.EraseTenant(partition, keyspace));
  const uint64_t erased = store.Sequence();
  NL_RETURN_IF_ERROR(WaitUntil(engine, [&] { return !store.IsViewedBefore(erased); }));
  for (const storage::PartitionPtr& partition : partitions)
    NL_RETURN_IF_ERROR(store.Reclaim(partition, storage::ReclaimWhat::kKeysAndBlobs));
  job->bytes_after = DiskBytes(store, partitions);
  return {};
}

Status DeleteMatchingRows(Engine* engine, Job* job) {
  ingest::TenantLog* log = engine->FindTenant(job->tenant);
  if (log == nullptr) return NotFound("the tenant was deleted meanwhile");
  NL_TRY(std::shared_ptr<const filter::Program> program, Compile(*job));
  NL_RETURN_IF_ERROR(WaitUntil(engine, [&] { return engine->SealBefore(log, job->cut_lsn); }));
  job->rows = 0;
  for (const storage::PartitionPtr& partition : engine->store().Partitions()) {
    NL_TRY(const uint64_t rows, engine->store().ReadJobRows(*partition, log->keyspace(), job->id));
    job->rows += rows;
  }
  return RowDeletion(engine, job, log, std::move(program)).Run();
}

void ForgetDeletion(Engine* engine, const Job& job) {
  ingest::TenantLog* log = engine->FindTenant(job.tenant);
  if (log == nullptr) return;
  log->RemoveCut(job.cut_lsn);
  storage::Store& store = engine->store();
  for (const storage::PartitionPtr& partition : store.Partitions()) {
    const auto rows = store.ReadJobRows(*partition, log->keyspace(), job.id);
    if (!rows.ok() || *rows == 0) continue;
    storage::Change change(partition, log->keyspace());
    change.RemoveJobRows(job.id);
    const Status status = store.Apply(&change);
    if (!status.ok())
      base::LogWarn("a job's rows stay in the store", {{"error", status.ToString()}});
  }
}

Status ReclaimPartition(
    Engine* engine, const storage::PartitionPtr& partition,
    const std::function<bool(uint64_t garbage, const storage::PartitionStats&)>& is_much) {
  storage::Store& store = engine->store();
  NL_RETURN_IF_ERROR(store.Reclaim(partition, storage::ReclaimWhat::kKeys));
  const storage::PartitionStats stats = store.StatsOf(*partition);
  if (!is_much(stats.garbage_bytes, stats)) return {};
  return store.Reclaim(partition, storage::ReclaimWhat::kKeysAndBlobs);
}

Result<RemovedBlocks> RemoveBlocks(ingest::TenantLog* log,
                                   const std::vector<storage::BlockEntry>& blocks) {
  RemovedBlocks removed;
  for (size_t begin = 0; begin < blocks.size();) {
    storage::Change change(blocks[begin].partition, log->keyspace());
    std::vector<storage::BlockId> ids;
    RemovedBlocks some;
    size_t end = begin;
    for (; end < blocks.size() && ids.size() < kBlocksPerChange &&
           blocks[end].partition == blocks[begin].partition;
         ++end) {
      change.RemoveBlock(blocks[end]);
      ids.push_back(blocks[end].id);
      some.bytes += storage::StoredBytes(*blocks[end].header);
      ++some.blocks;
    }
    begin = end;
    const Status status = log->Rewrite(&change, std::move(ids), {});
    if (status.code() == Code::kConflict) continue;
    NL_RETURN_IF_ERROR(status);
    removed.blocks += some.blocks;
    removed.bytes += some.bytes;
  }
  return removed;
}

}  // namespace neurallog::engine
