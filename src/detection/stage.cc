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

Status Stage::LoadStates() {
  for (auto& [tenant, runner] : runners_) {
    if (runner.rules) continue;
    NL_TRY(const StoredState stored, matches_->ReadState(tenant));
    const bool waits = !stored.bytes.empty() && rules::RuleState::Waits(stored.bytes);
    if (waits || alerts_->HasLive(tenant)) NL_RETURN_IF_ERROR(LoadRunner(tenant, &runner));
  }
  are_states_loaded_ = true;
  return {};
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

// One round may load the rules of many tenants: what is too much goes at once.
Result<Stage::Runner*> Stage::RunnerOf(TenantId tenant) {
  const auto found = runners_.find(tenant);
  if (found == runners_.end()) return nullptr;
  Runner* const runner = &found->second;
  if (runner->rules) return runner;
  NL_RETURN_IF_ERROR(LoadRunner(tenant, runner));
  metrics_->compiled_bytes += static_cast<int64_t>(runner->rules->memory_bytes());
  if (static_cast<size_t>(metrics_->compiled_bytes.load()) > options_.compiled_bytes_max)
    UnloadIdle(runner->used_ns - 1);  // not this one
  return runner;
}

Status Stage::LoadRunner(TenantId tenant, Runner* runner) {
  NL_TRY(auto rules, load_(tenant));
  NL_RETURN_IF_ERROR(alerts_->Open(tenant, rules.get(), clock_->WallNs()));
  auto state = std::make_unique<rules::RuleState>(rules->plan());
  SetRules(runner, std::move(rules), std::move(state));
  runner->used_ns = clock_->MonotonicNs();
  return RestoreState(tenant, runner);
}

// A rule that looks at single records needs none from before the place up to which all was reported, but for its alerts.
Status Stage::RestoreState(TenantId tenant, Runner* runner) {
  runner->since = reported_;
  if (!runner->has_state() && !alerts_->HasLive(tenant)) return {};
  NL_TRY(const StoredState stored, matches_->ReadState(tenant));
  runner->since = runner->written = stored.until;
  Decode(tenant, stored.bytes, runner->state.get());
  return {};
}

// What is not in memory is stored as it is.
Status Stage::AdoptState(TenantId tenant, rules::RuleState* state) {
  const auto found = runners_.find(tenant);
  if (found == runners_.end()) return {};
  if (found->second.rules) return state->Decode(found->second.state->Encode());
  NL_TRY(const StoredState stored, matches_->ReadState(tenant));
  Decode(tenant, stored.bytes, state);
  return {};
}

void Stage::Decode(TenantId tenant, std::string_view bytes, rules::RuleState* state) {
  const Status status = bytes.empty() ? Status() : state->Decode(bytes);
  if (!status.ok())
    base::LogError(
        "windows and sequences of a tenant's rules begin anew",
        {{"tenant", std::to_string(static_cast<uint32_t>(tenant))}, {"error", status.ToString()}});
}

bool Stage::CanUnload(TenantId tenant, const Runner& runner) const {
  return runner.rules && !runner.is_changed && !runner.state->waits() && !alerts_->HasLive(tenant);
}

void Stage::UnloadIdle(int64_t now_ns) {
  if (alerts_->is_changed()) return;        // they could not be written
  std::multimap<int64_t, TenantId> by_use;  // those that can go
  size_t bytes = 0;
  std::map<const CompiledRules*, int> users;  // of rules that tenants share
  for (auto& [tenant, runner] : runners_) {
    if (!runner.rules) continue;
    if (++users[runner.rules.get()] == 1) bytes += runner.rules->memory_bytes();
    if (now_ns - runner.used_ns >= options_.stay_ns && CanUnload(tenant, runner))
      by_use.emplace(runner.used_ns, tenant);
  }
  for (const auto& [used_ns, tenant] : by_use) {
    const bool is_idle = options_.idle_ns > 0 && now_ns - used_ns >= options_.idle_ns;
    if (!is_idle && bytes <= options_.compiled_bytes_max) break;
    Runner* const runner = &runners_[tenant];
    if (--users[runner->rules.get()] == 0) bytes -= runner->rules->memory_bytes();
    Unload(tenant, runner);
  }
  metrics_->compiled_bytes = static_cast<int64_t>(bytes);
}

void Stage::Unload(TenantId tenant, Runner* runner) {
  Runner unloaded;
  AddCounts(*runner, &unloaded.counts);
  std::erase_if(unloaded.counts,
                [](const auto& of) { return of.second.evaluated + of.second.matched == 0; });
  metrics_->rules -= static_cast<int64_t>(runner->rules->ready());
  metrics_->unloads.Add();
  *runner = std::move(unloaded);
  alerts_->Close(tenant);
  host_.on_unload(tenant);
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

void Stage::SetRules(Runner* runner, std::shared_ptr<const CompiledRules> rules,
                     std::unique_ptr<rules::RuleState> state) {
  std::map<std::string, RuleCounts> counts;
  AddCounts(*runner, &counts);
  const size_t before = runner->rules ? runner->rules->ready() : 0;
  metrics_->rules += static_cast<int64_t>(rules->ready()) - static_cast<int64_t>(before);
  runner->state = std::move(state);
  runner->matcher = std::make_unique<rules::Matcher>(rules->set());
  runner->watch.RulesChanged();
  runner->costs.RulesChanged();
  runner->fired.assign(rules->plan()->rules().size(), {});
  runner->counts.clear();
  for (auto& [id, of] : counts)
    if (rules->Find(id) != nullptr) runner->counts.emplace(id, of);
  runner->rules = std::move(rules);
}

void Stage::AddCounts(const Runner& runner, std::map<std::string, RuleCounts>* counts) {
  *counts = runner.counts;
  if (!runner.rules) return;
  for (uint32_t place = 0; place < runner.matcher->set().rules(); ++place) {
    RuleCounts& of = (*counts)[runner.rules->of_set(place).id];
    of.evaluated += runner.matcher->counts(place).evaluated;
    of.timed_ns += runner.matcher->counts(place).timed_ns;
  }
  for (uint32_t rule = 0; rule < runner.fired.size(); ++rule) {
    RuleCounts& of = (*counts)[runner.rules->of_firing(rule).id];
    of.timed_rows += runner.matcher->timed_rows();
    of.matched += runner.fired[rule].matched;
    of.last_match_ns = std::max(of.last_match_ns, runner.fired[rule].last_match_ns);
    if (runner.state) of.state = runner.state->counts(rule);
  }
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
    if (!rules) {
      MatchStore::AddState(tenant, {}, &change);
      NL_RETURN_IF_ERROR(alerts_->Open(tenant, nullptr, clock_->WallNs()));
      alerts_->SetRules(tenant, nullptr, clock_->WallNs());
      NL_RETURN_IF_ERROR(Commit(std::move(change)));
      EndRunner(tenant);
      alerts_->Close(tenant);
    } else {
      NL_RETURN_IF_ERROR(Change(tenant, std::move(change), std::move(rules)));
    }
    CountTenants();
    return {};
  });
  base::MutexLock lock(mutex_);
  --applying_;
  return status;
}

