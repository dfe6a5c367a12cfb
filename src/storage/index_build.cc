// What Maintain does: lists become segments, segments become larger ones, and what only knows blocks
// that are gone goes.
//
// Pages are written in batches of about a MiB; nothing refers to them until the last batch brings the
// directory. Pages that a crash leaves without one are removed before their number is used again.
#include <algorithm>

#include "base/log.h"
#include "storage/token_index.h"

namespace neurallog::storage {
namespace {

constexpr size_t kBatchBytes = 1u << 20;

struct ListedBlock {
  BlockId id;
  std::string bytes;
};

}  // namespace

class IndexBuild {
 public:
  IndexBuild(TokenIndex* index, const TokenIndex::Work& work, std::span<const BlockId> live)
      : index_(index),
        store_(index->store_),
        partition_(work.partition),
        keyspace_(work.keyspace),
        live_(live) {}

  Status Run(size_t lists_min) {
    NL_RETURN_IF_ERROR(LoadSegments());
    NL_RETURN_IF_ERROR(RemoveOrphans());
    NL_RETURN_IF_ERROR(Repeat([&] { return BuildOne(lists_min); }));
    NL_RETURN_IF_ERROR(Repeat([&] { return MergeOne(); }));
    return RemoveDead();
  }

 private:
  using SegmentPtr = std::shared_ptr<const IndexSegment>;

  Status LoadSegments() {
    NL_TRY(segments_, index_->ReadSegments(*partition_, keyspace_));
    return Status::Ok();
  }

  // Until it answers that there was nothing to do.
  template <typename Step>
  static Status Repeat(Step step) {
    for (;;) {
      NL_TRY(const bool more, step());
      if (!more) return Status::Ok();
    }
  }

  Status RemoveOrphans();
  Result<bool> BuildOne(size_t lists_min);
  Result<std::vector<ListedBlock>> ReadLists() const;
  bool IsGood(const ListedBlock& listed) const;
  Result<bool> MergeOne();
  std::vector<SegmentPtr> ChooseMerge() const;
  Status Merge(std::vector<SegmentPtr> inputs);
  Status RemoveDead();

  bool IsDead(const BlockId& block) const {
    // Blocks that are newer than all may not be in the directory yet.
    return !live_.empty() && block < live_.back() &&
           !std::binary_search(live_.begin(), live_.end(), block);
  }
  // Writes pages into `change_`, and that to the store when it has grown.
  index::PutPage Put(uint64_t segment);
  void RemoveSegment(const IndexSegment& segment);
  // Writes what is in `change_`, as the last batch of a change of segments.
  Status Commit();
  uint64_t NextId() const;

