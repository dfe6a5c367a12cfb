#include "api/backtest_jobs.h"

#include <algorithm>

#include "api/api.h"
#include "base/log.h"

namespace neurallog::api {
namespace {

constexpr int64_t kJobSliceNs = 5'000'000;
constexpr size_t kJobStepBytes = 128 << 10;  // no bytes are produced

}  // namespace

std::string_view StateName(BacktestJob::State state) {
  switch (state) {
    case BacktestJob::State::kQueued: return "queued";
    case BacktestJob::State::kRunning: return "running";
    case BacktestJob::State::kDone: return "done";
    case BacktestJob::State::kFailed: return "failed";
    case BacktestJob::State::kCancelled: return "cancelled";
  }
  return "";
}

BacktestJob::BacktestJob(Api* api, uint64_t number, WantedBacktest wanted)
    : id(number),
      tenant(wanted.log->id()),
      key_id(std::move(wanted.key_id)),
      created_ns(api->engine().clock().WallNs()),
      options(wanted.options),
      api_(*api),
      log_(wanted.log),
      backtest_(tenant, std::move(wanted.rules), wanted.options, &api->engine().clock()) {}

void BacktestJob::Enter(std::function<void()> on_end) {
  on_end_ = std::move(on_end);
  ++api_.metrics().backtests_running;
  Submit();
}

void BacktestJob::Submit() {
  api_.workers().Resubmit([self = shared_from_this()] { self->Turn(); },
                          base::WorkerPool::Lane::kLong);
}

// Whoever goes on with the job owns it: nothing here is touched after the last line.
void BacktestJob::Turn() {
  const Result<bool> more = Step();
  if (more.ok() && *more) return Submit();
  if (more.ok()) backtest_.Finish();
  End(more.status());
}

Result<bool> BacktestJob::Step() {
  if (cancelled_) return Cancelled("the backtest was cancelled");
  if (!execution_) NL_RETURN_IF_ERROR(Begin());
  std::string nothing;
  NL_TRY(const bool more, execution_->Next(kJobStepBytes, &nothing));
  CountEffort();
  base::MutexLock lock(mutex_);
  view_.rows_scanned = execution_->stats().rows_scanned;
  view_.blocks_damaged = execution_->stats().blocks_damaged;
  return more;
}

Result<query::Execution> BacktestJob::MakeExecution() {
  NL_TRY(query::Query query, detection::BacktestQuery(backtest_.rules()));
  query::ExecuteOptions to_run;
  to_run.range = options.range;
  to_run.visible.start_ns = api_.engine().ExpiryOf(*log_);
  to_run.newest_first = false;
  to_run.in_order = true;
  to_run.visitor = &backtest_;
  to_run.cancelled = &cancelled_;
  to_run.slice_ns = kJobSliceNs;
  to_run.clock = &api_.engine().clock();
  to_run.bytes_scanned_max = api_.options().query_scan_bytes_max;
  to_run.memory_bytes_max = api_.options().query_memory_bytes_max;
  to_run.memory_pool = &api_.options().query_memory_pool;
  const TimeRange range = query.BlocksRange(to_run.range, to_run.visible);
  NL_TRY(auto blocks, api_.engine().Snapshot(log_, range));
  return query::Execution(std::move(query), std::move(blocks), to_run);
}

void BacktestJob::CountEffort() {
  const auto effort = backtest_.effort();
  api_.metrics().backtest_rows.Add(effort.first - counted_.first);
  api_.metrics().backtest_ns += effort.second - counted_.second;
  counted_ = effort;
}

Status BacktestJob::Begin() {
  NL_TRY(query::Execution to_plan, MakeExecution());
  const uint64_t rows = to_plan.Plan().rows_left;
  NL_TRY(query::Execution to_run, MakeExecution());
  execution_.emplace(std::move(to_run));
  base::MutexLock lock(mutex_);
  view_.state = State::kRunning;
  view_.rows_total = rows;
  return {};
}

void BacktestJob::End(const Status& status) {
  execution_.reset();
  CountEffort();
  --api_.metrics().backtests_running;
  const size_t end = status.ok() ? 0 : cancelled_ ? 2 : 1;  // kBacktestEnds
  api_.metrics().backtests[end]->Add();
  if (!status.ok() && !cancelled_)
    base::LogError("a backtest failed", {{"id", std::to_string(id)}, {"error", status.ToString()}});
  {
    base::MutexLock lock(mutex_);
    view_.state = status.ok() ? State::kDone : cancelled_ ? State::kCancelled : State::kFailed;
    view_.error = status.ok() ? "" : std::string(status.message());
    view_.ended_ns = api_.engine().clock().WallNs();
  }
  on_end_();
}

BacktestJob::View BacktestJob::Show() const {
  View view;
  {
    base::MutexLock lock(mutex_);
    view = view_;
  }
  view.report = backtest_.Report();
  return view;
}

bool BacktestJob::has_ended() const {
  base::MutexLock lock(mutex_);
  return view_.ended_ns != 0;
}

Result<std::shared_ptr<const BacktestJob>> BacktestJobs::Start(WantedBacktest wanted) {
  std::shared_ptr<BacktestJob> job;
  const TenantId tenant = wanted.log->id();
  {
    base::MutexLock lock(mutex_);
    job = std::make_shared<BacktestJob>(api_, next_id_++, std::move(wanted));
    MakeRoom(tenant);
    jobs_.push_back(job);
  }
  GateLimits limits;
  limits.running_max = kRunningMax;
  limits.tenant_running_max = 1;
  limits.waiting_max = kWaitingMax;
  limits.tenant_waiting_max = kTenantWaitingMax;
  const Status entered = gate_.Enter(tenant, limits, [this, job] {
    job->Enter([this, tenant = job->tenant] { gate_.Leave(tenant); });
  });
  if (entered.ok()) return std::shared_ptr<const BacktestJob>(std::move(job));
  Remove(tenant, std::to_string(job->id));
  return ResourceExhausted("too many backtests wait for others to end");
}

// Jobs that have not ended are bounded by the gate, below what is kept.
void BacktestJobs::MakeRoom(TenantId tenant) {
  const auto drop_oldest = [&](const auto& counts, size_t max) NL_REQUIRES(mutex_) {
    const auto count = static_cast<size_t>(std::count_if(jobs_.begin(), jobs_.end(), counts));
    if (count < max) return;
    const auto oldest = std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& job) {
      return counts(job) && job->has_ended();
    });
    if (oldest != jobs_.end()) jobs_.erase(oldest);
  };
  drop_oldest([&](const auto& job) { return job->tenant == tenant; }, kTenantKeptMax);
  drop_oldest([](const auto&) { return true; }, kKeptMax);
}

std::shared_ptr<const BacktestJob> BacktestJobs::Find(TenantId tenant, std::string_view id) const {
  base::MutexLock lock(mutex_);
  for (const auto& job : jobs_)
    if (job->tenant == tenant && std::to_string(job->id) == id) return job;
  return nullptr;
}

std::vector<std::shared_ptr<const BacktestJob>> BacktestJobs::List(TenantId tenant) const {
  base::MutexLock lock(mutex_);
  std::vector<std::shared_ptr<const BacktestJob>> found;
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job)
    if ((*job)->tenant == tenant) found.push_back(*job);
  return found;
}

bool BacktestJobs::Remove(TenantId tenant, std::string_view id) {
  base::MutexLock lock(mutex_);
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& job) {
    return job->tenant == tenant && std::to_string(job->id) == id;
  });
  if (found == jobs_.end()) return false;
  (*found)->Cancel();
  jobs_.erase(found);
  return true;
}

void BacktestJobs::Stop() {
  base::MutexLock lock(mutex_);
  for (const auto& job : jobs_) job->Cancel();
  jobs_.clear();
}

}  // namespace neurallog::api
