// `stats by (a, _time:5m) count() hits, max(b) as top`: one row per group, in the order of the
// groups' keys. Without `by` it is one row always, also of no rows.
#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "filter/parser.h"
#include "query/stats_pipe.h"

namespace neurallog::query {
namespace {

// Groups and their values, of all rows or of those of one block. One that is shared is only merged
// from: what it was made with may be gone by then.
class StatsTable : public Partial {
 public:
  StatsTable(const StatsSpec& spec, const StatsContext& context) : spec_(spec), groups_(spec.by) {
    std::vector<std::shared_ptr<SharedState>> shared;
    for (const StatsCall& call : spec.calls) {
      StatsContext own = context;
      own.shared = call.condition.is_set() ? nullptr : &shared;
      states_.push_back(call.function->Start(own));
    }
    if (spec.by.empty()) ResizeStates(1);
    only_counts_ = OnlyCounts();
  }

  Status Add(Batch& batch) {
    group_of_row_.clear();
    if (!spec_.by.empty() && only_counts_) return CountRows(batch);
    if (!spec_.by.empty()) {
      NL_RETURN_IF_ERROR(groups_.Assign(batch, &group_of_row_));
      ResizeStates(groups_.size());
    }
    for (size_t i = 0; i < states_.size(); ++i) NL_RETURN_IF_ERROR(Update(i, batch));
    return {};
  }

  // Adds the groups of a table of the same spec, whose rows are later ones.
  void Merge(StatsTable* later) {
    std::vector<uint32_t> groups{0};
    if (!spec_.by.empty()) {
      groups = groups_.AddAll(later->groups_);
      ResizeStates(groups_.size());
    }
    for (size_t i = 0; i < states_.size(); ++i) states_[i]->Merge(*later->states_[i], groups);
  }

  // Whether Merge leaves the other table as it is.
  bool can_be_shared() const {
    // Conditions may refer to the present time.
    for (size_t i = 0; i < states_.size(); ++i)
      if (!states_[i]->can_be_shared() || spec_.calls[i].condition.is_set()) return false;
    return true;
  }
  size_t memory_bytes() const override {
    size_t bytes = sizeof(*this) + groups_.memory_bytes();
    for (const auto& state : states_) bytes += state->memory_bytes();
    return bytes;
  }

  // For the result.
  const GroupTable& groups() const { return groups_; }
  std::vector<std::unique_ptr<StatsState>>& states() { return states_; }

 private:
  bool OnlyCounts() const {
    for (size_t i = 0; i < states_.size(); ++i)
      if (!states_[i]->only_counts() || spec_.calls[i].condition.is_set()) return false;
    return true;
  }

  Status CountRows(Batch& batch) {
    NL_RETURN_IF_ERROR(groups_.Count(batch, &counts_));
    ResizeStates(groups_.size());
    for (const auto& state : states_)
      for (const auto& [group, rows] : counts_) state->AddRows(group, rows);
    return {};
  }

  Status Update(size_t call, Batch& batch) {
    const Condition& condition = spec_.calls[call].condition;
    if (!condition.is_set()) return states_[call]->Update({batch, group_of_row_});
    filter::Bitmap matched;
    NL_RETURN_IF_ERROR(condition.Match(&batch, &matched));
    std::vector<uint32_t> rows;
    std::vector<uint32_t> groups;
    for (size_t i = 0; i < batch.List().size(); ++i) {
      if (!matched.Test(batch.list[i])) continue;
      rows.push_back(batch.list[i]);
      if (!group_of_row_.empty()) groups.push_back(group_of_row_[i]);
    }
    if (rows.empty()) return {};
    Batch some = batch;
    some.SetList(std::move(rows));
    return states_[call]->Update({some, groups});
  }

  void ResizeStates(size_t groups) {
    for (const auto& state : states_) state->Resize(groups);
  }

  const StatsSpec& spec_;
  GroupTable groups_;
  std::vector<std::unique_ptr<StatsState>> states_;
  bool only_counts_ = false;
  std::vector<uint32_t> group_of_row_;
  std::vector<GroupTable::Counted> counts_;
};

class StatsStage : public SlowEnd {
 public:
  StatsStage(const StatsSpec& spec, const StageContext& context, Stage* next)
      : SlowEnd(context, next),
        spec_(spec),
        stats_context_{SecondsOf(spec, context.range),
                       context.budget->bytes_max() / 2 / std::max<size_t>(1, spec.calls.size()),
                       nullptr},
        budget_(context.budget),
        interrupt_(*context.interrupt),
        estimates_(context.estimates),
        table_(spec, stats_context_) {}
  ~StatsStage() override { budget_->Release(&charged_); }

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    if (batch.count == 0) return {};
    NL_RETURN_IF_ERROR(table_.Add(batch));
    NL_RETURN_IF_ERROR(batch.rows->Charge());
    return ChargeTable();
  }

