#include "detection/queue.h"

#include <algorithm>
#include <chrono>

namespace neurallog::detection {

void Queue::Publish(QueuedBatch batch) {
  rows_published_.fetch_add(batch.batch->rows(), std::memory_order_relaxed);
  if (lost_from_.load() != 0) return;
  const size_t bytes = batch.batch->memory_bytes();
  const size_t waiting = bytes_.load(std::memory_order_relaxed);
  if (waiting > 0 && waiting + bytes > bytes_max_) {
    lost_from_.store(batch.lsn);
    return Wake();
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  Node* const node = new Node{std::move(batch), head_.load(std::memory_order_relaxed)};
  while (!head_.compare_exchange_weak(node->older, node, std::memory_order_release,
                                      std::memory_order_relaxed)) {
  }
  Wake();
}

// What stands before a loss was pushed before the loss was noted.
Queue::Taken Queue::Take() {
  Taken taken;
  Drain(&taken.batches);
  taken.lost_from = lost_from_.load();
  if (taken.lost_from != 0) Drain(&taken.batches);
  return taken;
}

void Queue::Drain(std::vector<QueuedBatch>* batches) {
  Node* const newest = head_.exchange(nullptr, std::memory_order_acquire);
  const auto first = static_cast<ptrdiff_t>(batches->size());
  size_t bytes = 0;
  for (Node* node = newest; node != nullptr; node = node->older) {
    bytes += node->batch.batch->memory_bytes();
    batches->push_back(std::move(node->batch));
  }
  Free(newest);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  std::reverse(batches->begin() + first, batches->end());
}

void Queue::Sleep(int64_t ns) {
  if (wake_.try_acquire_for(std::chrono::nanoseconds(ns))) awake_.store(false);
}

void Queue::Wake() {
  if (!awake_.exchange(true)) wake_.release();
}

void Queue::Free(Node* node) {
  while (node != nullptr) {
    Node* const older = node->older;
    delete node;
    node = older;
  }
}

}  // namespace neurallog::detection
