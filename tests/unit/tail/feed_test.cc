#include "tail/feed.h"

#include <catch2/catch.hpp>
#include <thread>

#include "support/batch.h"

namespace neurallog::tail {
namespace {

class CountingWaker : public Waker {
 public:
  void Wake() override { ++wakes; }
  std::atomic<int> wakes{0};
};

std::shared_ptr<const model::RecordBatch> OneRow() { return testing::MakeBatch(0, 1); }

TEST_CASE("a feed keeps nothing while nobody watches") {
  Feed feed;
  CountingWaker waker;
  feed.Publish(OneRow(), 1);
  feed.Watch(&waker, 1 << 20);
  feed.Publish(OneRow(), 2);
  feed.Publish(OneRow(), 3);
  feed.Unwatch();
  feed.Publish(OneRow(), 4);
  const auto batches = feed.Take();
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].lsn == 2);
  CHECK(batches[1].lsn == 3);
  CHECK(waker.wakes == 2);
  CHECK(feed.Take().empty());
}

TEST_CASE("beyond its bound a feed counts the rows that it does not keep") {
  Feed feed;
  CountingWaker waker;
  feed.Watch(&waker, 1);
  for (uint64_t lsn = 1; lsn <= 5; ++lsn) feed.Publish(OneRow(), lsn);
  CHECK(feed.Take().size() == 1);
  CHECK(feed.TakeLost() == 4);
  CHECK(feed.TakeLost() == 0);
  feed.Publish(OneRow(), 6);
  CHECK(feed.Take().size() == 1);
}

TEST_CASE("batches come out in order and once while they are published") {
  constexpr uint64_t kBatches = 20'000;
  Feed feed;
  CountingWaker waker;
  feed.Watch(&waker, SIZE_MAX);
  const auto batch = OneRow();
  std::thread publisher([&] {
    for (uint64_t lsn = 1; lsn <= kBatches; ++lsn) feed.Publish(batch, lsn);
  });
  uint64_t last = 0;
  bool in_order = true;
  while (last < kBatches)
    for (const LoggedBatch& logged : feed.Take()) in_order = in_order && logged.lsn == ++last;
  publisher.join();
  CHECK(in_order);
}

}  // namespace
}  // namespace neurallog::tail
