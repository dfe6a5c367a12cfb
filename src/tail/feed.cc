#include "tail/feed.h"

#include <algorithm>

namespace neurallog::tail {

void Feed::Watch(Waker* waker, size_t bytes_max) {
  waker_.store(waker, std::memory_order_relaxed);
  bytes_max_.store(bytes_max, std::memory_order_relaxed);
  watchers_.fetch_add(1, std::memory_order_seq_cst);
}

void Feed::Push(const std::shared_ptr<const model::RecordBatch>& batch, uint64_t lsn) {
  const size_t bytes = batch->memory_bytes();
  const size_t waiting = bytes_.load(std::memory_order_relaxed);
  if (waiting > 0 && waiting + bytes > bytes_max_.load(std::memory_order_relaxed)) {
    lost_rows_.fetch_add(batch->rows(), std::memory_order_relaxed);
    return;
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  Node* const node = new Node{{batch, lsn}, head_.load(std::memory_order_relaxed)};
  while (!head_.compare_exchange_weak(node->older, node, std::memory_order_release,
                                      std::memory_order_relaxed)) {
  }
  waker_.load(std::memory_order_relaxed)->Wake();
}

std::vector<LoggedBatch> Feed::Take() {
  Node* const newest = head_.exchange(nullptr, std::memory_order_acquire);
  std::vector<LoggedBatch> batches;
  size_t bytes = 0;
  for (Node* node = newest; node != nullptr; node = node->older) {
    bytes += node->batch.batch->memory_bytes();
    batches.push_back(std::move(node->batch));
  }
  Free(newest);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  std::reverse(batches.begin(), batches.end());
  return batches;
}

void Feed::Free(Node* node) {
  while (node != nullptr) {
    Node* const older = node->older;
    delete node;
    node = older;
  }
}

}  // namespace neurallog::tail
