#include "detection/change_line.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <utility>

namespace neurallog::detection {
namespace {

constexpr TenantId kTenant{1};
constexpr TenantId kOther{2};

Change OddIsWrong(size_t i, std::function<void(const Status&)> done) {
  Change change;
  change.edit = [i](Draft*) { return i % 2 == 0 ? Status() : NotFound("odd"); };
  change.done = std::move(done);
  return change;
}

TEST_CASE("changes that come while one is made are made together, and each has its own answer") {
  std::promise<void> begun, go;
  std::vector<size_t> sizes;
  ChangeLine line([&](TenantId, const std::vector<Change*>& changes) {
    if (sizes.empty()) {
      begun.set_value();
      go.get_future().wait();
    }
    sizes.push_back(changes.size());
    for (Change* change : changes) change->status = change->edit(nullptr);
  });
  line.Start();
  std::vector<Code> told(9, Code::kInternal);
  const auto submit = [&](size_t i) {
    line.Submit(kTenant,
                OddIsWrong(i, [&told, i](const Status& status) { told[i] = status.code(); }));
  };
  submit(0);
  begun.get_future().wait();
  for (size_t i = 1; i < told.size(); ++i) submit(i);
  go.set_value();
  line.Stop();
  CHECK(sizes == std::vector<size_t>{1, 8});
  for (size_t i = 0; i < told.size(); ++i)
    CHECK(told[i] == (i % 2 == 0 ? Code::kOk : Code::kNotFound));
}

TEST_CASE("so many changes wait, and further ones are refused") {
  std::promise<void> begun, go;
  bool is_first = true;
  ChangeLine line([&](TenantId, const std::vector<Change*>&) {
    if (!std::exchange(is_first, false)) return;
    begun.set_value();
    go.get_future().wait();
  });
  line.Start();
  std::atomic<size_t> made{0}, refused{0};
  const auto submit = [&] {
    line.Submit(kTenant,
                OddIsWrong(0, [&](const Status& status) { ++(status.ok() ? made : refused); }));
  };
  submit();
  begun.get_future().wait();
  for (size_t i = 0; i < ChangeLine::kWaitingMax + 3; ++i) submit();
  CHECK(refused == 3);
  go.set_value();
  line.Stop();
  CHECK(made == ChangeLine::kWaitingMax + 1);
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
  Code told = Code::kOk;
  const auto submit = [&] {
    line.Submit(kTenant, OddIsWrong(0, [&](const Status& status) { told = status.code(); }));
    return std::exchange(told, Code::kOk);
  };
  CHECK(submit() == Code::kUnavailable);
  line.Start();
  line.Stop();
  CHECK(submit() == Code::kUnavailable);
}

}  // namespace
}  // namespace neurallog::detection
