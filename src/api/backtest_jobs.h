// Backtests of rules that wait, run, or have ended: resources that live until they are deleted, the server stops, or newer
// ones need their place.
//
//   NL_TRY(std::shared_ptr<const BacktestJob> job, jobs.Start(std::move(wanted)));
//   ... jobs.Find(tenant, job->id)->Show() ...
//
// A few run at once, of different tenants, the others wait; tenants take turns. A job works in slices on the worker pool,
// in the lane of long work, so that queries go first.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/query_gate.h"
#include "base/mutex.h"
#include "detection/backtest.h"
#include "ingest/tenant_log.h"
#include "query/execution.h"

namespace neurallog::api {

class Api;

struct WantedBacktest {
  ingest::TenantLog* log = nullptr;
  std::string key_id;  // whose key asked; empty: none was needed
  detection::BacktestRules rules;
  detection::BacktestOptions options;
};

// Thread-safe; its turns are taken one after the other.
class BacktestJob : public std::enable_shared_from_this<BacktestJob> {
 public:
  enum class State : uint8_t { kQueued, kRunning, kDone, kFailed, kCancelled };

  BacktestJob(Api* api, uint64_t id, WantedBacktest wanted);

  // The gate has let it in; on_end is called once, when it leaves.
  void Enter(std::function<void()> on_end);
  void Cancel() { cancelled_ = true; }

  struct View {
    State state = State::kQueued;
    std::string error;  // of kFailed
    int64_t ended_ns = 0;
    uint64_t rows_total = 0;    // of the blocks that are to be read, and ...
    uint64_t rows_scanned = 0;  // ... of those that have been
    uint64_t blocks_damaged = 0;
    detection::BacktestReport report;
  };
  View Show() const;
  bool has_ended() const;

  // Constant.
  const uint64_t id;
  const TenantId tenant;
  const std::string key_id;
  const int64_t created_ns;
  const detection::BacktestOptions options;

 private:
  void Submit();
  void Turn();
  // True: there is more to do.
  Result<bool> Step();
  Result<query::Execution> MakeExecution();
  Status Begin();
  void End(const Status& status);
  // Adds to the metrics what was done since the last time.
  void CountEffort();

  Api& api_;
  ingest::TenantLog* const log_;
  std::function<void()> on_end_;
  std::atomic<bool> cancelled_{false};
  detection::Backtest backtest_;
  std::optional<query::Execution>
      execution_;  // owned by whoever has the turn, as the next; none: not begun, or over
  std::pair<uint64_t, int64_t> counted_;

  mutable base::Mutex mutex_;
  View view_ NL_GUARDED_BY(mutex_);  // without the report
};
std::string_view StateName(BacktestJob::State state);

// Thread-safe.
class BacktestJobs {
 public:
  static constexpr int kRunningMax = 2;  // of these one per tenant
  static constexpr size_t kWaitingMax = 64;
  static constexpr size_t kTenantWaitingMax = 8;
  static constexpr size_t kTenantKeptMax = 20;  // jobs of a tenant; the oldest that has ended goes
  static constexpr size_t kKeptMax = 100;       // of all

  explicit BacktestJobs(Api* api) : api_(api) {}

  // ResourceExhausted when too many wait.
  Result<std::shared_ptr<const BacktestJob>> Start(WantedBacktest wanted);
  // Null: the tenant has no such job.
  std::shared_ptr<const BacktestJob> Find(TenantId tenant, std::string_view id) const;
  // Newest first.
  std::vector<std::shared_ptr<const BacktestJob>> List(TenantId tenant) const;
  // Ends the job, if it runs, and forgets it. False: there is none.
  bool Remove(TenantId tenant, std::string_view id);
  // Ends and forgets all.
  void Stop();

 private:
  void MakeRoom(TenantId tenant) NL_REQUIRES(mutex_);

  Api* const api_;
  QueryGate gate_;
  mutable base::Mutex mutex_;
  std::deque<std::shared_ptr<BacktestJob>> jobs_ NL_GUARDED_BY(mutex_);  // oldest first
  uint64_t next_id_ NL_GUARDED_BY(mutex_) = 1;
};

}  // namespace neurallog::api
