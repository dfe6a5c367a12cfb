#include "detection/stage.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/spare_memory.h"
#include "base/thread.h"

namespace neurallog::detection {
namespace {

constexpr int64_t kIdleNs = 200 * base::kNsPerMs;
constexpr int64_t kGatherNs = base::kNsPerMs;  // after a round, so that the next one is larger
constexpr int64_t kRetryNs = 500 * base::kNsPerMs;
constexpr int64_t kStateNs = 10 * base::kNsPerSecond;  // between writing a state
constexpr int64_t kExpireNs = 60 * base::kNsPerSecond;
constexpr size_t kReadBytes = 4u << 20;
constexpr size_t kPendingBytesMax = 1u << 20;

void Pause(int64_t ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(ns)); }

storage::LogPosition Behind(uint64_t lsn) { return {lsn + 1, 0}; }

// Not 0, and growing. A batch has fewer rows than 2^25: a body is bounded.
constexpr int kRowBits = 25;
uint64_t RowId(storage::LogPosition row) { return row.lsn << kRowBits | row.row; }
storage::LogPosition PositionOf(uint64_t row_id) {
  return {row_id >> kRowBits, static_cast<uint32_t>(row_id & ((1u << kRowBits) - 1))};
}

}  // namespace

Stage::Stage(const Options& options, MatchStore* matches, AlertStore* alerts, Queue* queue,
             Load load, const base::Clock* clock, StageMetrics* metrics)
    : options_(options),
      matches_(matches),
      alerts_(alerts),
      queue_(queue),
      load_(std::move(load)),
      clock_(clock),
      metrics_(metrics) {}