// The state of rules that stay as they are is written with the change, so that nothing is replayed across it.
Status Stage::Change(TenantId tenant, storage::MetaChange change,
                     std::shared_ptr<const CompiledRules> rules) {
  if (alerts_->HasLive(tenant)) NL_RETURN_IF_ERROR(RunnerOf(tenant).status());
  auto state = std::make_unique<rules::RuleState>(rules->plan());
  NL_RETURN_IF_ERROR(AdoptState(tenant, state.get()));
  NL_RETURN_IF_ERROR(alerts_->Open(tenant, rules.get(), clock_->WallNs()));
  MatchStore::AddState(
      tenant, {position_, rules->plan()->stateful().empty() ? "" : state->Encode()}, &change);
  NL_RETURN_IF_ERROR(Commit(std::move(change)));
  Runner& runner = runners_[tenant];
  SetRules(&runner, std::move(rules), std::move(state));
  runner.since = runner.written = position_;
  runner.used_ns = clock_->MonotonicNs();
  runner.is_changed = false;
  alerts_->SetRules(tenant, runner.rules.get(), clock_->WallNs());
  if (const Status status = CommitPending(); !status.ok())  // again with what comes next
    base::LogWarn("alerts cannot be written", {{"error", status.ToString()}});
  return {};
}

