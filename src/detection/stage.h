// The rule stage: one thread that shows every durable record of a tenant with rules to them, in log order,
// and writes the matches.
//
//   committer ── Queue ── nl-rules: Matcher per tenant ── MatchStore
//                   └── bound reached, or a start: the write-ahead log from the stage's position on
//
// Rules with state (windows, sequences) keep it in memory. Now and then it is written, and after a start it is
// rebuilt from there: rows from before the stage's position are told to the state again, and what it reports
// for them is passed over, because it was written.
//
// A tenant's rules are in memory from its first record on until it was idle for a while, or others want the memory; not
// while they have something to say though no record comes: live alerts, absences, windows that fire when they end. Their state is
// written by then, and read again with the tenant's next record.
//
// Guarantees: each row is evaluated once, with the rules that were in force when it was acknowledged, and each match is
// there once, whenever the process dies: matches, the stage's position and changes of rules are written in
// the order of the log, the position with each of them as one. After a start the stage goes on from its
// position. The log is kept until the stage has passed it (needed_from), within bounds that its owner sets;
// what was let go all the same is counted as missed.
//
// Thread-safe but Start and Stop.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "detection/alert_store.h"
#include "detection/compiled_rules.h"
#include "detection/cost_watch.h"
#include "detection/follower.h"
#include "detection/lookup_book.h"
#include "detection/match_store.h"
#include "detection/options.h"
#include "detection/queue.h"
#include "detection/sample_watch.h"
#include "detection/stage_metrics.h"
#include "rules/matcher.h"
#include "rules/rule_state.h"
#include "wal/range_reader.h"

namespace neurallog::detection {

// The engine, as the stage sees it.
struct StageHost {
  std::function<uint64_t()> delivered_lsn;  // all up to here was published
  std::function<uint64_t()> durable_lsn;    // all up to here can be read from the log
  std::function<wal::RangeReader(wal::RangeReader::Wants, uint64_t from)> read_log;
  std::function<int64_t(TenantId)> expiry_ns;  // older records of the tenant are not kept
  // The tenant's rules are to be compiled with this sample of its records; does not wait.
  std::function<void(TenantId, std::shared_ptr<const rules::RowSample>)> on_sample;
  // These rules are to be taken out of work; does not wait.
  std::function<void(TenantId, std::vector<SlowRule>)> on_slow;
  const LookupBook* lookups = nullptr;  // null: nothing is added to matches
  Follower* follower = nullptr;         // of rules with actions; null: nobody acts
  // The tenant's rules are not in memory any more.
  std::function<void(TenantId)> on_unload;
};

// What a rule has done since the start.
struct RuleCounts {
  uint64_t evaluated = 0;
  uint64_t matched = 0;
  int64_t last_match_ns = 0;       // wall; 0: never
  uint64_t timed_ns = 0;           // that its condition took ...
  uint64_t timed_rows = 0;         // ... for so many rows of the stream
  rules::RuleState::Counts state;  // since the rule's state began
};

class Stage {
 public:
  // `load` gives the compiled rules of a tenant that has some; called by the stage's thread.
  using Load = std::function<Result<std::shared_ptr<const CompiledRules>>(TenantId)>;
  // `options` outlives it.
  Stage(const Options& options, MatchStore* matches, AlertStore* alerts, Queue* queue, Load load,
        const base::Clock* clock, StageMetrics* metrics);
  ~Stage() { Stop(); }

  // `tenants` have rules. From now on their batches must be published.
  void Start(StageHost host, const std::vector<TenantId>& tenants, const Progress& progress);
  // Evaluates what is queued, when nobody publishes any more, and ends the thread.
  void Stop();

  // Makes `rules` the tenant's and writes `change`, as one with the stage's position: rows that were durable before are
  // evaluated with the rules of before, and all that are acknowledged later with the new ones. The tenant's batches must
  // be published already. Waits for the stage.
  Status Apply(TenantId tenant, storage::MetaChange change,
               std::shared_ptr<const CompiledRules> rules);
  // Goes on with `rules`, which are the tenant's as they are, with their plan, but compiled in another way.
  Status Exchange(TenantId tenant, std::shared_ptr<const CompiledRules> rules);
  // The tenant is deleted.
  Status Forget(TenantId tenant);
  // What somebody wants of an alert, durable when this returns. Waits for the stage.
  Status Obey(TenantId tenant, const AlertId& id, const AlertOrder& order);
  // By id. Waits for the stage.
  Result<std::map<std::string, RuleCounts>> Counts(TenantId tenant);

  // The first LSN that the stage may read after a start; UINT64_MAX: none, no tenant has rules.
  uint64_t needed_from() const;

 private:
  // The rules of one tenant at work.
  struct Runner {
    std::shared_ptr<const CompiledRules> rules;  // null: to be loaded
    std::unique_ptr<rules::Matcher> matcher;
    std::unique_ptr<rules::RuleState> state;
    storage::LogPosition since;    // rows before it are in the state
    storage::LogPosition written;  // and those before this in the one that is stored
    bool is_changed = false;       // rows came behind `written`
    int64_t written_ns = 0;        // monotonic
    int64_t write_cost_ns = 0;     // of the last time
    int64_t used_ns = 0;           // monotonic: a record came, or the rules were loaded
    struct Fired {
      uint64_t matched = 0;
      int64_t last_match_ns = 0;
      std::string rule_json;  // of its matches; empty: it has none yet
    };
    std::vector<Fired> fired;                  // by rule of the plan
    std::map<std::string, RuleCounts> counts;  // of matchers before
    SampleWatch watch{1};
    CostWatch costs;