  Result<std::shared_ptr<Partial>> MakePartial(Batch batch) const override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    auto table = std::make_shared<StatsTable>(spec_, stats_context_);
    NL_RETURN_IF_ERROR(table->Add(batch));
    return std::shared_ptr<Partial>(std::move(table));
  }
  Status PushPartial(Partial* partial) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    table_.Merge(static_cast<StatsTable*>(partial));
    return ChargeTable();
  }
  bool shares_partials() const override { return table_.can_be_shared(); }

  bool wants_more() const override { return true; }

 private:
  static constexpr size_t kGroupsPerStep = 16 << 10;

  // First the order of the groups, then so many of them in each step.
  Result<bool> EndStep() override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    if (order_.empty()) {
      order_ = spec_.by.empty() ? std::vector<uint32_t>{0} : table_.groups().SortedGroups();
      NoteEstimates();
      return !order_.empty();
    }
    const size_t count = std::min(kGroupsPerStep, order_.size() - pushed_);
    NL_RETURN_IF_ERROR(PushTable(std::span(order_).subspan(pushed_, count)));
    pushed_ += count;
    if (pushed_ < order_.size()) return true;
    table_.states().clear();
    return false;
  }

  static double SecondsOf(const StatsSpec& spec, const TimeRange& range) {
    for (const GroupField& field : spec.by)
      if (field.is_time && field.time_step_ns > 0)
        return static_cast<double>(field.time_step_ns) / base::kNsPerSecond;
    const bool is_bounded = range.start_ns > std::numeric_limits<int64_t>::min() &&
                            range.end_ns < std::numeric_limits<int64_t>::max() && !range.empty();
    if (!is_bounded) return 1;
    return (static_cast<double>(range.end_ns) - static_cast<double>(range.start_ns)) /
           base::kNsPerSecond;
  }

  Status ChargeTable() {
    return budget_->Charge(&charged_, table_.memory_bytes()).Annotate("stats");
  }

  Status PushTable(std::span<const uint32_t> order) {
    auto table = std::make_unique<Table>();
    AddKeyColumns(order, table.get());
    for (size_t i = 0; i < spec_.calls.size(); ++i) {
      StatsState& state = *table_.states()[i];
      filter::ColumnBuilder builder;
      for (const uint32_t group : order) state.Append(group, &builder);
      table->AddColumn(spec_.calls[i].name, builder.Finish());
    }
    Batch batch;
    batch.count = static_cast<uint32_t>(order.size());
    batch.matched.Reset(batch.count, true);
    batch.rows = std::make_shared<Rows>(std::move(table), filter::Columns::Kind::kTable, budget_);
    return next_->Push(std::move(batch));
  }

  void NoteEstimates() {
    if (estimates_ == nullptr) return;
    for (size_t i = 0; i < spec_.calls.size(); ++i)
      if (const std::string_view bound = table_.states()[i]->error_bound(); !bound.empty())
        estimates_->push_back(spec_.calls[i].name + ": " + std::string(bound));
  }

  // _time must be the first column of a table.
  void AddKeyColumns(std::span<const uint32_t> order, Table* table) {
    for (const bool wants_time : {true, false})
      for (size_t i = 0; i < spec_.by.size(); ++i)
        if (spec_.by[i].is_time == wants_time)
          table->AddColumn(spec_.by[i].field.name, table_.groups().KeyColumn(i, order));
  }

  const StatsSpec& spec_;
  const StatsContext stats_context_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
  std::vector<std::string>* const estimates_;
  StatsTable table_;
  std::vector<uint32_t> order_;  // of the groups in the answer, once all rows were seen
  size_t pushed_ = 0;            // of them
  size_t charged_ = 0;
};

class StatsPipe : public Pipe {
 public:
  explicit StatsPipe(StatsSpec spec) : spec_(std::move(spec)) {}

  void Print(std::string* to) const override {
    to->append("stats ");
    if (!spec_.by.empty()) {
      to->append("by ");
      PrintGroupFields(to, spec_.by);
      to->push_back(' ');
    }
    for (size_t i = 0; i < spec_.calls.size(); ++i) {
      if (i != 0) to->append(", ");
      spec_.calls[i].function->Print(to);
      spec_.calls[i].condition.Print(to);
      to->append(" as ");
      filter::AppendQuoted(to, spec_.calls[i].name);
    }
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return StartStats(spec_, context, next);
  }
  bool aggregates() const override { return true; }
  StatsSpec* stats() override { return &spec_; }

 private:
  StatsSpec spec_;
};

// `count() hits`, `count() if (filter) as hits`, `count()`.
Result<StatsCall> ParseCall(filter::Lexer* lexer, const ParseOptions& options) {
  StatsCall call;
  NL_TRY(call.function, ParseStatsFunction(lexer));
  NL_TRY(call.condition, Condition::Parse(lexer, options));
  if (lexer->TakeKeyword("as")) {
    NL_TRY(call.name, filter::ParseName(lexer, "the name of a result after 'as'"));
  } else if (lexer->IsText()) {
    NL_TRY(call.name, filter::ParseName(lexer, "the name of a result"));
  } else {
    call.function->Print(&call.name);
    call.condition.Print(&call.name);
  }
  return call;
}

Status CheckNames(const filter::Lexer& lexer, size_t begin, const StatsSpec& spec) {
  std::vector<std::string_view> names;
  for (const GroupField& field : spec.by) names.push_back(field.field.name);
  for (const StatsCall& call : spec.calls) names.push_back(call.name);
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin == names.end()) return {};
  return lexer.ErrorAt(begin, "result name '" + std::string(*twin) + "' is used twice");
}

}  // namespace

Stage* StartStats(const StatsSpec& spec, const StageContext& context, Stage* next) {
  return context.Add<StatsStage>(spec, context, next);
}

PipeResult ParsePipeStats(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  const size_t begin = lexer->token().begin;
  StatsSpec spec;
  if (lexer->TakeKeyword("by") || lexer->IsSymbol('(')) {
    NL_TRY(spec.by, ParseGroupFields(lexer));
  }
  do {
    NL_TRY(StatsCall call, ParseCall(lexer, parse.options));
    spec.calls.push_back(std::move(call));
  } while (lexer->TakeSymbol(','));
  NL_RETURN_IF_ERROR(CheckNames(*lexer, begin, spec));
  return std::unique_ptr<Pipe>(std::make_unique<StatsPipe>(std::move(spec)));
}

}  // namespace neurallog::query