void Stage::Start(StageHost host, const std::vector<TenantId>& tenants, const Progress& progress) {
  host_ = std::move(host);
  const storage::LogPosition end = Behind(host_.durable_lsn());
  const bool is_new = tenants.empty() || progress == Progress();
  reported_ = is_new ? end : std::min(progress.reported, end);
  position_ = is_new ? end : std::min(progress.rebuild, reported_);
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
  if (!reader_) Write(/*all_states=*/true);
  if (options_.spare_memory != nullptr) options_.spare_memory->GiveBack(held_bytes_);
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
    metrics_->behind_since_ns = batch.written_ns;
    status = Evaluate(batch.tenant, batch.lsn, batch.written_ns, *batch.batch);
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
  const Result<bool> more = reader_->Read(
      read_until_, kReadBytes, [this](const wal::FrameInfo& frame, const auto& batch) {
        metrics_->batches_read.Add();
        metrics_->behind_since_ns = frame.written_ns;
        return Evaluate(frame.tenant, frame.lsn, frame.written_ns, *batch);
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

Status Stage::Evaluate(TenantId tenant, uint64_t lsn, int64_t written_ns,
                       const model::RecordBatch& batch) {
  NL_TRY(Runner* const runner, RunnerOf(tenant));
  const storage::LogPosition begin = std::max(position_, storage::LogPosition{lsn, 0});
  if (runner != nullptr &&
      std::max(begin, runner->since) < storage::LogPosition{lsn, batch.rows()}) {
    const int64_t begin_ns = clock_->MonotonicNs();
    runner->used_ns = begin_ns;
    runner->matcher->Bind(batch);
    runner->state->Bind(batch);
    runner->is_changed = runner->has_state();
    if (!runner->is_changed && !alerts_->IsBehind(tenant)) runner->written = begin;
    firings_.clear();
    runner->state->Advance(written_ns, &firings_);
    Report(tenant, runner, {}, begin, written_ns);
    if (begin >= reported_) alerts_->Advance(tenant, written_ns, AskOf(runner));
    const char* row = batch.first_row();
    for (uint32_t i = 0; i < batch.rows(); ++i) {
      const storage::LogPosition at{lsn, i};
      if (at >= begin && at >= runner->since) {
        runner->watch.Show(batch, row);
        runner->state->Expect(runner->matcher->Match(row), row, RowId(at), written_ns);
        if (runner->state->is_full())
          NL_RETURN_IF_ERROR(ObserveRows(tenant, runner, batch, written_ns));
      }
      row = model::RowReader(row).next_row();
    }
    NL_RETURN_IF_ERROR(ObserveRows(tenant, runner, batch, written_ns));
    runner->since = {lsn, batch.rows()};
    metrics_->rows.Add(batch.rows());
    metrics_->evaluation_ns += clock_->MonotonicNs() - begin_ns;
    if (auto sample = runner->watch.EndBatch(runner->matcher->evaluated()))
      host_.on_sample(tenant, std::move(sample));
  }
  PassTo(Behind(lsn));
  return {};
}

// Row by row: what alerts ask a state is as of the row that fired.
Status Stage::ObserveRows(TenantId tenant, Runner* runner, const model::RecordBatch& batch,
                          int64_t written_ns) {
  while (runner->state->expects()) {
    firings_.clear();
    const rules::RuleState::ExpectedRow row = runner->state->Observe(&firings_);
    const storage::LogPosition at = PositionOf(row.row_id);
    runner->since = {at.lsn, at.row + 1};
    if (firings_.empty()) continue;
    Report(tenant, runner, {&batch, row.row}, at, written_ns);
    if (matches_->pending_bytes() < kPendingBytesMax) continue;
    PassTo(runner->since);
    NL_RETURN_IF_ERROR(CommitPending());
  }
  return {};
}

// What fires by the passing of time may have done so before a crash, at a moment that nothing recalls.
void Stage::Report(TenantId tenant, Runner* runner, const MatchRow& row, storage::LogPosition at,
                   int64_t received_ns) {
  if (firings_.empty()) return;
  record_json_.clear();
  for (const rules::Firing& firing : firings_) {
    const bool is_by_record =
        row.row != nullptr && !firing.rows.empty() && firing.rows.back() == RowId(at);
    const RuleInfo& rule = runner->rules->of_firing(firing.rule);
    const MatchId id = MakeMatchId(tenant, rule, firing.at_ns, firing.id);
    if (at < reported_) {  // it is written, but the alert may have been before it
      if (is_by_record) alerts_->Retell(tenant, *runner->rules, firing, id, at, received_ns);
    } else if (is_by_record) {
      if (record_json_.empty()) PutRecordJson(row, &record_json_);
      ReportOne(tenant, runner, firing, {id, row, at}, received_ns);
    } else if (!matches_->Contains(tenant, id)) {
      ReportOne(tenant, runner, firing, {id, {}, {}}, received_ns);
    }
  }
}

void Stage::ReportOne(TenantId tenant, Runner* runner, const rules::Firing& firing,
                      const Found& found, int64_t received_ns) {
  const RuleInfo& rule = runner->rules->of_firing(firing.rule);
  Runner::Fired& fired = runner->fired[firing.rule];
  if (fired.rule_json.empty()) fired.rule_json = RuleJson(rule);
  const std::vector<std::string>& group_fields = runner->rules->plan()->group_fields(firing.rule);
  MatchTexts enriched;
  if (!rule.alerting.enrich.empty() && host_.lookups != nullptr)
    enriched = Enrich(*host_.lookups, tenant, rule, group_fields, firing, found.row);
  const std::string detail_json = DetailJson(rule, firing, group_fields, enriched);
  Match match{found.id, rule.severity, clock_->WallNs(), rule.id, fired.rule_json, detail_json, {},
              {}};
  if (found.at) match.record_json = record_json_;
  if (host_.follower != nullptr && !rule.alerting.actions.empty())
    host_.follower->Match(tenant, rule, match.id, ToJson(match));
  matches_->Add(tenant, match);
  alerts_->Match(tenant, *runner->rules, firing, match.id, found.at, received_ns, AskOf(runner),
                 enriched);
  ++fired.matched;
  fired.last_match_ns = match.matched_ns;
  metrics_->matches.Add();
}

const RuleInfo* Stage::FindRule(TenantId tenant, std::string_view id) const {
  const auto runner = runners_.find(tenant);
  if (runner == runners_.end() || !runner->second.rules) return nullptr;
  return runner->second.rules->Find(id);
}

AlertBook::Ask Stage::AskOf(Runner* runner) {
  return [runner](uint32_t rule, const base::Hash128Value& key) {
    return runner->state->ConditionOf(rule, key);
  };
}

void Stage::AdvanceAll() {
  if (const Status loaded = are_states_loaded_ ? Status() : LoadStates(); !loaded.ok())
    base::LogError("rules with windows cannot be loaded", {{"error", loaded.ToString()}});
  const int64_t now_ns = clock_->WallNs();
  for (auto& [tenant, runner] : runners_) {
    if (runner.has_state()) {
      firings_.clear();
      runner.state->Advance(now_ns, &firings_);
      if (!firings_.empty()) runner.is_changed = true;
      Report(tenant, &runner, {}, position_, now_ns);
    }
    alerts_->Advance(tenant, now_ns, AskOf(&runner));
  }
}

// States that cost much to write are written rarely.
std::vector<Stage::Runner*> Stage::AddStates(bool all, storage::MetaChange* change) {
  std::vector<Runner*> added;
  const int64_t begin_ns = clock_->MonotonicNs();
  for (auto& [tenant, runner] : runners_) {
    const int64_t pause_ns = std::max(kStateNs, 20 * runner.write_cost_ns);
    if (!runner.is_changed || (!all && begin_ns - runner.written_ns < pause_ns)) continue;
    const int64_t encode_ns = clock_->MonotonicNs();
    MatchStore::AddState(tenant, {position_, runner.state->Encode()}, change);
    runner.written_ns = clock_->MonotonicNs();
    runner.write_cost_ns = runner.written_ns - encode_ns;
    added.push_back(&runner);
  }
  return added;
}

// Makes durable how far the stage has come, with states of rules.
void Stage::Write(bool all_states) {
  storage::MetaChange change;
  const std::vector<Runner*> written = AddStates(all_states, &change);
  if (runners_.empty() || (written.empty() && CurrentProgress() == written_)) return;
  const Status status = Commit(std::move(change));
  if (!status.ok())
    return base::LogWarn("the rule stage cannot write", {{"error", status.ToString()}});
  for (Runner* runner : written) {
    runner->written = position_;
    runner->is_changed = false;
  }
}

Progress Stage::CurrentProgress() const {
  Progress progress{std::max(position_, reported_), position_};
  for (const auto& [tenant, runner] : runners_)
    if (runner.is_changed || alerts_->LeavesBehind(tenant))
      progress.rebuild = std::min(progress.rebuild, runner.written);
  return progress;
}

void Stage::PassTo(storage::LogPosition position) {
  position_ = std::max(position_, position);
  metrics_->passed_lsn = position_.lsn - 1;
}

// What is synced has all there is: states do not get ahead of alerts.
Status Stage::Commit(storage::MetaChange change) {
  const bool is_synced = change.is_synced;
  NL_RETURN_IF_ERROR(alerts_->AddTo(/*all=*/is_synced, &change));
  const Progress progress = CurrentProgress();
  if (host_.follower != nullptr) Follow(&change);
  NL_RETURN_IF_ERROR(matches_->Commit(progress, std::move(change)));
  if (host_.follower != nullptr) host_.follower->Written();
  alerts_->Written();
  if (!is_synced) return {};
  written_ = progress;
  base::MutexLock lock(mutex_);
  needed_from_ = progress.rebuild.lsn;
  return {};
}

void Stage::Follow(storage::MetaChange* change) {
  const std::vector<AlertTransition> transitions = alerts_->transitions();
  const Findings findings{
      transitions, are_states_loaded_ && !reader_,
      [this](TenantId tenant, std::string_view id) { return FindRule(tenant, id); },
      [this](TenantId tenant, const auto& visit) { alerts_->VisitFiring(tenant, visit); },
      [this](TenantId tenant, const AlertId& id) { return alerts_->Get(tenant, id); }};
  host_.follower->AddTo(findings, change);
}

Status Stage::CommitPending() {
  const bool is_due = host_.follower != nullptr && host_.follower->IsDue();
  if (!matches_->has_pending() && !alerts_->is_changed() && !is_due) return {};
  storage::MetaChange change;
  change.is_synced = false;
  return Commit(std::move(change));
}

// Once a second what has happened is made durable, so that the log can go; once a minute old matches go.
void Stage::Tidy() {
  const int64_t now_ns = clock_->MonotonicNs();
  if (tidied_ns_ != 0 && now_ns - tidied_ns_ < base::kNsPerSecond) return;
  tidied_ns_ = now_ns;
  if (!reader_) AdvanceAll();
  LookAtCosts();
  if (const Status status = CommitPending(); !status.ok())
    base::LogWarn("the rule stage cannot write", {{"error", status.ToString()}});
  Write(/*all_states=*/false);
  UnloadIdle(now_ns);
  LookAtMemory(now_ns);
  if (now_ns - expired_ns_ < kExpireNs) return;
  expired_ns_ = now_ns;
  Status status = matches_->Expire(host_.expiry_ns);
  if (status.ok()) status = alerts_->Expire(clock_->WallNs());
  if (!status.ok())
    base::LogWarn("old matches and alerts cannot be removed", {{"error", status.ToString()}});
}

}  // namespace neurallog::detection
