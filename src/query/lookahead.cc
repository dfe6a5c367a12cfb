#include "query/lookahead.h"

#include <atomic>

namespace neurallog::query {

// Whoever takes it from kWaiting to kBegun does the work; the release of kDone publishes the selection.
struct Lookahead::Task {
  enum State : uint8_t { kWaiting, kBegun, kDone };

  bool Begin() {
    uint8_t waiting = kWaiting;
    return state.compare_exchange_strong(waiting, kBegun);
  }
  void Run(const Selector& selector) {
    selection = selector.Select(block, range, makes_partials);
    state.store(kDone, std::memory_order_release);
    state.notify_one();
  }
  void Wait() {
    while (state.load(std::memory_order_acquire) != kDone) state.wait(kBegun);
  }

  uint32_t block = 0;
  TimeRange range;
  bool makes_partials = false;
  std::atomic<uint8_t> state{kWaiting};
  Selection selection;
};

void Lookahead::Schedule(uint32_t block, const TimeRange& range, bool makes_partials) {
  auto task = std::make_shared<Task>();
  task->block = block;
  task->range = range;
  task->makes_partials = makes_partials;
  tasks_.push_back(task);
  helpers_->Resubmit(
      [task = std::move(task), selector = selector_] {
        if (task->Begin()) task->Run(*selector);
      },
      base::WorkerPool::Lane::kLong);
}

Selection Lookahead::Take() {
  const std::shared_ptr<Task> task = std::move(tasks_.front());
  tasks_.pop_front();
  if (task->Begin()) {
    task->Run(*selector_);
  } else {
    task->Wait();
  }
  return std::move(task->selection);
}

void Lookahead::Clear() {
  for (const auto& task : tasks_) {
    if (task->Begin()) continue;
    task->Wait();
    task->selection = {};  // its helper may hold the task longer than the query lives
  }
  tasks_.clear();
}

}  // namespace neurallog::query
