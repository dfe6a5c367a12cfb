// A consumer thread of a ring: hands every run of published events to its handler and then moves its sequence, which gates the ring.
#pragma once

#include <atomic>
#include <thread>

#include "base/thread.h"
#include "ring/ring_buffer.h"

namespace neurallog::ring {

// Start and Stop from one thread; Handler runs on the processor's thread:
//   int64_t OnBatch(RingBuffer<Event>& ring, int64_t first, int64_t last);     // returns the last it handled: `last`, or a later one that
//                                                                              // was published meanwhile
template <typename Event, typename Handler>
class EventProcessor {
 public:
  EventProcessor(RingBuffer<Event>* ring, Handler* handler) : ring_(ring), handler_(handler) {
    ring_->SetGatingSequence(&sequence_);
  }
  ~EventProcessor() { Stop(); }

  void Start(const char* thread_name) {
    thread_ = base::StartThread(thread_name, [this] { Run(); });
  }

  // Handles everything that was published before the call, then ends the thread.
  void Stop() {
    if (!thread_.joinable()) return;
    stop_.store(true, std::memory_order_relaxed);
    ring_->Wake();
    thread_.join();
  }

  const Sequence& sequence() const { return sequence_; }

 private:
  void Run() {
    int64_t next = sequence_.Get() + 1;
    for (;;) {
      const int64_t published = ring_->WaitFor(next, stop_);
      if (published < next) return;
      const int64_t last = handler_->OnBatch(*ring_, next, published);
      sequence_.Set(last);
      next = last + 1;
    }
  }

  RingBuffer<Event>* const ring_;
  Handler* const handler_;
  Sequence sequence_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace neurallog::ring