    bool has_state() const { return rules && !rules->plan()->stateful().empty(); }
  };
  struct Command {
    uint64_t after_lsn;
    std::function<Status()> work;
    std::promise<Status> done;
  };

  // Runs `work` on the thread when all up to the LSN has been evaluated; waits for it.
  Status Submit(uint64_t after_lsn, std::function<Status()> work);
  void Loop();
  // Evaluates what there is; false: nothing.
  bool Round();
  bool RoundOfQueue();
  bool RoundOfLog();
  void BeginReading();
  Status Evaluate(TenantId tenant, uint64_t lsn, int64_t written_ns,
                  const model::RecordBatch& batch);
  // Those that the state expects.
  Status ObserveRows(TenantId tenant, Runner* runner, const model::RecordBatch& batch,
                     int64_t written_ns);
  // Adds what has fired to the matches and alerts, unless it was written before.
  void Report(TenantId tenant, Runner* runner, const MatchRow& row, storage::LogPosition at,
              int64_t received_ns);
  // A match, with the record that it came with, if it did not come with the passing of time.
  struct Found {
    MatchId id;
    MatchRow row;
    std::optional<storage::LogPosition> at;
  };
  void ReportOne(TenantId tenant, Runner* runner, const rules::Firing& firing, const Found& found,
                 int64_t received_ns);
  static AlertBook::Ask AskOf(Runner* runner);
  const RuleInfo* FindRule(TenantId tenant, std::string_view id) const;
  // Loads the runners with a state, which may have something to say while no row comes.
  Status LoadStates();
  // Tells states of rules what time it is.
  void AdvanceAll();
  // Null: the tenant has no rules.
  Result<Runner*> RunnerOf(TenantId tenant);
  // The rules of the runner and the state that is stored.
  Status LoadRunner(TenantId tenant, Runner* runner);
  void SetRules(Runner* runner, std::shared_ptr<const CompiledRules> rules,
                std::unique_ptr<rules::RuleState> state);
  Status RestoreState(TenantId tenant, Runner* runner);
  // Takes over what a tenant's rules know of the rows so far, for others.
  Status AdoptState(TenantId tenant, rules::RuleState* state);
  static void Decode(TenantId tenant, std::string_view bytes, rules::RuleState* state);
  // Rules that nobody needs now are unloaded.
  void UnloadIdle(int64_t now_ns);
  void Unload(TenantId tenant, Runner* runner);
  bool CanUnload(TenantId tenant, const Runner& runner) const;
  Status Change(TenantId tenant, storage::MetaChange change,
                std::shared_ptr<const CompiledRules> rules);
  void EndRunner(TenantId tenant);
  static void AddCounts(const Runner& runner, std::map<std::string, RuleCounts>* counts);
  void PassTo(storage::LogPosition position);
  Status Commit(storage::MetaChange change);
  // Adds what follows from it.
  void Follow(storage::MetaChange* change);
  // Commits what is pending, again and again until it works; an error when the stage stops.
  Status CommitPending();
  // True: some wait for later batches.
  bool RunCommands();
  void RefuseCommands();
  void Tidy();
  // The states for which it is time, or all that have changed.
  std::vector<Runner*> AddStates(bool all, storage::MetaChange* change);
  void Write(bool all_states);
  Progress CurrentProgress() const;
  void CountTenants();
  // Reports rules that take too long.
  void LookAtCosts();
  // Says what is held in memory.
  void LookAtMemory(int64_t now_ns);
  // Keeps the states within their bound.
  void MeasureStates();

  const Options& options_;
  MatchStore* const matches_;
  AlertStore* const alerts_;
  Queue* const queue_;
  const Load load_;
  const base::Clock* const clock_;
  StageMetrics* const metrics_;

  StageHost host_;  // constant after Start

  // Owned by the thread.
  std::map<TenantId, Runner> runners_;
  storage::LogPosition position_;  // rows before it have been evaluated
  storage::LogPosition reported_;  // matches of rows before it were written before the start
  Progress written_;               // the last that was committed and synced
  std::vector<rules::Firing> firings_;
  std::string record_json_;  // of the row that they came with
  std::optional<wal::RangeReader> reader_;
  uint64_t read_until_ = 0;
  bool are_states_loaded_ = false;
  int64_t tidied_ns_ = 0;
  int64_t made_room_ns_ = 0;  // states were written so that rules can go
  int64_t expired_ns_ = 0;
  size_t held_bytes_ = 0;    // as was said last
  int64_t measured_ns_ = 0;  // when the states were, and what that cost
  int64_t measure_cost_ns_ = 0;

  mutable base::Mutex mutex_;
  std::deque<Command> commands_ NL_GUARDED_BY(mutex_);
  bool stopped_ NL_GUARDED_BY(mutex_) = true;
  size_t tenants_ NL_GUARDED_BY(mutex_) = 0;        // that have rules
  size_t applying_ NL_GUARDED_BY(mutex_) = 0;       // calls of Apply
  uint64_t needed_from_ NL_GUARDED_BY(mutex_) = 0;  // if there are any of these
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace neurallog::detection
