#include "detection/stage.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/thread.h"

namespace neurallog::detection {
namespace {

constexpr int64_t kIdleNs = 200 * base::kNsPerMs;
constexpr int64_t kGatherNs = base::kNsPerMs;  // after a round, so that the next one is larger
constexpr int64_t kRetryNs = 500 * base::kNsPerMs;
constexpr int64_t kExpireNs = 60 * base::kNsPerSecond;
constexpr size_t kReadBytes = 4u << 20;
constexpr size_t kPendingBytesMax = 1u << 20;

void Pause(int64_t ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(ns)); }

storage::LogPosition Behind(uint64_t lsn) { return {lsn + 1, 0}; }

}  // namespace

Stage::Stage(MatchStore* matches, Queue* queue, Load load, const base::Clock* clock,
             StageMetrics* metrics)
    : matches_(matches), queue_(queue), load_(std::move(load)), clock_(clock), metrics_(metrics) {}

void Stage::Start(StageHost host, const std::vector<TenantId>& tenants,
                  storage::LogPosition position) {
  host_ = std::move(host);
  const storage::LogPosition end = Behind(host_.durable_lsn());
  const bool is_new = tenants.empty() || position == storage::LogPosition{};
  position_ = is_new ? end : std::min(position, end);
  for (const TenantId tenant : tenants) runners_[tenant];
  {
    base::MutexLock lock(mutex_);
    stopped_ = false;
    needed_from_ = position_.lsn;
  }
  CountTenants();
  PassTo(position_);
  if (position_ < end) BeginReading();
  thread_ = base::StartThread("nl-rules", [this] { Loop(); });
}

void Stage::Stop() {
  if (!thread_.joinable()) return;
  stop_.store(true);
  queue_->Wake();
  thread_.join();
}

void Stage::Loop() {
  while (!stop_.load()) {
    const bool has_worked = Round();
    const bool some_wait = RunCommands();
    Tidy();
    if (has_worked) {
      if (!reader_) Pause(kGatherNs);
    } else {
      queue_->Sleep(some_wait ? base::kNsPerMs : kIdleNs);
    }
  }
  while (!reader_ && Round()) {
  }
  tidied_ns_ = 0;
  Tidy();
  RefuseCommands();
}

bool Stage::Round() { return reader_ ? RoundOfLog() : RoundOfQueue(); }

// What was delivered before the queue is emptied is in it.
bool Stage::RoundOfQueue() {
  const uint64_t delivered = host_.delivered_lsn();
  const Queue::Taken taken = queue_->Take();
  Status status;
  for (const QueuedBatch& batch : taken.batches) {
    if (batch.lsn < position_.lsn) continue;
    metrics_->behind_since_ns = clock_->WallNs() - (clock_->MonotonicNs() - batch.queued_ns);
    status = Evaluate(batch.tenant, batch.lsn, *batch.batch);
    if (!status.ok()) break;
  }
  if (status.ok()) {
    PassTo(Behind(taken.lost_from != 0 ? std::min(delivered, taken.lost_from - 1) : delivered));
    status = CommitPending();
  }
  metrics_->behind_since_ns = 0;
  if (!status.ok()) {
    base::LogError("the rule stage stands still", {{"error", status.ToString()}});
    Pause(kRetryNs);
  }
  if (!status.ok() || taken.lost_from != 0) BeginReading();
  return !taken.batches.empty();
}

// What was not kept in the queue, or could not be evaluated, is durable: it is read from the log.
void Stage::BeginReading() {
  queue_->Reopen();
  read_until_ = host_.durable_lsn();
  reader_.emplace(host_.read_log(
      [this](TenantId id) { return runners_.find(id) != runners_.end(); }, position_.lsn));
}

