#include "actions/lane.h"

#include <catch2/catch.hpp>

namespace neurallog::actions {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class LaneFixture {
 public:
  LaneFixture() { SetPace({}); }
  void SetPace(const Pace& pace) {
    auto action = std::make_shared<Action>();
    action->pace = pace;
    lane_.SetAction(std::move(action));
  }
  void Push(int64_t n, int64_t due_ns = 0, uint64_t group = 0) {
    lane_.Push({{n, 0}, due_ns, 0, group});
  }
  // The numbers of those that may go now.
  std::vector<int64_t> Take(int64_t now_ns) {
    std::vector<int64_t> numbers;
    while (const auto next = lane_.Take(now_ns)) {
      numbers.push_back(next->id.time_ns);
      flying_.push_back(*next);
    }
    return numbers;
  }
  void End(Lane::End end, int64_t now_ns) {
    lane_.Done(flying_.front(), end, now_ns);
    flying_.erase(flying_.begin());
  }

 protected:
  using Numbers = std::vector<int64_t>;
  Lane lane_;
  std::vector<Waiting> flying_;
};

TEST_CASE_METHOD(LaneFixture, "deliveries go in the order in which they are due") {
  Push(1, 30);
  Push(2, 10);
  Push(3, 20);
  CHECK(Take(5).empty());
  CHECK(lane_.NextNs(5) == 10);
  CHECK(Take(20) == Numbers{2, 3});
  CHECK(Take(40) == Numbers{1});
  CHECK(lane_.in_flight() == 3);
}

TEST_CASE_METHOD(LaneFixture, "at most so many are made at a time") {
  SetPace({.concurrency = 2});
  for (int n = 1; n <= 4; ++n) Push(n);
  CHECK(Take(0) == Numbers{1, 2});
  CHECK(lane_.NextNs(0) == INT64_MAX);
  End(Lane::End::kDelivered, 0);
  CHECK(Take(0) == Numbers{3});
}

TEST_CASE_METHOD(LaneFixture, "a rate is kept, with a burst at the beginning") {
  SetPace({.per_second = 2, .burst = 3, .concurrency = 100});
  for (int n = 1; n <= 10; ++n) Push(n);
  CHECK(Take(0) == Numbers{1, 2, 3});
  CHECK(lane_.NextNs(0) > 0);
  CHECK(Take(kSecond / 4).empty());
  CHECK(Take(kSecond / 2 + 1) == Numbers{4});
  CHECK(Take(10 * kSecond) == Numbers{5, 6, 7});
}

TEST_CASE_METHOD(LaneFixture, "a receiver that fails is left alone, then one is tried") {
  SetPace({.breaker_failures = 2, .breaker_open_ns = 5 * kSecond, .concurrency = 10});
  Push(1);
  Push(2);
  CHECK(Take(0) == Numbers{1, 2});
  for (int i = 0; i < 2; ++i) {
    lane_.Failed(kSecond);
    End(Lane::End::kDead, kSecond);
  }
  CHECK(lane_.breaker() == Lane::Breaker::kOpen);
  Push(3);
  Push(4);
  CHECK(Take(kSecond).empty());
  CHECK(lane_.NextNs(kSecond) == 6 * kSecond);
  CHECK(Take(6 * kSecond) == Numbers{3});
  lane_.Failed(6 * kSecond);
  End(Lane::End::kDead, 6 * kSecond);
  CHECK(Take(7 * kSecond).empty());
  CHECK(Take(11 * kSecond) == Numbers{4});
  lane_.Succeeded();
  End(Lane::End::kDelivered, 11 * kSecond);
  CHECK(lane_.breaker() == Lane::Breaker::kClosed);
  CHECK(lane_.failing_since_ns() == 0);
}

TEST_CASE_METHOD(LaneFixture,
                 "what waits too long for a receiver that cannot be reached is given up") {
  SetPace({.breaker_failures = 1, .breaker_open_ns = 100 * kSecond});
  Push(1);
  CHECK(Take(0) == Numbers{1});
  lane_.Failed(kSecond);
  Push(2);
  Push(3, 20 * kSecond);
  CHECK(lane_.TakeImpatient(20 * kSecond, 28 * kSecond, 10).empty());
  const auto taken = lane_.TakeImpatient(29 * kSecond, 28 * kSecond, 10);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].id.time_ns == 2);
  CHECK(lane_.TakeImpatient(48 * kSecond, 28 * kSecond, 10).size() == 1);
}

TEST_CASE_METHOD(LaneFixture,
                 "a receiver that only refuses is not left alone, but counts as failing") {
  SetPace({.breaker_failures = 1});
  Push(1);
  Take(0);
  lane_.Refused(kSecond);
  lane_.Refused(2 * kSecond);
  CHECK(lane_.breaker() == Lane::Breaker::kClosed);
  CHECK(lane_.failing_since_ns() == kSecond);
}

TEST_CASE_METHOD(LaneFixture,
                 "those of a group go one after the other, also when one is tried again") {
  Push(1, 0, 7);
  Push(2, 0, 7);
  Push(3, 0, 8);
  Push(4, 0, 7);
  CHECK(Take(0) == Numbers{1, 3});
  lane_.Done(flying_[0], Lane::End::kRetry, 0);
  Push(1, 50, 7);
  CHECK(Take(0).empty());
  CHECK(lane_.waiting() == 3);
  flying_.clear();
  CHECK(Take(50) == Numbers{1});
  End(Lane::End::kDelivered, 50);
  CHECK(Take(50) == Numbers{2});
  End(Lane::End::kDead, 50);
  CHECK(Take(50) == Numbers{4});
}

TEST_CASE_METHOD(LaneFixture, "nothing goes while the receiver asks to be left alone") {
  Push(1);
  lane_.PauseUntil(5 * kSecond);
  CHECK(Take(4 * kSecond).empty());
  CHECK(lane_.NextNs(0) == 5 * kSecond);
  CHECK(Take(5 * kSecond) == Numbers{1});
}

}  // namespace
}  // namespace neurallog::actions
