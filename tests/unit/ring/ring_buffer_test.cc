#include "ring/ring_buffer.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "ring/event_processor.h"

namespace neurallog::ring {
namespace {

struct Event {
  int producer = -1;
  int64_t number = -1;
};

TEST_CASE("a full ring refuses a claim until the gating sequence moves") {
  RingBuffer<Event> ring(4, WaitStrategyKind::kPark);
  Sequence gating;
  ring.SetGatingSequence(&gating);
  int64_t sequence = -1;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(ring.TryClaim(&sequence));
    CHECK(sequence == i);
    ring.Publish(sequence);
  }
  CHECK_FALSE(ring.TryClaim(&sequence));
  CHECK(ring.occupancy() == 4);
  gating.Set(0);
  REQUIRE(ring.TryClaim(&sequence));
  CHECK(sequence == 4);
  CHECK_FALSE(ring.TryClaim(&sequence));
}

TEST_CASE("a consumer sees only the gapless run of published sequences") {
  RingBuffer<Event> ring(8, WaitStrategyKind::kPark);
  Sequence gating;
  ring.SetGatingSequence(&gating);
  int64_t first = -1, second = -1, third = -1;
  REQUIRE((ring.TryClaim(&first) && ring.TryClaim(&second) && ring.TryClaim(&third)));
  ring.Publish(third);
  ring.Publish(second);
  CHECK(ring.HighestPublished(0) == -1);
  ring.Publish(first);
  CHECK(ring.HighestPublished(0) == 2);
}

TEST_CASE("a slot of the turn before is not taken for a published one") {
  RingBuffer<Event> ring(2, WaitStrategyKind::kPark);
  Sequence gating;
  ring.SetGatingSequence(&gating);
  int64_t sequence = -1;
  for (int i = 0; i < 2; ++i) {
    REQUIRE(ring.TryClaim(&sequence));
    ring.Publish(sequence);
  }
  gating.Set(1);
  REQUIRE(ring.TryClaim(&sequence));
  CHECK(ring.HighestPublished(2) == 1);
  ring.Publish(sequence);
  CHECK(ring.HighestPublished(2) == 2);
}

struct Collector {
  std::vector<std::vector<int64_t>> of_producer;
  int64_t OnBatch(RingBuffer<Event>& ring, int64_t first, int64_t last) {
    for (int64_t sequence = first; sequence <= last; ++sequence)
      of_producer[static_cast<size_t>(ring[sequence].producer)].push_back(ring[sequence].number);
    return last;
  }
};

TEST_CASE("every event of every producer arrives once and in its producer's order") {
  constexpr int kProducers = 3;
  constexpr int64_t kEvents = 20'000;
  const auto wait = GENERATE(WaitStrategyKind::kPark, WaitStrategyKind::kYield);
  RingBuffer<Event> ring(64, wait);
  Collector collector;
  collector.of_producer.resize(kProducers);
  EventProcessor<Event, Collector> processor(&ring, &collector);
  processor.Start("test-consumer");
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&ring, producer] {
      for (int64_t number = 0; number < kEvents; ++number) {
        int64_t sequence = -1;
        while (!ring.TryClaim(&sequence)) std::this_thread::yield();
        ring[sequence] = {producer, number};
        ring.Publish(sequence);
      }
    });
  }
  for (std::thread& thread : producers) thread.join();
  processor.Stop();
  for (const std::vector<int64_t>& numbers : collector.of_producer) {
    REQUIRE(numbers.size() == kEvents);
    for (int64_t i = 0; i < kEvents; ++i) REQUIRE(numbers[static_cast<size_t>(i)] == i);
  }
}

TEST_CASE("stopping a processor handles what was published before") {
  RingBuffer<Event> ring(16, WaitStrategyKind::kPark);
  Collector collector;
  collector.of_producer.resize(1);
  EventProcessor<Event, Collector> processor(&ring, &collector);
  int64_t sequence = -1;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(ring.TryClaim(&sequence));
    ring[sequence] = {0, i};
    ring.Publish(sequence);
  }
  processor.Start("test-consumer");
  processor.Stop();
  CHECK(collector.of_producer[0] == std::vector<int64_t>{0, 1, 2, 3, 4});
}

}  // namespace
}  // namespace neurallog::ring
