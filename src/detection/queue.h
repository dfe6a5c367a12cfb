// The way of durable batches from the committer to the rule stage.
//
//   queue.Publish({tenant, lsn, written_ns, batch});   // committer, in log order
//   Queue::Taken taken = queue.Take();             // the stage's thread
//
// Publish never waits: it is a push to a lock-free list, and a wake when the stage sleeps. At the
// bound a batch is not kept, and none after it until Reopen: the stage reads them from the
// write-ahead log, from Taken::lost_from on. So a slow stage costs bounded memory and no intake.
//
// Publish: one thread. Take, Reopen, Sleep: one thread. The rest: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <vector>

#include "model/record_batch.h"
#include "neurallog/log_record.h"

namespace neurallog::detection {

struct QueuedBatch {
  TenantId tenant{};
  uint64_t lsn = 0;
  int64_t written_ns = 0;  // wall: when it was written to the log
  std::shared_ptr<const model::RecordBatch> batch;
};

class Queue {
 public:
  // At most `bytes_max` bytes of batches wait, and at least one batch.
  explicit Queue(size_t bytes_max) : bytes_max_(bytes_max) {}
  ~Queue() { Free(head_.load()); }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void Publish(QueuedBatch batch);

  struct Taken {
    std::vector<QueuedBatch> batches;  // every batch that was published since, in order, ...
    uint64_t lost_from = 0;            // ... up to this LSN, where batches were lost; 0: none were
  };
  Taken Take();
  // From now on batches are kept again. Those that were lost are durable already.
  void Reopen() { lost_from_.store(0); }

  // Returns when something was published, Wake was called, or the time is over.
  void Sleep(int64_t ns);
  void Wake();

  uint64_t rows_published() const { return rows_published_.load(std::memory_order_relaxed); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Node {
    QueuedBatch batch;
    Node* older;
  };
  void Drain(std::vector<QueuedBatch>* batches);
  static void Free(Node* node);

  const size_t bytes_max_;
  std::atomic<Node*> head_{nullptr};  // newest first
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> lost_from_{0};
  std::atomic<uint64_t> rows_published_{0};
  std::atomic<bool> awake_{false};  // Wake was called and nobody has looked yet
  std::counting_semaphore<> wake_{0};
};

}  // namespace neurallog::detection
