// Reading, caching and bookkeeping; asking is in token_lookup.cc, building in index_build.cc.
#include "storage/token_index.h"

#include <rocksdb/db.h>

#include "base/log.h"

namespace neurallog::storage {
namespace {

constexpr size_t kReportedMax = 1000;

// Column families never get an id again, unlike names.
std::string CacheKey(const Partition& partition, const std::string& key) {
  std::string cache_key;
  base::AppendLe<uint32_t>(&cache_key, partition.handle()->GetID());
  return cache_key + key;
}

}  // namespace

void TokenIndex::OnLists(const PartitionPtr& partition, const Keyspace& keyspace, size_t bytes,
                         size_t lists) {
  if (lists == 0) return;
  base::MutexLock lock(mutex_);
  NewLists& gathered = new_lists_[{partition->name(), keyspace.Begin()}];
  const bool was_due = gathered.is_due();
  gathered.lists += lists;
  gathered.bytes += bytes;
  if (!was_due && gathered.is_due()) work_.push_back({partition, keyspace});
}

void TokenIndex::AddWork(Work work) {
  OnLists(work.partition, work.keyspace, kBuildBytesMax, kListsPerSegment);
}

bool TokenIndex::HasLists(const Work& work, size_t lists_min) const {
  size_t lists = 0;
  const Status status =
      store_->Scan(*work.partition, work.keyspace.HashListsBegin(), work.keyspace.HashListsEnd(),
                   [&](std::string_view key, std::string_view) {
                     lists += key.size() == Keyspace::kBlockHeaderKeyBytes;
                     return lists < lists_min;
                   });
  return status.ok() && lists >= lists_min;
}

std::optional<TokenIndex::Work> TokenIndex::TakeWork() {
  base::MutexLock lock(mutex_);
  if (work_.empty()) return std::nullopt;
  Work work = std::move(work_.front());
  work_.pop_front();
  new_lists_.erase({work.partition->name(), work.keyspace.Begin()});
  return work;
}

Result<std::shared_ptr<const IndexSegments>> TokenIndex::ReadSegments(const Partition& partition,
                                                                      const Keyspace& keyspace) {
  auto segments = std::make_shared<IndexSegments>();
  NL_RETURN_IF_ERROR(store_->Scan(partition, keyspace.SegmentsBegin(), keyspace.SegmentsEnd(),
                                  [&](std::string_view key, std::string_view value) {
                                    if (key.size() != Keyspace::kSegmentKeyBytes) return true;
                                    const uint64_t id = Keyspace::SegmentOfKey(key.data());
                                    auto segment = IndexSegment::Decode(id, value);
                                    if (segment.ok()) {
                                      segments->all.push_back(std::move(segment).value());
                                    } else {
                                      segments->damaged.push_back(id);
                                      ReportDamage(partition, std::string(key), segment.status());
                                    }
                                    return true;
                                  }));
  return std::shared_ptr<const IndexSegments>(std::move(segments));
}

std::shared_ptr<const IndexSegments> TokenIndex::Segments(const Partition& partition,
                                                          const Keyspace& keyspace) {
  const std::string key = CacheKey(partition, keyspace.SegmentsBegin());
  if (auto cached = cache_.Get<IndexSegments>(key)) return cached;
  const uint64_t changes = changes_.load();
  auto segments = ReadSegments(partition, keyspace);
  if (!segments.ok()) {
    ReportDamage(partition, key, segments.status());
    return std::make_shared<const IndexSegments>();
  }
  pages_read_.fetch_add((*segments)->all.size(), std::memory_order_relaxed);
  if (changes == changes_.load()) cache_.Put(key, *segments, (*segments)->memory_bytes());
  return *segments;
}

void TokenIndex::Forget(const Partition& partition, const Keyspace& keyspace) {
  changes_.fetch_add(1);
  cache_.Erase(CacheKey(partition, keyspace.SegmentsBegin()));
}

std::shared_ptr<const TokenIndex::StoredList> TokenIndex::List(const Partition& partition,
                                                               const Keyspace& keyspace,
                                                               const BlockId& block,
                                                               const ReadView& view) {
  const std::string key = keyspace.HashListKey(block);
  const std::string cache_key = CacheKey(partition, key);
  if (auto cached = cache_.Get<StoredList>(cache_key)) return cached;
  auto bytes = store_->ReadHashList(partition, keyspace, block, view);
  pages_read_.fetch_add(1, std::memory_order_relaxed);
  auto stored = std::make_shared<StoredList>();
  if (!bytes.ok()) {
    if (bytes.status().code() != Code::kNotFound) ReportDamage(partition, key, bytes.status());
    return stored;
  }
  stored->bytes = std::move(bytes).value();
  auto list = index::HashList::Decode(stored->bytes);
  if (list.ok()) stored->list = *list;
  else ReportDamage(partition, key, list.status());
  cache_.Put(cache_key, stored, stored->bytes.size());
  return stored;
}

Result<index::PageBytes> TokenIndex::Page(const Partition& partition, const Keyspace& keyspace,
                                          uint64_t segment, uint32_t page, const ReadView& view) {
  const std::string key = keyspace.PostingsPageKey(segment, page);
  const std::string cache_key = CacheKey(partition, key);
  if (auto cached = cache_.Get<std::string>(cache_key)) return cached;
  NL_TRY(std::string bytes, store_->ReadValue(partition, key, view));
  pages_read_.fetch_add(1, std::memory_order_relaxed);
  auto stored = std::make_shared<const std::string>(std::move(bytes));
  cache_.Put(cache_key, stored, stored->size());
  return stored;
}

void TokenIndex::ReportDamage(const Partition& partition, const std::string& key,
                              const Status& status) {
  {
    base::MutexLock lock(mutex_);
    if (reported_.size() >= kReportedMax) return;
    if (!reported_.insert(CacheKey(partition, key)).second) return;
  }
  damaged_.fetch_add(1, std::memory_order_relaxed);
  base::LogError(
      "token index is damaged; its blocks are searched instead",
      {{"partition", partition.name()},
       {"tenant", std::to_string(static_cast<uint32_t>(Keyspace::TenantOfKey(key.data())))},
       {"error", status.ToString()}});
  store_->damage().Add({Keyspace::TenantOfKey(key.data()), partition.name(), std::nullopt,
                        partition.range(), /*rows=*/0,
                        "token index: " + std::string(status.message()), /*hidden=*/false, 0});
}

TokenIndex::Stats TokenIndex::stats() const {
  Stats stats;
  stats.segments_built = segments_built_.load(std::memory_order_relaxed);
  stats.segments_merged = segments_merged_.load(std::memory_order_relaxed);
  stats.pages_read = pages_read_.load(std::memory_order_relaxed);
  stats.damaged = damaged_.load(std::memory_order_relaxed);
  stats.cache_bytes = cache_.bytes();
  return stats;
}

}  // namespace neurallog::storage
