// Selects from blocks ahead of a query on other threads, in any order; the query takes the selections in
// the order of its blocks.
//
//   lookahead.Schedule(block, range);            // bounded by its caller
//   Selection selection = lookahead.Take();      // of the block that was scheduled first
//
// Nobody waits for a thread: what no helper has begun, Take does itself. Not thread-safe; its owner
// waits for the helpers at work when it goes.
#pragma once

#include <deque>
#include <memory>

#include "base/worker_pool.h"
#include "query/selection.h"

namespace neurallog::query {

class Lookahead {
 public:
  // Both outlive it.
  Lookahead(base::WorkerPool* helpers, const Selector* selector)
      : helpers_(helpers), selector_(selector) {}
  ~Lookahead() { Clear(); }

  void Schedule(uint32_t block, const TimeRange& range, bool makes_partials);
  size_t size() const { return tasks_.size(); }
  Selection Take();
  // Drops what was scheduled.
  void Clear();

 private:
  struct Task;

  base::WorkerPool* const helpers_;
  const Selector* const selector_;
  std::deque<std::shared_ptr<Task>> tasks_;
};

}  // namespace neurallog::query
