#include "detection/change_line.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

namespace neurallog::detection {
namespace {

constexpr TenantId kTenant{1};
constexpr TenantId kOther{2};

TEST_CASE("changes that wait together are made together, and each has its own answer") {
  std::promise<void> go;
  std::shared_future<void> may_go = go.get_future().share();
  std::vector<size_t> sizes;
  ChangeLine line([&](TenantId, const std::vector<Change*>& changes) {
    may_go.wait();
    sizes.push_back(changes.size());
    for (Change* change : changes) change->status = change->edit(nullptr);
  });
  line.Start();
  std::atomic<size_t> right{0}, submitted{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      Change change;
      change.edit = [i](Draft*) { return i % 2 == 0 ? Status() : NotFound("odd"); };
      ++submitted;
      right += line.Submit(kTenant, &change).ok() == (i % 2 == 0);
    });
  }
  while (submitted < 8) std::this_thread::yield();
  go.set_value();
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 8);
  size_t made = 0;
  for (const size_t size : sizes) made += size;
  CHECK(made == 8);
  CHECK(sizes.size() <= 8);
}

TEST_CASE("a tenant that waits has one turn, and tenants take turns") {
  std::promise<void> go;
  std::vector<TenantId> turns;
  ChangeLine line([&](TenantId tenant, const std::vector<Change*>& changes) {
    if (turns.empty()) go.get_future().wait();
    CHECK(changes.empty());
    turns.push_back(tenant);
  });
  line.Start();
  line.Post(TenantId{9});
  for (int i = 0; i < 100; ++i) line.Post(i % 2 == 0 ? kTenant : kOther);
  go.set_value();
  line.Stop();
  CHECK(turns.front() == (turns.size() == 3 ? TenantId{9} : kTenant));
  CHECK(turns.size() <= 4);
  CHECK(std::count(turns.begin(), turns.end(), kOther) == 1);
}

TEST_CASE("a line that is not open refuses changes") {
  ChangeLine line([](TenantId, const std::vector<Change*>&) {});
  Change change;
  CHECK(line.Submit(kTenant, &change).code() == Code::kUnavailable);
  line.Start();
  line.Stop();
  CHECK(line.Submit(kTenant, &change).code() == Code::kUnavailable);
}

}  // namespace
}  // namespace neurallog::detection
