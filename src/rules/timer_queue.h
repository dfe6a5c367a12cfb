// Groups in the order of their deadlines. A deadline that has moved is not taken out: who pops it asks
// the group, which knows its timer, and pushes the new one. When more than two in three are of no use,
// who pushes takes them out (RemoveIf). Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <tuple>
#include <vector>

#include "base/hash.h"

namespace neurallog::rules {

class TimerQueue {
 public:
  static constexpr size_t kSpare = 1024;  // of no use, before they are taken out

  struct Timer {
    int64_t deadline_ns;
    base::Hash128Value key;
    bool operator>(const Timer& other) const {
      return std::tie(deadline_ns, key.high, key.low) >
             std::tie(other.deadline_ns, other.key.high, other.key.low);
    }
  };

  void Push(int64_t deadline_ns, const base::Hash128Value& key) {
    heap_.push_back({deadline_ns, key});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  bool is_due(int64_t now_ns) const { return !heap_.empty() && heap_[0].deadline_ns <= now_ns; }
  // The earliest one; of equal ones that of the smallest key.
  Timer Pop() {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const Timer timer = heap_.back();
    heap_.pop_back();
    return timer;
  }
  size_t size() const { return heap_.size(); }
  template <typename Predicate>
  bool Any(Predicate is_meant) const {
    return std::any_of(heap_.begin(), heap_.end(), is_meant);
  }
  template <typename Predicate>
  void RemoveIf(Predicate is_removed) {
    heap_.erase(std::remove_if(heap_.begin(), heap_.end(), is_removed), heap_.end());
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  size_t memory_bytes() const { return heap_.capacity() * sizeof(Timer); }

 private:
  std::vector<Timer> heap_;
};

}  // namespace neurallog::rules
