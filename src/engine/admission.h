// What happens to a batch when the ring is full: it waits its turn for a bounded time, in order, and is refused after that.
#pragma once

#include <atomic>
#include <deque>
#include <thread>

#include "base/mutex.h"
#include "engine/engine.h"

namespace neurallog::engine {

struct AdmissionOptions {
  std::atomic<int64_t> queue_wait_ns{2 * base::kNsPerSecond};
  std::atomic<size_t> requests_in_flight_max{10'000};
  std::atomic<size_t> bytes_in_flight_max{256u << 20};  // of batches between Submit and their Ack
};

// Thread-safe.
class Admission {
 public:
  explicit Admission(Engine* engine);
  ~Admission() { Stop(); }

  AdmissionOptions& options() { return options_; }

  // Takes the event over and answers through its Ack, or refuses at once with the reason and leaves the event to the caller:
  // ResourceExhausted beyond requests_in_flight_max, Unavailable beyond bytes_in_flight_max or when the engine takes nothing.
  // With may_wait false a full ring refuses too.
  Status Submit(ingest::IngestEvent* event, bool may_wait);
  void Stop();

  size_t bytes_in_flight() const { return bytes_.load(std::memory_order_relaxed); }
  size_t requests_in_flight() const { return requests_.load(std::memory_order_relaxed); }

 private:
  class CountedAck;
  struct Waiting {
    ingest::IngestEvent event;
    int64_t deadline_ns;
  };
  void Run();

  Engine* const engine_;
  AdmissionOptions options_;
  std::atomic<size_t> requests_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> waiting_count_{0};

  base::Mutex mutex_;
  base::CondVar wake_;
  std::deque<Waiting> waiting_ NL_GUARDED_BY(mutex_);
  bool stop_ NL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace neurallog::engine
