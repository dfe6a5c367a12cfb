#include "detection/queue.h"

#include <catch2/catch.hpp>
#include <thread>

#include "support/batch.h"

namespace neurallog::detection {
namespace {

QueuedBatch Batch(uint64_t lsn) {
  return {TenantId{1}, lsn, 0, testing::MakeBatch(static_cast<int64_t>(lsn), 1)};
}

TEST_CASE("the queue gives batches in the order of their publication") {
  Queue queue(1 << 20);
  for (uint64_t lsn = 1; lsn <= 3; ++lsn) queue.Publish(Batch(lsn));
  const Queue::Taken taken = queue.Take();
  REQUIRE(taken.batches.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(taken.batches[i].lsn == i + 1);
  CHECK(taken.lost_from == 0);
  CHECK(queue.bytes() == 0);
}

TEST_CASE("from the bound on nothing is kept until the queue is reopened") {
  Queue queue(Batch(1).batch->memory_bytes() * 2);
  for (uint64_t lsn = 1; lsn <= 4; ++lsn) queue.Publish(Batch(lsn));
  Queue::Taken taken = queue.Take();
  CHECK(taken.batches.size() == 2);
  CHECK(taken.lost_from == 3);
  queue.Publish(Batch(5));
  CHECK(queue.Take().batches.empty());
  queue.Reopen();
  queue.Publish(Batch(6));
  taken = queue.Take();
  REQUIRE(taken.batches.size() == 1);
  CHECK(taken.batches[0].lsn == 6);
  CHECK(taken.lost_from == 0);
}

TEST_CASE("a batch larger than the bound is kept when none waits") {
  Queue queue(1);
  queue.Publish(Batch(1));
  CHECK(queue.Take().batches.size() == 1);
}

TEST_CASE("what is taken while others publish is everything up to a loss") {
  constexpr uint64_t kBatches = 20'000;
  Queue queue(Batch(1).batch->memory_bytes() * 50);
  std::thread publisher([&] {
    for (uint64_t lsn = 1; lsn <= kBatches; ++lsn) queue.Publish(Batch(lsn));
  });
  uint64_t passed = 0;
  bool is_gapless = true;
  while (passed < kBatches) {
    const Queue::Taken taken = queue.Take();
    for (const QueuedBatch& batch : taken.batches) {
      is_gapless = is_gapless && batch.lsn == passed + 1;
      passed = batch.lsn;
    }
    if (taken.lost_from == 0) continue;
    is_gapless = is_gapless && taken.lost_from == passed + 1;
    queue.Reopen();
    const Queue::Taken next =
        queue.Take();  // behind the loss, which a reader of the log would fill
    passed = next.batches.empty() ? kBatches : next.batches.back().lsn;
    if (next.lost_from != 0) queue.Reopen();
  }
  publisher.join();
  CHECK(is_gapless);
}

}  // namespace
}  // namespace neurallog::detection