Status Stage::Exchange(TenantId tenant, std::shared_ptr<const CompiledRules> rules) {
  return Submit(0, [&]() -> Status {
    const auto found = runners_.find(tenant);
    if (found == runners_.end() || !found->second.rules) return {};
    if (found->second.rules->plan() != rules->plan()) return Conflict("the rules have changed");
    SetRules(&found->second, std::move(rules), std::move(found->second.state));
    return {};
  });
}

void Stage::EndRunner(TenantId tenant) {
  const auto found = runners_.find(tenant);
  if (found == runners_.end()) return;
  if (found->second.rules) metrics_->rules -= static_cast<int64_t>(found->second.rules->ready());
  runners_.erase(found);
}

Status Stage::Forget(TenantId tenant) {
  return Submit(0, [this, tenant] {
    EndRunner(tenant);
    CountTenants();
    NL_RETURN_IF_ERROR(alerts_->Forget(tenant));
    return matches_->Forget(tenant);
  });
}

Status Stage::Obey(TenantId tenant, const AlertId& id, const AlertOrder& order) {
  return Submit(0, [&]() -> Status {
    NL_RETURN_IF_ERROR(RunnerOf(tenant).status());
    NL_RETURN_IF_ERROR(alerts_->Obey(tenant, id, order));
    return Commit({});
  });
}

Result<std::map<std::string, RuleCounts>> Stage::Counts(TenantId tenant) {
  std::map<std::string, RuleCounts> counts;
  NL_RETURN_IF_ERROR(Submit(0, [&] {
    const auto found = runners_.find(tenant);
    if (found != runners_.end()) AddCounts(found->second, &counts);
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

void Stage::LookAtCosts() {
  if (options_.rule_ns_max == 0) return;
  for (auto& [tenant, runner] : runners_) {
    if (!runner.rules) continue;
    auto slow = runner.costs.Look(*runner.rules, *runner.matcher, options_.rule_ns_max);
    if (!slow.empty()) host_.on_slow(tenant, std::move(slow));
  }
}

void Stage::LookAtMemory(int64_t now_ns) {
  if (now_ns - measured_ns_ >= 50 * measure_cost_ns_) {
    MeasureStates();
    measured_ns_ = clock_->MonotonicNs();
    measure_cost_ns_ = measured_ns_ - now_ns;
  }
  if (options_.spare_memory == nullptr) return;
  const size_t held =
      static_cast<size_t>(metrics_->state_bytes.load() + metrics_->compiled_bytes.load()) +
      queue_->bytes();
  if (held > held_bytes_) options_.spare_memory->Take(held - held_bytes_);
  else options_.spare_memory->GiveBack(held_bytes_ - held);
  held_bytes_ = held;
}

void Stage::MeasureStates() {
  size_t bytes = 0, most = 0;
  Runner* largest = nullptr;
  for (auto& [tenant, runner] : runners_) {
    if (!runner.has_state()) continue;
    const size_t own = runner.state->memory_bytes();
    bytes += own;
    if (own <= most) continue;
    most = own;
    largest = &runner;
  }
  metrics_->state_bytes = static_cast<int64_t>(bytes);
  if (bytes <= options_.state_bytes_max) return;
  // Groups go in proportion to what is too much, at most all of the tenant with the most.
  const size_t groups = largest->state->groups();
  const size_t excess = bytes - options_.state_bytes_max;
  const size_t kept = excess >= most ? 0 : groups - groups * excess / most;
  for (size_t before = groups + 1;
       largest->state->groups() > kept && largest->state->groups() < before;) {
    before = largest->state->groups();
    largest->state->Evict();
  }
  largest->is_changed = true;
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
