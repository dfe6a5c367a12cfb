// Finds the distinct values of a column.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "block/gather.h"

namespace neurallog::block {

// Reuses its buffers. Not thread-safe.
class DictionaryBuilder {
 public:
  // False, early where possible, when there are more than `entries_max` distinct values (at most
  // kDictEntriesMax). A value's type is part of it; none is longer than `length_max`.
  bool Build(std::span<const Cell> cells, size_t length_max, size_t entries_max);

  // In the order of first appearance.
  std::span<const Cell> entries() const { return entries_; }
  // One per cell.
  std::span<const uint16_t> codes() const { return codes_; }
  uint64_t entry_bytes() const { return entry_bytes_; }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t code_plus_1;
  };
  bool Add(std::span<const Cell> cells, size_t begin, size_t end, size_t entries_max);
  void HashCells(std::span<const Cell> cells, size_t begin, size_t end);
  // Returns the new mask.
  size_t Grow();

  size_t length_max_ = 0;
  std::vector<uint32_t> hashes_;  // of the cells
  std::vector<Slot> slots_;       // a power of two, at most a quarter full
  std::vector<Cell> entries_;
  std::vector<uint16_t> codes_;
  uint64_t entry_bytes_ = 0;
};

}  // namespace neurallog::block