bool Stage::RoundOfLog() {
  const uint64_t from = position_.lsn, gap_before = reader_->resumed_at();
  const Result<bool> more = reader_->Read(read_until_, kReadBytes,
                                          [this](const wal::FrameInfo& frame, const auto& batch) {
                                            metrics_->batches_read.Add();
                                            metrics_->behind_since_ns = frame.written_ns;
                                            return Evaluate(frame.tenant, frame.lsn, *batch);
                                          });
  uint64_t missed = reader_->resumed_at() != gap_before ? reader_->resumed_at() - from : 0;
  Status status = more.status();
  if (status.code() == Code::kCorruption) missed += read_until_ + 1 - position_.lsn;
  if (missed > 0) {
    metrics_->missed.Add(missed);
    base::LogError("rules did not see a part of the log",
                   {{"batches", std::to_string(missed)}, {"error", status.ToString()}});
  }
  const bool has_ended = status.ok() ? !*more : status.code() == Code::kCorruption;
  if (has_ended) PassTo(Behind(read_until_));
  else if (status.ok()) PassTo({reader_->next_lsn(), 0});
  if (status.ok() || has_ended) status = CommitPending();
  if (has_ended && status.ok()) {
    reader_.reset();
    metrics_->behind_since_ns = 0;
  } else if (!status.ok()) {
    base::LogError("the rule stage stands still", {{"error", status.ToString()}});
    Pause(kRetryNs);
    BeginReading();
  }
  return true;
}

Status Stage::Evaluate(TenantId tenant, uint64_t lsn, const model::RecordBatch& batch) {
  NL_TRY(Runner* const runner, RunnerOf(tenant));
  if (runner != nullptr) {
    const int64_t begin_ns = clock_->MonotonicNs();
    runner->matcher->Bind(batch);
    const uint32_t first = position_.lsn == lsn ? position_.row : 0;
    const char* row = batch.first_row();
    for (uint32_t i = 0; i < batch.rows(); ++i) {
      if (i >= first) NL_RETURN_IF_ERROR(EvaluateRow(tenant, runner, batch, row, {lsn, i}));
      row = model::RowReader(row).next_row();
    }
    metrics_->rows.Add(batch.rows() - first);
    metrics_->evaluation_ns += clock_->MonotonicNs() - begin_ns;
  }
  PassTo(Behind(lsn));
  return {};
}

// A rule with state (a window, a sequence) would be called here with the row and its matches, and its
// state be committed with the position.
Status Stage::EvaluateRow(TenantId tenant, Runner* runner, const model::RecordBatch& batch,
                          const char* row, storage::LogPosition at) {
  for (const uint32_t place : runner->matcher->Match(row)) {
    const RuleInfo& rule = runner->rules->of_set(place);
    const int64_t now_ns = clock_->WallNs();
    const MatchId id = MakeMatchId(tenant, rule, model::RowReader(row).timestamp_ns(), at);
    matches_->Add(tenant, id, EncodeMatch(id, rule, batch, row, now_ns));
    runner->last_match_ns[place] = now_ns;
    metrics_->matches.Add();
  }
  if (matches_->pending_bytes() < kPendingBytesMax) return {};
  PassTo({at.lsn, at.row + 1});
  return CommitPending();
}

Result<Stage::Runner*> Stage::RunnerOf(TenantId tenant) {
  const auto found = runners_.find(tenant);
  if (found == runners_.end()) return nullptr;
  if (!found->second.rules) {
    NL_TRY(auto rules, load_(tenant));
    SetRules(&found->second, std::move(rules));
  }
  return &found->second;
}

void Stage::SetRules(Runner* runner, std::shared_ptr<const CompiledRules> rules) {
  KeepCounts(runner);
  const size_t before = runner->rules ? runner->rules->ready() : 0;
  metrics_->rules += static_cast<int64_t>(rules->ready()) - static_cast<int64_t>(before);
  runner->matcher = std::make_unique<rules::Matcher>(rules->set());
  runner->last_match_ns.assign(rules->set()->rules(), 0);
  runner->rules = std::move(rules);
}

void Stage::KeepCounts(Runner* runner) {
  if (!runner->matcher) return;
  std::map<std::string, RuleCounts> kept;
  for (uint32_t place = 0; place < runner->matcher->set().rules(); ++place) {
    const std::string& id = runner->rules->of_set(place).id;
    RuleCounts counts = runner->counts[id];
    counts.evaluated += runner->matcher->counts(place).evaluated;
    counts.matched += runner->matcher->counts(place).matched;
    if (runner->last_match_ns[place] != 0) counts.last_match_ns = runner->last_match_ns[place];
    kept.emplace(id, counts);
  }
  runner->counts = std::move(kept);
}

void Stage::PassTo(storage::LogPosition position) {
  position_ = std::max(position_, position);
  metrics_->passed_lsn = position_.lsn - 1;
}

Status Stage::Commit(storage::MetaChange change) {
  const bool is_synced = change.is_synced;
  NL_RETURN_IF_ERROR(matches_->Commit(position_, std::move(change)));
  if (!is_synced) return {};
  written_ = position_;
  base::MutexLock lock(mutex_);
  needed_from_ = position_.lsn;
  return {};
}