  TokenIndex* const index_;
  Store* const store_;
  const PartitionPtr partition_;
  const Keyspace keyspace_;
  const std::span<const BlockId> live_;
  std::shared_ptr<const IndexSegments> segments_;
  uint64_t last_id_ = 0;
  std::set<uint64_t> damaged_;  // segments that cannot be merged
  Change change_{partition_, keyspace_};
};

uint64_t IndexBuild::NextId() const {
  uint64_t id = last_id_ + 1;
  for (const SegmentPtr& segment : segments_->all) id = std::max(id, segment->id + 1);
  for (uint64_t segment : segments_->damaged) id = std::max(id, segment + 1);
  return id;
}

// Goes from segment to segment, not from page to page. The pages of a segment whose directory is damaged
// stay.
Status IndexBuild::RemoveOrphans() {
  std::string from = keyspace_.PostingsPagesBegin();
  for (;;) {
    std::optional<uint64_t> found;
    NL_RETURN_IF_ERROR(store_->Scan(*partition_, from, keyspace_.PostingsPagesEnd(),
                                    [&](std::string_view key, std::string_view) {
                                      found = Keyspace::SegmentOfKey(key.data());
                                      return false;
                                    }));
    if (!found) return Commit();
    last_id_ = std::max(last_id_, *found);
    const bool is_known =
        std::any_of(segments_->all.begin(), segments_->all.end(),
                    [&](const SegmentPtr& segment) { return segment->id == *found; }) ||
        std::count(segments_->damaged.begin(), segments_->damaged.end(), *found) != 0;
    const std::string end = keyspace_.PostingsPageKey(*found + 1, 0);
    if (!is_known) {
      NL_RETURN_IF_ERROR(store_->Scan(*partition_, keyspace_.PostingsPageKey(*found, 0), end,
                                      [&](std::string_view key, std::string_view) {
                                        change_.Delete(std::string(key));
                                        return true;
                                      }));
      NL_RETURN_IF_ERROR(Commit());
    }
    from = end;
  }
}

Result<std::vector<ListedBlock>> IndexBuild::ReadLists() const {
  std::vector<ListedBlock> lists;
  size_t bytes = 0;
  NL_RETURN_IF_ERROR(store_->Scan(*partition_, keyspace_.HashListsBegin(), keyspace_.HashListsEnd(),
                                  [&](std::string_view key, std::string_view value) {
                                    if (key.size() < Keyspace::kBlockHeaderKeyBytes) return true;
                                    const BlockId block = Keyspace::BlockOfHeaderKey(key.data());
                                    if (lists.empty() || lists.back().id != block) {
                                      if (!lists.empty() && !IsGood(lists.back())) lists.pop_back();
                                      if (lists.size() == TokenIndex::kListsPerSegment ||
                                          bytes >= TokenIndex::kBuildBytesMax)
                                        return false;
                                      lists.push_back({block, {}});
                                    }
                                    lists.back().bytes.append(value);
                                    bytes += value.size();
                                    return true;
                                  }));
  if (!lists.empty() && !IsGood(lists.back())) lists.pop_back();
  return lists;
}

bool IndexBuild::IsGood(const ListedBlock& listed) const {
  const Status status = index::HashList::Decode(listed.bytes).status();
  if (!status.ok()) index_->ReportDamage(*partition_, keyspace_.HashListKey(listed.id), status);
  return status.ok();
}

Result<bool> IndexBuild::BuildOne(size_t lists_min) {
  NL_TRY(const std::vector<ListedBlock> listed, ReadLists());
  size_t bytes = 0;
  for (const ListedBlock& each : listed) bytes += each.bytes.size();
  if (listed.empty() || (listed.size() < lists_min && bytes < TokenIndex::kBuildBytesMax))
    return false;
  std::vector<index::HashList> lists;
  std::vector<BlockId> blocks;
  for (const ListedBlock& each : listed) {
    NL_TRY(const index::HashList list, index::HashList::Decode(each.bytes));
    lists.push_back(list);
    blocks.push_back(each.id);
  }
  const uint64_t id = NextId();
  NL_TRY(index::SegmentDirectory directory, index::BuildSegment(lists, Put(id)));
  directory.block_names = EncodeBlockNames(/*level=*/0, blocks);
  change_.PutSegment(id, directory.Encode());
  for (const ListedBlock& each : listed) change_.RemoveHashList(each.id, each.bytes.size());
  NL_RETURN_IF_ERROR(Commit());
  index_->segments_built_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

// The oldest segments of a level that has enough of them.
std::vector<IndexBuild::SegmentPtr> IndexBuild::ChooseMerge() const {
  std::map<int, std::vector<SegmentPtr>> levels;
  for (const SegmentPtr& segment : segments_->all) {
    if (damaged_.count(segment->id) != 0) continue;
    std::vector<SegmentPtr>& level = levels[segment->level];
    level.push_back(segment);
    if (level.size() < TokenIndex::kMergeWidth) continue;
    size_t blocks = 0;
    for (const SegmentPtr& each : level) blocks += each->blocks.size();
    if (blocks <= index::kSegmentBlocksMax) return level;
  }
  return {};
}

Result<bool> IndexBuild::MergeOne() {
  std::vector<SegmentPtr> inputs = ChooseMerge();
  if (inputs.empty()) return false;
  NL_RETURN_IF_ERROR(Merge(std::move(inputs)));
  return true;
}

Status IndexBuild::Merge(std::vector<SegmentPtr> inputs) {
  std::vector<index::MergeInput> merge;
  std::vector<BlockId> blocks;
  int level = 0;
  for (const SegmentPtr& input : inputs) {
    level = std::max(level, input->level + 1);
    const auto fetch = [this, id = input->id](uint32_t page) -> Result<index::PageBytes> {
      NL_TRY(std::string bytes,
             store_->ReadValueNow(*partition_, keyspace_.PostingsPageKey(id, page)));
      return std::make_shared<const std::string>(std::move(bytes));
    };
    merge.push_back({&input->directory, fetch, {}});
    for (const BlockId& block : input->blocks) {
      const bool is_dead = IsDead(block);
      merge.back().new_numbers.push_back(is_dead ? index::MergeInput::kDropped
                                                 : static_cast<uint32_t>(blocks.size()));
      if (!is_dead) blocks.push_back(block);
    }
  }
  if (!blocks.empty()) {
    const uint64_t id = NextId();
    last_id_ = id;
    size_t bad = 0;
    auto directory = index::MergeSegments(merge, Put(id), &bad);
    const Code code = directory.status().code();
    if (code == Code::kCorruption || code == Code::kNotFound) {
      // The pages written so far are orphans.
      index_->ReportDamage(*partition_, keyspace_.PostingsPageKey(inputs[bad]->id, 0),
                           directory.status());
      damaged_.insert(inputs[bad]->id);
      change_.Clear();
      return RemoveOrphans();
    }
    NL_RETURN_IF_ERROR(directory.status());
    directory->block_names = EncodeBlockNames(level, blocks);
    change_.PutSegment(id, directory->Encode());
  }
  for (const SegmentPtr& input : inputs) RemoveSegment(*input);
  NL_RETURN_IF_ERROR(Commit());
  index_->segments_merged_.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

Status IndexBuild::RemoveDead() {
  bool any = false;
  for (const SegmentPtr& segment : segments_->all) {
    const bool is_dead = std::all_of(segment->blocks.begin(), segment->blocks.end(),
                                     [this](const BlockId& block) { return IsDead(block); });
    if (is_dead) RemoveSegment(*segment);
    any = any || is_dead;
  }
  return any ? Commit() : Status::Ok();
}

index::PutPage IndexBuild::Put(uint64_t segment) {
  return [this, segment](uint32_t page, std::string bytes) {
    change_.PutPostingsPage(segment, page, bytes);
    if (change_.bytes() < kBatchBytes) return Status::Ok();
    NL_RETURN_IF_ERROR(store_->Apply(&change_));
    change_.Clear();
    return Status::Ok();
  };
}

void IndexBuild::RemoveSegment(const IndexSegment& segment) {
  for (uint32_t page = 0; page < segment.directory.pages(); ++page)
    change_.RemovePostingsPage(segment.id, page);
  change_.RemoveSegment(segment.id);
}

Status IndexBuild::Commit() {
  if (change_.empty()) return Status::Ok();
  NL_RETURN_IF_ERROR(store_->Apply(&change_));
  change_.Clear();
  index_->Forget(*partition_, keyspace_);
  return LoadSegments();
}

Status TokenIndex::Maintain(const Work& work, std::span<const BlockId> live, size_t lists_min) {
  return IndexBuild(this, work, live).Run(lists_min);
}

}  // namespace neurallog::storage
