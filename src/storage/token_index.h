// Which sealed blocks can hold a token: the hash lists and postings segments of all tenants, as they
// are stored beside the blocks.
//
//   std::vector<bool> candidates = store.token_index().FindCandidates(query, keyspace, blocks, view, &stats);
//   while (auto work = token_index.TakeWork()) NL_RETURN_IF_ERROR(token_index.Maintain(*work, live));
//
// A block comes with its hash list, in one batch (Change::PutBlock). When kListsPerSegment blocks of a
// tenant in a partition have one, a segment takes their place; sixteen segments of a level become one
// of the next. The pages of a segment are written first; its directory and the removal of what it
// replaces are one batch, the last: at any instant a token is found through the one or the other. A
// block that neither a list nor a segment knows is always a candidate, so that nothing that is lost
// or damaged here can hide rows. Segments keep the numbers of blocks that are gone until they are
// merged; a block that is rewritten has a new name and its own list.
//
// Thread-safe; one Maintain at a time.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "index/token_query.h"
#include "storage/lru_cache.h"
#include "storage/index_segment.h"
#include "storage/store.h"

namespace neurallog::storage {

class TokenIndex {
 public:
  static constexpr size_t kListsPerSegment = 64;
  static constexpr size_t kMergeWidth = 16;
  // A segment is built of fewer lists when they take this much: those of large blocks.
  static constexpr size_t kBuildBytesMax = 4u << 20;

  // `store` must outlive this.
  TokenIndex(Store* store, size_t cache_bytes_max) : store_(store), cache_(cache_bytes_max) {}

  // For each of `blocks`, all of one tenant, whether it may hold rows that match. Reads at `view`, and
  // what was written after it as well. `*pages_read` is raised by the pages and lists looked into.
  std::vector<bool> FindCandidates(const index::TokenQuery& query, const Keyspace& keyspace,
                                   std::span<const BlockEntry* const> blocks, const ReadView& view,
                                   uint64_t* pages_read);

  // A tenant's part of a partition in which enough lists have gathered.
  struct Work {
    PartitionPtr partition;
    Keyspace keyspace;
  };
  std::optional<Work> TakeWork();
  // Has Maintain look at it however few lists have gathered.
  void AddWork(Work work);
  bool HasLists(const Work& work, size_t lists_min) const;
  // Builds and merges whatever is due. `live` are the blocks that the partition holds now, ascending:
  // older ones are left out of merges. At least `lists_min` lists make a segment.
  Status Maintain(const Work& work, std::span<const BlockId> live,
                  size_t lists_min = kListsPerSegment);

  struct Stats {
    uint64_t segments_built = 0;
    uint64_t segments_merged = 0;  // that came out of merges
    uint64_t pages_read = 0;       // from RocksDB, lists included
    uint64_t damaged = 0;          // lists, pages and directories
    size_t cache_bytes = 0;
  };
  Stats stats() const;

 private:
  friend class Store;
  friend class TokenLookup;  // one call of FindCandidates
  friend class IndexBuild;   // one call of Maintain

  // A hash list, or that there is none that can be used.
  struct StoredList {
    std::string bytes;
    std::optional<index::HashList> list;
  };

  // After a change with blocks that have lists.
  void OnLists(const PartitionPtr& partition, const Keyspace& keyspace, size_t bytes,
               size_t lists);
  struct NewLists {
    size_t lists = 0;
    size_t bytes = 0;
    bool is_due() const { return lists >= kListsPerSegment || bytes >= kBuildBytesMax; }
  };

  // Segments whose directory is damaged are left out and reported.
  Result<std::shared_ptr<const IndexSegments>> ReadSegments(const Partition& partition,
                                                            const Keyspace& keyspace);
  std::shared_ptr<const IndexSegments> Segments(const Partition& partition,
                                                const Keyspace& keyspace);
  std::shared_ptr<const StoredList> List(const Partition& partition, const Keyspace& keyspace,
                                         const BlockId& block, const ReadView& view);
  Result<index::PageBytes> Page(const Partition& partition, const Keyspace& keyspace,
                                uint64_t segment, uint32_t page, const ReadView& view);
  // Segments of this tenant in this partition have changed.
  void Forget(const Partition& partition, const Keyspace& keyspace);
  // Counts and logs; the same thing once.
  void ReportDamage(const Partition& partition, const std::string& key, const Status& status);

  Store* const store_;
  LruCache cache_;
  std::atomic<uint64_t> changes_{0};  // of segments: what was read across one is not kept
  std::atomic<uint64_t> segments_built_{0};
  std::atomic<uint64_t> segments_merged_{0};
  std::atomic<uint64_t> pages_read_{0};
  std::atomic<uint64_t> damaged_{0};

  mutable base::Mutex mutex_;
  // Lists written since the last Maintain, by partition and tenant: at most one entry for each that
  // was written to since the start.
  std::map<std::pair<std::string, std::string>, NewLists> new_lists_ NL_GUARDED_BY(mutex_);
  std::deque<Work> work_ NL_GUARDED_BY(mutex_);         // at most one for each of new_lists_
  std::set<std::string> reported_ NL_GUARDED_BY(mutex_);  // at most kReportedMax
};

}  // namespace neurallog::storage
