#include "storage/directory.h"

#include <algorithm>

namespace neurallog::storage {

void StoredTotals::Add(const BlockEntry& entry) {
  ++blocks;
  rows += entry.header->rows - (entry.deleted ? CountDeleted(*entry.deleted) : 0);
  bytes += StoredBytes(*entry.header);
  min_ns = std::min(min_ns, entry.header->min_ns);
  max_ns = std::max(max_ns, entry.header->max_ns);
}

std::shared_ptr<const Directory> Directory::With(const std::vector<BlockEntry>& added) const {
  auto result = std::make_shared<Directory>(*this);
  std::shared_ptr<Page> open;
  for (const BlockEntry& entry : added) {
    if (!open) {
      const bool room = !result->pages_.empty() && result->pages_.back()->size() < kPageEntries;
      open = room ? std::make_shared<Page>(*result->pages_.back()) : std::make_shared<Page>();
      if (room) result->pages_.pop_back();
      result->pages_.push_back(open);
    }
    open->push_back(entry);
    ++result->size_;
    result->totals_.Add(entry);
    result->memory_bytes_ += sizeof(BlockEntry) + entry.header->memory_bytes();
    if (entry.deleted) result->memory_bytes_ += entry.deleted->size() * sizeof(uint64_t);
    if (open->size() == kPageEntries) open.reset();
  }
  return result;
}

std::shared_ptr<const Directory> Directory::Replace(const Partition& partition,
                                                    std::vector<BlockId> removed,
                                                    const std::vector<BlockEntry>& added) const {
  std::sort(removed.begin(), removed.end());
  std::vector<BlockEntry> kept;
  ForEach([&](const BlockEntry& entry) {
    const bool goes = entry.partition.get() == &partition &&
                      std::binary_search(removed.begin(), removed.end(), entry.id);
    if (!goes) kept.push_back(entry);
  });
  kept.insert(kept.end(), added.begin(), added.end());
  return Directory().With(kept);
}

Status Directory::CheckUnchanged(const std::vector<BlockEntry>& seen) const {
  std::vector<const BlockEntry*> sorted;
  for (const BlockEntry& entry : seen) sorted.push_back(&entry);
  const auto key = [](const BlockEntry& entry) {
    return std::pair(entry.partition.get(), entry.id);
  };
  std::sort(sorted.begin(), sorted.end(),
            [&](const auto* a, const auto* b) { return key(*a) < key(*b); });
  size_t same = 0;
  ForEach([&](const BlockEntry& entry) {
    const auto found = std::lower_bound(
        sorted.begin(), sorted.end(), entry,
        [&](const BlockEntry* a, const BlockEntry& b) { return key(*a) < key(b); });
    if (found == sorted.end() || key(**found) != key(entry)) return;
    const auto& before = (*found)->deleted;
    same += (!before && !entry.deleted) || (before && entry.deleted && *before == *entry.deleted);
  });
  if (same == seen.size()) return {};
  return Conflict("of " + std::to_string(seen.size()) + " blocks to be replaced " +
                  std::to_string(seen.size() - same) + " have changed meanwhile");
}

std::shared_ptr<const Directory> Directory::Without(const Partition& partition) const {
  std::vector<BlockEntry> kept;
  ForEach([&](const BlockEntry& entry) {
    if (entry.partition.get() != &partition) kept.push_back(entry);
  });
  return Directory().With(kept);
}

}  // namespace neurallog::storage
