#include "storage/directory.h"

#include <algorithm>

namespace neurallog::storage {

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
    result->memory_bytes_ += sizeof(BlockEntry) + entry.header->memory_bytes();
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

std::shared_ptr<const Directory> Directory::Without(const Partition& partition) const {
  std::vector<BlockEntry> kept;
  ForEach([&](const BlockEntry& entry) {
    if (entry.partition.get() != &partition) kept.push_back(entry);
  });
  return Directory().With(kept);
}

}  // namespace neurallog::storage
