#include "actions/retry_policy.h"

#include <catch2/catch.hpp>

#include "base/clock.h"

namespace neurallog::actions {
namespace {

constexpr int64_t kSecond = base::kNsPerSecond;
constexpr int64_t kHour = 3600 * kSecond;

// When attempts begin that all fail after `took_ns`.
std::vector<int64_t> Starts(const RetryPolicy& policy, int64_t took_ns, double chance) {
  std::vector<int64_t> starts{0};
  Tries so_far;
  int64_t now_ns = 0;
  while (true) {
    ++so_far.tries;
    now_ns += took_ns;
    so_far.elapsed_ns = now_ns;
    bool is_redrive = false;
    const auto delay = policy.Delay(so_far, 0, chance, &is_redrive);
    if (!delay) return starts;
    if (is_redrive) ++so_far.redrives;
    now_ns += *delay;
    starts.push_back(now_ns);
  }
}

RetryPolicy Parse(std::string_view json) {
  return RetryPolicy::Parse(base::ParseJson(json).value()).value();
}

TEST_CASE("an interactive delivery is dead within thirty seconds, however long attempts take") {
  const RetryPolicy policy;
  for (const double chance : {0.0, 0.3, 0.99}) {
    CHECK(Starts(policy, 0, chance).size() == 6);
    for (const int64_t took_ns : {int64_t{0}, kSecond, 5 * kSecond, 10 * kSecond})
      CHECK(Starts(policy, took_ns, chance).back() + took_ns <= 30 * kSecond);
  }
  CHECK(Starts(policy, 0, 0) == std::vector<int64_t>{0, kSecond / 2, 3 * kSecond / 2, 4 * kSecond,
                                                     10 * kSecond, 19 * kSecond});
}

TEST_CASE("a durable delivery is tried for about three days after that") {
  const auto starts = Starts(Parse(R"({"profile":"durable"})"), 0, 0.5);
  REQUIRE(starts.size() == 6 + 8);
  CHECK(starts[6] - starts[5] == 300 * kSecond);
  CHECK(starts.back() > 75 * kHour);
  CHECK(starts.back() < 77 * kHour);
}

TEST_CASE("a custom delivery has as many attempts as it says, further and further apart") {
  const RetryPolicy policy = Parse(
      R"({"profile":"custom","attempts":5,"base":"1s","factor":3,"cap":"10s","jitter":"none"})");
  CHECK(Starts(policy, 0, 0.7) ==
        std::vector<int64_t>{0, kSecond, 4 * kSecond, 13 * kSecond, 23 * kSecond});
  CHECK(Parse(policy.ToJson()).ToJson() == policy.ToJson());
}

TEST_CASE(
    "nothing is tried before the receiver wants it, and an interactive one is given up then") {
  bool is_redrive = false;
  const RetryPolicy soon;
  CHECK(*soon.Delay({1, 0, 0}, 3 * kSecond, 0.5, &is_redrive) == 3 * kSecond);
  CHECK_FALSE(soon.Delay({1, 0, 0}, 60 * kSecond, 0.5, &is_redrive));
  const RetryPolicy durable = Parse(R"({"profile":"durable"})");
  CHECK(*durable.Delay({1, 0, 0}, kHour, 0.5, &is_redrive) == kHour);
  CHECK(is_redrive);
}

TEST_CASE("a retry that makes no sense is refused") {
  for (const char* json :
       {"[]", R"({"profile":"never"})", R"({"attempts":5})", R"({"profile":"durable","cap":"1s"})",
        R"({"profile":"custom","attempts":0})", R"({"profile":"custom","attempts":101})",
        R"({"profile":"custom","base":"0s"})", R"({"profile":"custom","cap":"25h"})",
        R"({"profile":"custom","factor":0.5})", R"({"profile":"custom","jitter":"some"})",
        R"({"profile":"custom","more":1})"})
    CHECK_FALSE(RetryPolicy::Parse(base::ParseJson(json).value()).ok());
}

}  // namespace
}  // namespace neurallog::actions
