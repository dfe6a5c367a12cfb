// What groups are made of: the distinct values of each field, numbered, and the distinct pairs of such
// numbers. A group by n fields is a pair of a group by the first n - 1 and a value of the last.
//
// Numbers are given in the order in which values come. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/log_record.h"

namespace neurallog::query {

// Open addressing over entries that others keep: slots hold the entry's number and some bits of its
// hash, at most 3/4 of them.
class HashSlots {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The number of the entry for which is_equal(number) is true, or kNone.
  template <typename F>
  uint32_t Find(uint64_t hash, F is_equal) const {
    if (slots_.empty()) return kNone;
    const size_t mask = slots_.size() - 1;
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots_[at];
      if (slot.number == kNone || (slot.tag == tag && is_equal(slot.number))) return slot.number;
    }
  }
  // Adds an entry that Find did not find; `hash_of` gives the hashes of those before.
  template <typename F>
  void Add(uint64_t hash, F hash_of) {
    if ((size_ + size_t{1}) * 4 > slots_.size() * 3) Grow(hash_of);
    Put(hash, size_++);
  }
  size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = kNone;
  };
  void Put(uint64_t hash, uint32_t number) {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at].number != kNone) at = (at + 1) & mask;
    slots_[at] = {static_cast<uint32_t>(hash >> 32), number};
  }
  template <typename F>
  void Grow(F hash_of) {
    slots_.assign(slots_.empty() ? 16 : slots_.size() * 2, Slot());
    for (uint32_t i = 0; i < size_; ++i) Put(hash_of(i), i);
  }

  std::vector<Slot> slots_;  // a power of two
  uint32_t size_ = 0;
};

// Values are equal when their texts are; the type is that of the first.
class ValueTable {
 public:
  uint32_t FindOrAdd(std::string_view text, ValueType type);
  uint32_t size() const { return static_cast<uint32_t>(texts_.size()); }
  const std::string& text(uint32_t value) const { return texts_[value]; }
  ValueType type(uint32_t value) const { return types_[value]; }
  size_t memory_bytes() const { return slots_.memory_bytes() + heap_bytes_; }

 private:
  HashSlots slots_;
  std::deque<std::string> texts_;
  std::vector<ValueType> types_;
  size_t heap_bytes_ = 0;
};

class PairTable {
 public:
  struct Pair {
    uint32_t first;
    uint32_t second;
    bool operator==(const Pair&) const = default;
  };
  uint32_t FindOrAdd(Pair pair);
  uint32_t size() const { return static_cast<uint32_t>(pairs_.size()); }
  const Pair& pair(uint32_t number) const { return pairs_[number]; }
  size_t memory_bytes() const {
    return slots_.memory_bytes() + pairs_.capacity() * sizeof(Pair);
  }

 private:
  HashSlots slots_;
  std::vector<Pair> pairs_;
};

}  // namespace neurallog::query
