// The way of a tenant's durable batches from the committer to the live tails.
//
//   feed.Publish(batch, lsn);                        // committer, for each batch, in log order
//   std::vector<LoggedBatch> batches = feed.Take();  // the hub's thread
//
// While nobody watches, Publish is one atomic load. Else it is a push to a lock-free list: it never
// waits, for nobody. Beyond the bound a batch is not kept but counted (TakeLost).
//
// What a watcher gets: every batch that is appended to the tenant's buffer after Watch returned.
// Publish stands behind the append, so if its load saw no watcher, the batch was in the buffer before
// Watch, and whoever reads the buffer after Watch finds it there. Both are sequentially consistent.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/record_batch.h"

namespace neurallog::tail {

// A batch and its place in the log.
struct LoggedBatch {
  std::shared_ptr<const model::RecordBatch> batch;
  uint64_t lsn = 0;
};

// Wakes the hub's thread. Wake never waits.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void Wake() = 0;
};

// Publish: one thread. Take, TakeLost: one thread. The rest: any.
class Feed {
 public:
  Feed() = default;
  ~Feed() { Free(head_.load()); }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void Publish(const std::shared_ptr<const model::RecordBatch>& batch, uint64_t lsn) {
    if (watchers_.load(std::memory_order_seq_cst) != 0) Push(batch, lsn);
  }

  // `waker` must live as long as anybody publishes, and be the same in every call. At most
  // `bytes_max` bytes of batches wait to be taken.
  void Watch(Waker* waker, size_t bytes_max);
  void Unwatch() { watchers_.fetch_sub(1, std::memory_order_seq_cst); }

  // What was published since the last call, in order.
  std::vector<LoggedBatch> Take();
  // Rows of batches that were not kept, since the last call.
  uint64_t TakeLost() { return lost_rows_.exchange(0, std::memory_order_relaxed); }

  // The tenant is deleted: nothing will come any more.
  void Close() { closed_.store(true, std::memory_order_release); }
  bool closed() const { return closed_.load(std::memory_order_acquire); }

 private:
  struct Node {
    LoggedBatch batch;
    Node* older;
  };
  void Push(const std::shared_ptr<const model::RecordBatch>& batch, uint64_t lsn);
  static void Free(Node* node);

  std::atomic<uint32_t> watchers_{0};
  std::atomic<Waker*> waker_{nullptr};
  std::atomic<size_t> bytes_max_{0};
  std::atomic<bool> closed_{false};
  std::atomic<Node*> head_{nullptr};  // newest first; release by Push, acquire by Take
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> lost_rows_{0};
};

}  // namespace neurallog::tail
