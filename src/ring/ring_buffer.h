// A bounded multi-producer ring with one chain of consumers, in the words of the LMAX Disruptor (Thompson et al., 2011).
//
//   producer:  int64_t seq;  if (ring.TryClaim(&seq)) { ring[seq] = event; ring.Publish(seq); }     // false: full
//   consumer:  int64_t last = ring.WaitFor(next, barrier);  for (; next <= last; ++next) use(ring[next]);  own_sequence.Set(last);
//
//        claimed by producers (cursor_)
//                     v
//   ... | done | done | 17 | 18 | 19 |  free ...          available_[i] = turn number of the last publish into slot i
//                ^ gating sequence: the last consumer
//
// A claim takes the next sequence with a compare-and-swap, only while it is less than one turn ahead of the gating sequence; nothing is
// ever overwritten. Slots may be published out of order: a consumer goes up to the first slot whose turn number is not the current one.
// Memory order: the slot's contents are written before available_ (seq_cst exchange, so also release) and read after it is seen (acquire).
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"
#include "ring/sequence.h"
#include "ring/wait_strategy.h"

namespace neurallog::ring {

// Thread-safe for any number of producers and the consumers that follow each other through their sequences.
template <typename Event>
class RingBuffer {
 public:
  // `slots` is a power of two; that many events at most are between the producers and the gating sequence.
  RingBuffer(size_t slots, WaitStrategyKind wait)
      : slots_(slots),
        shift_(std::countr_zero(slots)),
        events_(slots),
        available_(slots),
        wait_(wait) {
    NL_CHECK(std::has_single_bit(slots));
    for (auto& turn : available_) turn.store(-1, std::memory_order_relaxed);
  }

  size_t slots() const { return slots_; }
  // The sequence of the last consumer. Must be set before the first claim and outlive the ring.
  void SetGatingSequence(const Sequence* gating) { gating_ = gating; }

  // Takes the next slot for this producer; false when the ring is full. A claimed slot must be published.
  bool TryClaim(int64_t* sequence) {
    int64_t current = cursor_.Get();
    for (;;) {
      const int64_t next = current + 1;
      const int64_t wrap = next - static_cast<int64_t>(slots_);
      if (wrap > cached_gating_.Get()) {
        const int64_t gating = gating_->Get();
        cached_gating_.Set(gating);
        if (wrap > gating) return false;
      }
      if (cursor_.CompareAndSet(current, next)) {
        *sequence = next;
        return true;
      }
      current = cursor_.Get();
    }
  }

  Event& operator[](int64_t sequence) { return events_[Index(sequence)]; }
  const Event& operator[](int64_t sequence) const { return events_[Index(sequence)]; }

  void Publish(int64_t sequence) {
    available_[Index(sequence)].exchange(Turn(sequence), std::memory_order_seq_cst);
    wait_.Signal();
  }

  // Waits until `sequence` is published or `*stop` is true (then call Wake()); returns the last sequence that is published without
  // a gap before it, at least `sequence`, or sequence - 1 when stopped.
  int64_t WaitFor(int64_t sequence, const std::atomic<bool>& stop) {
    wait_.Wait([&] { return IsAvailable(sequence) || stop.load(std::memory_order_relaxed); });
    return HighestPublished(sequence);
  }
  void Wake() { wait_.Signal(); }

  // The last published sequence of the gapless run that begins at `from`; from - 1 when `from` is not published.
  int64_t HighestPublished(int64_t from) const {
    while (IsAvailable(from)) ++from;
    return from - 1;
  }

  // Slots that are claimed and not yet released by the last consumer.
  size_t occupancy() const { return static_cast<size_t>(cursor_.Get() - gating_->Get()); }

 private:
  size_t Index(int64_t sequence) const { return static_cast<size_t>(sequence) & (slots_ - 1); }
  int64_t Turn(int64_t sequence) const { return sequence >> shift_; }
  bool IsAvailable(int64_t sequence) const {
    return available_[Index(sequence)].load(std::memory_order_seq_cst) == Turn(sequence);
  }

  // Constant after construction.
  const size_t slots_;
  const int shift_;
  const Sequence* gating_ = nullptr;
  // Written by producers in their claimed slots, read by consumers.
  std::vector<Event> events_;
  std::vector<std::atomic<int64_t>> available_;
  Sequence cursor_;         // last claimed
  Sequence cached_gating_;  // last gating sequence that a producer saw
  WaitStrategy wait_;
};

}  // namespace neurallog::ring
