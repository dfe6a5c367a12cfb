// The list of one tenant's sealed blocks, as an immutable value: adding blocks makes a new list that shares all full pages.
#pragma once

#include <memory>
#include <vector>

#include "storage/store.h"

namespace neurallog::storage {

// Blocks in sum. Bytes are what StoredBytes says.
struct StoredTotals {
  uint64_t blocks = 0;
  uint64_t rows = 0;  // without deleted ones
  uint64_t bytes = 0;
  int64_t min_ns = INT64_MAX;  // of all blocks that ever were in the sum
  int64_t max_ns = INT64_MIN;

  void Add(const BlockEntry& entry);
};

// Immutable, so thread-safe.
class Directory {
 public:
  static constexpr size_t kPageEntries = 256;
  using Page = std::vector<BlockEntry>;

  // This directory and `added`, in one new list.
  std::shared_ptr<const Directory> With(const std::vector<BlockEntry>& added) const;
  // Without the blocks named, which lie in one partition, and with `added`.
  std::shared_ptr<const Directory> Replace(const Partition& partition, std::vector<BlockId> removed,
                                           const std::vector<BlockEntry>& added) const;
  // Without the blocks of a partition.
  std::shared_ptr<const Directory> Without(const Partition& partition) const;

  // Conflict unless each entry, or each that the change removes, is here with the same deleted rows.
  Status CheckUnchanged(const std::vector<BlockEntry>& seen) const;
  Status CheckUnchanged(const Change& change) const { return CheckUnchanged(change.removed()); }

  const StoredTotals& totals() const { return totals_; }
  size_t size() const { return size_; }
  size_t memory_bytes() const { return memory_bytes_; }

  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& page : pages_)
      for (const BlockEntry& entry : *page) visit(entry);
  }

 private:
  std::vector<std::shared_ptr<const Page>> pages_;
  StoredTotals totals_;
  size_t size_ = 0;
  size_t memory_bytes_ = 0;
};

}  // namespace neurallog::storage
