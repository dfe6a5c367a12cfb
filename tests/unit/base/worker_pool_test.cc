#include "base/worker_pool.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <latch>
#include <string>

namespace neurallog::base {
namespace {

TEST_CASE("of sixteen turns the short lane has twelve, the medium three and the long one") {
  using Lane = WorkerPool::Lane;
  std::string order;  // by the one thread, read when it has ended
  WorkerPool pool("test-lanes", 1, 100);
  std::latch filled(1);
  pool.Resubmit([&filled] { filled.wait(); });
  for (int i = 0; i < 32; ++i) {
    pool.Resubmit([&order] { order += 'l'; }, Lane::kLong);
    pool.Resubmit([&order] { order += 'm'; }, Lane::kMedium);
    pool.Resubmit([&order] { order += 's'; });
  }
  CHECK(pool.HasShortWaiting());
  filled.count_down();
  pool.Stop();
  CHECK_FALSE(pool.HasShortWaiting());
  REQUIRE(order.size() == 96);
  const std::string turns = order.substr(0, 32);
  CHECK(std::count(turns.begin(), turns.end(), 's') == 24);
  CHECK(std::count(turns.begin(), turns.end(), 'm') == 6);
  CHECK(std::count(turns.begin(), turns.end(), 'l') == 2);
}

TEST_CASE("a lane that waits alone has all turns") {
  std::string order;
  WorkerPool pool("test-lanes", 1, 100);
  for (int i = 0; i < 20; ++i) pool.Resubmit([&order] { order += 'l'; }, WorkerPool::Lane::kLong);
  pool.Stop();
  CHECK(order == std::string(20, 'l'));
}

}  // namespace
}  // namespace neurallog::base