Status Stage::CommitPending() {
  if (matches_->pending() == 0) return {};
  storage::MetaChange change;
  change.is_synced = false;
  return Commit(std::move(change));
}

Status Stage::Submit(uint64_t after_lsn, std::function<Status()> work) {
  std::future<Status> done;
  {
    base::MutexLock lock(mutex_);
    if (stopped_) return Unavailable("rules do not run: the server is read-only or stops");
    commands_.push_back({after_lsn, std::move(work), {}});
    done = commands_.back().done.get_future();
  }
  queue_->Wake();
  return done.get();
}

bool Stage::RunCommands() {
  while (true) {
    Command command;
    {
      base::MutexLock lock(mutex_);
      if (commands_.empty()) return false;
      if (position_ < Behind(commands_.front().after_lsn)) return true;
      command = std::move(commands_.front());
      commands_.pop_front();
    }
    command.done.set_value(command.work());
  }
}

void Stage::RefuseCommands() {
  base::MutexLock lock(mutex_);
  stopped_ = true;
  for (Command& command : commands_)
    command.done.set_value(Unavailable("the server is shutting down"));
  commands_.clear();
}

// What was not published to the queue, because the tenant had no rules, is durable when `durable_lsn` is read.
Status Stage::Apply(TenantId tenant, storage::MetaChange change,
                    std::shared_ptr<const CompiledRules> rules) {
  {
    base::MutexLock lock(mutex_);
    if (stopped_) return Unavailable("rules do not run: the server is read-only or stops");
    if (tenants_ == 0 && applying_ == 0) needed_from_ = host_.delivered_lsn();
    ++applying_;
  }
  const Status status = Submit(host_.durable_lsn(), [&]() -> Status {
    NL_RETURN_IF_ERROR(Commit(std::move(change)));
    if (rules) {
      SetRules(&runners_[tenant], rules);
    } else if (const auto found = runners_.find(tenant); found != runners_.end()) {
      if (found->second.rules)
        metrics_->rules -= static_cast<int64_t>(found->second.rules->ready());
      runners_.erase(found);
    }
    CountTenants();
    return {};
  });
  base::MutexLock lock(mutex_);
  --applying_;
  return status;
}

Status Stage::Forget(TenantId tenant) {
  return Submit(0, [this, tenant] {
    runners_.erase(tenant);
    CountTenants();
    return matches_->Forget(tenant);
  });
}

Result<std::map<std::string, RuleCounts>> Stage::Counts(TenantId tenant) {
  std::map<std::string, RuleCounts> counts;
  NL_RETURN_IF_ERROR(Submit(0, [&] {
    const auto found = runners_.find(tenant);
    if (found == runners_.end() || !found->second.matcher) return Status();
    const Runner& runner = found->second;
    counts = runner.counts;
    for (uint32_t place = 0; place < runner.matcher->set().rules(); ++place) {
      RuleCounts& of = counts[runner.rules->of_set(place).id];
      of.evaluated += runner.matcher->counts(place).evaluated;
      of.matched += runner.matcher->counts(place).matched;
      of.last_match_ns = std::max(of.last_match_ns, runner.last_match_ns[place]);
    }
    return Status();
  }));
  return counts;
}

void Stage::CountTenants() {
  base::MutexLock lock(mutex_);
  tenants_ = runners_.size();
}

uint64_t Stage::needed_from() const {
  base::MutexLock lock(mutex_);
  return tenants_ + applying_ > 0 ? needed_from_ : UINT64_MAX;
}

// Once a second the position is made durable, so that the log can go; once a minute old matches go.
void Stage::Tidy() {
  const int64_t now_ns = clock_->MonotonicNs();
  if (tidied_ns_ != 0 && now_ns - tidied_ns_ < base::kNsPerSecond) return;
  tidied_ns_ = now_ns;
  Status status;
  if (!runners_.empty() && position_ != written_) status = Commit({});
  if (now_ns - expired_ns_ >= kExpireNs) {
    expired_ns_ = now_ns;
    if (status.ok()) status = matches_->Expire(host_.expiry_ns);
  }
  if (!status.ok()) base::LogWarn("the rule stage cannot write", {{"error", status.ToString()}});
}

}  // namespace neurallog::detection
