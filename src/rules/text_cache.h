// What is known of things by their keys, which are bytes: a part of a matcher's memory.
//
//   const base::Hash128Value key = base::PrivateHash128(bytes);
//   auto* known = cache.Find(key);
//   if (known == nullptr) known = cache.Add(key, Make());   // stays where it is until Clear
//
// A key stands for its bytes: with 128 bits that are secret, no two are the same. At `bytes_max` the cache is full: its owner
// clears it. Value has memory_bytes(), of what it points to. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/private_hash.h"

namespace neurallog::rules {

template <typename Value>
class TextCache {
 public:
  explicit TextCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  Value* Find(const base::Hash128Value& key) { return SlotOf(key)->value.get(); }
  // The key is not in it.
  Value* Add(const base::Hash128Value& key, Value value) {
    if ((size_ + 1) * 2 > slots_.size()) Grow();
    bytes_ += 2 * sizeof(Slot) + sizeof(Value) + value.memory_bytes();
    ++size_;
    Slot* const slot = SlotOf(key);
    *slot = {key, std::make_unique<Value>(std::move(value))};
    return slot->value.get();
  }
  // A value has grown.
  void AddBytes(size_t bytes) { bytes_ += bytes; }
  bool is_full() const { return bytes_ >= bytes_max_; }
  void Clear() {
    for (Slot& slot : slots_) slot = Slot();
    bytes_ = size_ = 0;
  }
  size_t size() const { return size_; }

 private:
  struct Slot {
    base::Hash128Value key;
    std::unique_ptr<Value> value;
  };

  // The slot of the key, or the free one where it would be.
  Slot* SlotOf(const base::Hash128Value& key) {
    const size_t mask = slots_.size() - 1;
    size_t slot = key.low & mask;
    while (slots_[slot].value != nullptr && slots_[slot].key != key) slot = (slot + 1) & mask;
    return &slots_[slot];
  }
  void Grow() {
    std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (Slot& one : before)
      if (one.value != nullptr) *SlotOf(one.key) = std::move(one);
  }

  const size_t bytes_max_;
  std::vector<Slot> slots_ = std::vector<Slot>(64);
  size_t size_ = 0;
  size_t bytes_ = 0;
};

// Whether looking something up is worthwhile: not when too much of a number of look-ups found nothing, several times in
// a row.
class Worth {
 public:
  static constexpr uint32_t kWindow = 8192;  // look-ups
  static constexpr uint32_t kBadWindows = 4;

  // A look-up found something, or did not. False: of kWindow look-ups more than one in `worst` found nothing, kBadWindows
  // times; says so once.
  bool Note(bool found, uint32_t worst) {
    misses_ += !found;
    if (++lookups_ < kWindow) return true;
    bad_windows_ = misses_ > kWindow / worst ? bad_windows_ + 1 : 0;
    lookups_ = misses_ = 0;
    if (bad_windows_ < kBadWindows) return true;
    bad_windows_ = 0;
    return false;
  }

 private:
  uint32_t lookups_ = 0;
  uint32_t misses_ = 0;
  uint32_t bad_windows_ = 0;
};

}  // namespace neurallog::rules
