// A source that visits blocks in order of time and pushes the rows that match through the stages of
// the pipes into a sink, from which Next writes lines. The source only works while the sink is
// empty, so that at most the rows of one block wait.
#include "query/execution.h"

#include <algorithm>
#include <deque>
#include <set>

#include "query/lookahead.h"
#include "query/nested_query.h"
#include "query/pipe.h"
#include "query/row_subset.h"
#include "query/row_visitor.h"
#include "query/row_writer.h"
#include "query/shifted_blocks.h"
#include "query/stream_context.h"

namespace neurallog::query {
namespace {

std::shared_ptr<const block::BlockSet> ShiftBlocks(std::shared_ptr<const block::BlockSet> blocks,
                                                   int64_t offset_ns) {
  if (offset_ns == 0) return blocks;
  return std::make_shared<ShiftedBlocks>(std::move(blocks), offset_ns);
}

}  // namespace

class OutputStage : public Stage {
 public:
  OutputStage() : Stage(nullptr) {}
  Status Push(Batch batch) override {
    if (batch.count > 0) batches_.push_back(std::move(batch));
    return {};
  }
  Status Finish() override { return {}; }
  bool wants_more() const override { return true; }

  bool empty() const { return batches_.empty(); }
  Batch& front() { return batches_.front(); }
  void PopFront() { batches_.pop_front(); }
  std::deque<Batch>& batches() { return batches_; }
  void Clear() { batches_.clear(); }

 private:
  std::deque<Batch> batches_;
};

class Execution::Impl {
 public:
  Impl(Query query, std::shared_ptr<const block::BlockSet> blocks, const ExecuteOptions& options)
      : query_(ReadStreamContext(std::move(query))),
        given_blocks_(blocks),
        blocks_(ShiftBlocks(std::move(blocks), query_.options.time_offset_ns)),
        options_(options),
        interrupt_(options_),
        budget_(MakeBudget()) {
    range_ = Intersect(query_.time_range(), Shift(options.visible, query_.options.time_offset_ns));
    if (!query_.options.ignore_global_time_filter)
      range_ = Intersect(range_, RangeWithContext(query_, options.range));
    if (options.limit || options.offset > 0) {
      ApplyLimit(options.limit.value_or(kNoLimit));
    } else if (options.in_order && KeepsRows()) {
      InsertSort(MakePipeTimeOrder(options.newest_first));
      is_merged_ = true;
    }
    ChooseOrder();
    StartStages();
    ListBlocks();
    stats_.blocks_total = blocks_->size();
    writer_ = MakeWriter();
  }

  Result<bool> Next(size_t bytes_target, std::string* out);
  ExecutePlan Plan();
  const ExecuteStats& stats() const { return stats_; }

 private:
  void ApplyLimit(uint64_t limit);
  bool KeepsRows() const;
  void InsertSort(std::unique_ptr<Pipe> sort);
  void ChooseOrder();
  void StartStages();
  void ListBlocks();

  // Runs what is left of the nested queries until the slice is over; true when all have run.
  Result<bool> RunNested();
  Status StepNested();
  ExecuteOptions OptionsOfNested() const;
  // For what the nested queries that have run left behind.
  Status ChargeNested();
  // The filter again, now that it knows the values of its subqueries.
  Status Recompile();
  void AddToPlan(uint32_t index, ExecutePlan* plan);
  // Runs `work` and adds how long it took.
  template <typename F>
  auto Timed(int64_t* ns, F work) {
    const int64_t begin_ns = options_.clock->MonotonicNs();
    auto result = work();
    *ns += options_.clock->MonotonicNs() - begin_ns;
    return result;
  }

  // Takes blocks out of order_ that the token index rules out.
  void AskIndex();
  void SortBlocks();

  Status ScanOrFinish();
  Status ScanNextBlock();
  Status Finish();
  // What the next block gives. Other threads work on those behind it once the query has turned out to
  // be long.
  Selection SelectNext();
  void ScheduleAhead();
  void Count(const Selection& selection);
  Status PushRows(Batch batch);
  void StartSelector();
  // An error for which a damaged block is to blame is none: the block is left out.
  Status LeaveOutDamaged(const Status& status);
  void LeaveOutFront();
  Status Restart();
  std::unique_ptr<MemoryBudget> MakeBudget() const {
    return std::make_unique<MemoryBudget>(options_.memory_bytes_max, options_.memory_pool);
  }
  std::unique_ptr<RowWriter> MakeWriter() const;
  std::unique_ptr<RowWriter> MakeFormatWriter() const;
  bool IsPageFull() const { return options_.page != nullptr && options_.page->is_full; }
  Status Write(size_t size_max, std::string* out);
  bool IsTurnOver(int64_t taken_ns) const;

  // Constant after construction.
  Query query_;
  std::shared_ptr<const block::BlockSet>
      given_blocks_;  // for nested queries, which shift for themselves
  std::shared_ptr<const block::BlockSet> blocks_;
  const ExecuteOptions options_;
  const Interrupt interrupt_;
  TimeRange range_;
  bool newest_first_ = false;
  bool scans_all_ = false;       // no pipe ends the scan early
  bool is_merged_ = false;       // batches of a block come in turn with those of others
  std::vector<uint32_t> order_;  // blocks to visit

  // Blocks left out, the last column that could not be read, and the columns that are read before a block's rows go on, so that they go on
  // whole or not at all. The number of restarts is bounded by kRestartsMax.
  std::set<uint32_t> left_out_;
  ReadMonitor monitor_{options_.bytes_scanned_max};
  std::set<std::string> checked_columns_;
  int restarts_ = 0;
  static constexpr int kRestartsMax = 16;
  static constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

  std::unique_ptr<MemoryBudget> budget_;  // outlives everything that is charged to it
  OutputStage sink_;
  std::vector<std::unique_ptr<Stage>> stages_;
  Stage* first_stage_ = nullptr;
  std::unique_ptr<RowWriter> writer_;
  bool is_sorted_ = false;       // order_, and without the blocks that the index rules out
  std::unique_ptr<Impl> inner_;  // a nested query that runs
  size_t next_nested_ = 0;
  size_t nested_bytes_ = 0;  // charged
  uint64_t nested_damaged_ = 0;
  size_t next_block_ = 0;   // in order_
  uint32_t next_row_ = 0;   // of the sink's first batch
  bool is_ending_ = false;  // all blocks were visited
  SlowEnd* ending_ = nullptr;
  bool is_finished_ = false;
  ExecuteStats stats_;

  bool makes_partials_ = false;
  std::optional<Selector> selector_;    // from the first block on
  std::optional<Lookahead> lookahead_;  // goes first: helpers use what stands above
  size_t next_scheduled_ = 0;           // in order_
  int64_t scan_ns_ = 0;                 // of this thread, so far
  size_t ahead_max_ = 8;                // blocks
  static constexpr int64_t kLongNs = 3'000'000;
  bool has_large_partials_ = false;
};

// With pipes that keep rows as they are, the limit means the newest rows, chosen right behind the
// last filter: pipes after it may take _time away. Otherwise it cuts the answer.
void Execution::Impl::ApplyLimit(uint64_t limit) {
  if (KeepsRows())
    return InsertSort(MakePipeSortByTime(options_.newest_first, limit, options_.offset));
  if (options_.offset > 0) query_.pipes.push_back(MakePipeOffset(options_.offset));
  if (limit != kNoLimit) query_.pipes.push_back(MakePipeLimit(limit));
}

bool Execution::Impl::KeepsRows() const {
  return std::all_of(query_.pipes.begin(), query_.pipes.end(),
                     [](const auto& pipe) { return pipe->keeps_rows(); });
}

void Execution::Impl::InsertSort(std::unique_ptr<Pipe> sort) {
  auto& pipes = query_.pipes;
  auto place = pipes.begin();
  for (auto pipe = pipes.begin(); pipe != pipes.end(); ++pipe)
    if ((*pipe)->is_filter()) place = pipe + 1;
  pipes.insert(place, std::move(sort));
}

void Execution::Impl::ChooseOrder() {
  const auto decides = std::find_if(query_.pipes.begin(), query_.pipes.end(),
                                    [](const auto& pipe) { return !pipe->keeps_rows(); });
  const BlockOrder order =
      decides == query_.pipes.end() ? BlockOrder::kAny : (*decides)->block_order();
  scans_all_ = order == BlockOrder::kAny;
  newest_first_ =
      order == BlockOrder::kNewestFirst || (order == BlockOrder::kAsAsked && options_.newest_first);
}

void Execution::Impl::StartStages() {
  const StageContext context{budget_.get(), &interrupt_, &stages_,
                             &ending_,      range_,      &stats_.estimates};
  first_stage_ = &sink_;
  for (auto pipe = query_.pipes.rbegin(); pipe != query_.pipes.rend(); ++pipe)
    first_stage_ = (*pipe)->Start(context, first_stage_);
}

void Execution::Impl::ListBlocks() {
  for (size_t i = 0; i < blocks_->size(); ++i) {
    const block::BlockHeader& header = blocks_->header(i);
    const bool is_outside =
        header.rows == 0 || header.max_ns < range_.start_ns || header.min_ns >= range_.end_ns;
    if (is_outside) {
      ++stats_.blocks_pruned;
      ++stats_.blocks_pruned_by_time;
    } else {
      order_.push_back(static_cast<uint32_t>(i));
    }
  }
}

// The times stand beside the blocks while these are sorted: headers lie all over the memory.
void Execution::Impl::SortBlocks() {
  std::vector<std::pair<int64_t, uint32_t>> by_time;
  by_time.reserve(order_.size());
  for (const uint32_t block : order_) {
    const block::BlockHeader& header = blocks_->header(block);
    by_time.emplace_back(newest_first_ ? ~header.max_ns : header.min_ns, block);
  }
  std::sort(by_time.begin(), by_time.end());
  for (size_t i = 0; i < order_.size(); ++i) order_[i] = by_time[i].second;
}

ExecuteOptions Execution::Impl::OptionsOfNested() const {
  ExecuteOptions options = options_;
  options.limit.reset();
  options.offset = 0;
  options.in_order = false;
  options.page = nullptr;
  options.visitor = query_.nested[next_nested_]->visitor();
  options.memory_bytes_max -= std::min(options.memory_bytes_max, budget_->used());
  options.bytes_scanned_max -= std::min(options.bytes_scanned_max, stats_.bytes_scanned);
  return options;
}

Status Execution::Impl::StepNested() {
  NestedQuery& nested = *query_.nested[next_nested_];
  if (inner_ == nullptr)
    inner_ = std::make_unique<Impl>(nested.TakeQuery(), given_blocks_, OptionsOfNested());
  constexpr size_t kAnySize = 1;  // rows go to the visitor, there are no lines
  std::string lines;
  NL_TRY(const bool more, inner_->Next(kAnySize, &lines));
  if (more) return {};
  NL_RETURN_IF_ERROR(nested.Finish());
  stats_.blocks_scanned += inner_->stats().blocks_scanned;
  stats_.rows_scanned += inner_->stats().rows_scanned;
  monitor_.AddBytes(inner_->stats().bytes_scanned);
  stats_.bytes_scanned = monitor_.bytes_read();
  nested_damaged_ += inner_->stats().blocks_damaged;
  stats_.blocks_damaged = nested_damaged_;
  inner_.reset();
  ++next_nested_;
  return ChargeNested();
}

Status Execution::Impl::ChargeNested() {
  size_t bytes = 0;
  for (size_t i = 0; i < next_nested_; ++i) bytes += query_.nested[i]->visitor()->memory_bytes();
  return budget_->Charge(&nested_bytes_, bytes);
}

Status Execution::Impl::Recompile() {
  if (!filter::HasSubquery(*query_.filter)) return {};
  NL_TRY(query_.program, filter::Program::Compile(*query_.filter, {.now_ns = query_.now_ns}));
  return {};
}

Result<bool> Execution::Impl::RunNested() {
  if (next_nested_ == query_.nested.size()) return true;
  const int64_t begin_ns = options_.clock->MonotonicNs();
  while (next_nested_ < query_.nested.size()) {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    NL_RETURN_IF_ERROR(StepNested());
    if (options_.clock->MonotonicNs() - begin_ns >= options_.slice_ns) return false;
  }
  NL_RETURN_IF_ERROR(Recompile());
  return true;
}

Result<bool> Execution::Impl::Next(size_t bytes_target, std::string* out) {
  NL_TRY(const bool may_begin, RunNested());
  if (!may_begin) return true;
  const size_t size_before = out->size();
  const size_t size_max = size_before + std::max<size_t>(bytes_target, 1);
  const bool is_first = stats_.rows_returned == 0;
  const int64_t begin_ns = options_.clock->MonotonicNs();
  while (out->size() < size_max) {
    if (!sink_.empty()) {
      const Status written = Timed(&stats_.write_ns, [&] { return Write(size_max, out); });
      stats_.bytes_scanned = monitor_.bytes_read();
      if (!written.ok() && is_first) {  // rows of this call can be taken back
        out->resize(size_before);
        stats_.rows_returned = stats_.bytes_returned = 0;
      }
      NL_RETURN_IF_ERROR(LeaveOutDamaged(written));
      if (!written.ok() && !sink_.empty()) LeaveOutFront();
    } else if (is_finished_) {
      break;
    } else {
      NL_RETURN_IF_ERROR(interrupt_.Check());
      const Status scanned = ScanOrFinish();
      if (!is_merged_) NarrowToRows(&sink_.batches());
      stats_.bytes_scanned = monitor_.bytes_read();
      NL_RETURN_IF_ERROR(LeaveOutDamaged(scanned));
      NL_RETURN_IF_ERROR(monitor_.CheckBytes());
    }
    stats_.memory_bytes_peak = budget_->peak();
    if (IsTurnOver(options_.clock->MonotonicNs() - begin_ns)) break;
  }
  return !sink_.empty() || !is_finished_;
}

// Earlier when short queries wait for a thread.
bool Execution::Impl::IsTurnOver(int64_t taken_ns) const {
  constexpr int64_t kShareMin = 4;  // of a turn
  if (taken_ns >= options_.slice_ns) return true;
  return taken_ns >= options_.slice_ns / kShareMin && options_.helpers != nullptr &&
         options_.helpers->HasShortWaiting();
}

std::unique_ptr<RowWriter> Execution::Impl::MakeWriter() const {
  if (options_.visitor != nullptr) return MakeVisitingWriter(options_.visitor, budget_.get());
  std::unique_ptr<RowWriter> writer = MakeFormatWriter();
  if (options_.with_ids) writer = MakeIdWriter(std::move(writer));
  return options_.page == nullptr ? std::move(writer)
                                  : MakePageWriter(std::move(writer), options_.page);
}

std::unique_ptr<RowWriter> Execution::Impl::MakeFormatWriter() const {
  if (options_.format == OutputFormat::kNative) return MakeNativeWriter();
  if (options_.format == OutputFormat::kVictoriaLogs) return MakeVictoriaLogsWriter();
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  for (const uint32_t block : order_)
    for (const block::ColumnMeta& column : blocks_->header(block).columns)
      if (seen.insert(column.name).second) names.push_back(column.name);
  return MakeCsvWriter(std::move(names));
}

void Execution::Impl::AskIndex() {
  const index::TokenQuery& tokens = query_.program->token_query();
  if (tokens.is_always() || order_.empty()) return;
  const std::vector<bool> candidates = Timed(
      &stats_.index_ns, [&] { return blocks_->FindCandidates(tokens, &stats_.index_pages_read); });
  stats_.blocks_pruned_by_index =
      std::erase_if(order_, [&](uint32_t block) { return !candidates[block]; });
}

ExecutePlan Execution::Impl::Plan() {
  ExecutePlan plan;
  plan.blocks_total = blocks_->size();
  plan.blocks_pruned_by_time = blocks_->size() - order_.size();
  AskIndex();
  plan.blocks_pruned_by_index = stats_.blocks_pruned_by_index;
  plan.index_pages_read = stats_.index_pages_read;
  for (const uint32_t block : order_) AddToPlan(block, &plan);
  return plan;
}

void Execution::Impl::AddToPlan(uint32_t index, ExecutePlan* plan) {
  const std::unique_ptr<block::BlockView> view = blocks_->Open(index);
  filter::Columns columns(*view);
  const filter::Verdict verdict = query_.program->Judge(columns);
  if (verdict == filter::Verdict::kNone) {
    ++plan->blocks_pruned_by_header;
    return;
  }
  plan->blocks_matching_whole += verdict == filter::Verdict::kAll ? 1 : 0;
  ++plan->blocks_left;
  plan->rows_left += view->header().rows;
  for (const block::ColumnMeta& column : view->header().columns)
    plan->bytes_left += column.chunk_bytes;
}

Status Execution::Impl::ScanOrFinish() {
  if (!is_sorted_ && first_stage_->wants_more()) {
    AskIndex();
    SortBlocks();
    StartSelector();
    is_sorted_ = true;
  }
  if (next_block_ < order_.size() && first_stage_->wants_more()) {
    const block::BlockHeader& next = blocks_->header(order_[next_block_]);
    NL_RETURN_IF_ERROR(first_stage_->Advance(newest_first_ ? next.max_ns : next.min_ns));
    const bool is_answered = !sink_.empty() || !first_stage_->wants_more();
    return is_answered ? Status::Ok() : ScanNextBlock();
  }
  next_block_ = order_.size();
  return Timed(&stats_.pipes_ns, [this] { return Finish(); });
}

// The end of one stage after the other.
Status Execution::Impl::Finish() {
  const bool begins = !std::exchange(is_ending_, true);
  const Status status = begins ? first_stage_->Finish() : ending_->GoOn();
  is_finished_ = ending_ == nullptr;
  return status;
}

void Execution::Impl::StartSelector() {
  lookahead_.reset();
  const std::optional<std::string> key =
      options_.partials != nullptr && first_stage_->shares_partials() ? PartialKey(query_)
                                                                      : std::nullopt;
  selector_.emplace(SelectorParts{
      *query_.program, *blocks_, budget_.get(), &monitor_, *options_.clock, *first_stage_,
      checked_columns_, options_.partials, key.value_or(""), RowsKey(query_).value_or("")});
  makes_partials_ = key.has_value();
  const uint32_t threads = query_.options.concurrency;
  if (threads > 0) ahead_max_ = std::min<size_t>(ahead_max_, threads - 1);
  if (options_.helpers != nullptr && ahead_max_ > 0)
    lookahead_.emplace(options_.helpers, &*selector_);
}

Selection Execution::Impl::SelectNext() {
  const uint32_t block = order_[next_block_++];
  if (lookahead_ && lookahead_->size() > 0) return lookahead_->Take();
  next_scheduled_ = next_block_;
  return selector_->Select(block, Intersect(range_, first_stage_->needed()), makes_partials_);
}

void Execution::Impl::ScheduleAhead() {
  if (!lookahead_ || scan_ns_ < kLongNs || !scans_all_) return;
  makes_partials_ |= first_stage_->shares_partials() && !has_large_partials_;
  next_scheduled_ = std::max(next_scheduled_, next_block_);
  for (; next_scheduled_ < order_.size() && lookahead_->size() < ahead_max_; ++next_scheduled_)
    lookahead_->Schedule(order_[next_scheduled_], range_, makes_partials_);
}

void Execution::Impl::Count(const Selection& selection) {
  stats_.blocks_pruned += selection.is_pruned ? 1 : 0;
  stats_.blocks_scanned += selection.rows_scanned > 0 ? 1 : 0;
  stats_.rows_scanned += selection.rows_scanned;
  stats_.rows_matched += selection.rows_matched;
  stats_.filter_ns += selection.filter_ns;
  stats_.pipes_ns += selection.pipes_ns;
}

Status Execution::Impl::ScanNextBlock() {
  const int64_t begin_ns = options_.clock->MonotonicNs();
  ScheduleAhead();
  const uint32_t block = order_[next_block_];
  Selection selection = SelectNext();
  Count(selection);
  has_large_partials_ |= selection.partial != nullptr && !selection.is_small;
  makes_partials_ &= !has_large_partials_;
  scan_ns_ += options_.clock->MonotonicNs() - begin_ns;
  if (selection.status.code() == Code::kCorruption && monitor_.TakeDamage()) {
    left_out_.insert(block);
    stats_.blocks_damaged = nested_damaged_ + left_out_.size();
    return {};
  }
  NL_RETURN_IF_ERROR(selection.status);
  if (selection.rows_matched == 0) return {};
  return Timed(&stats_.pipes_ns, [&] {
    return selection.partial != nullptr ? first_stage_->PushPartial(selection.partial.get())
                                        : PushRows(std::move(selection.batch));
  });
}

Status Execution::Impl::PushRows(Batch batch) {
  batch.newest_first = newest_first_;
  return first_stage_->Push(std::move(batch));
}

// Rows that went on are taken back by beginning anew without the block, as long as none was returned. Otherwise what is left of the block
// is left out.
Status Execution::Impl::LeaveOutDamaged(const Status& status) {
  if (status.code() != Code::kCorruption) return status;
  const std::optional<DamagedColumn> damaged = monitor_.TakeDamage();
  if (!damaged) return status;
  if (lookahead_) lookahead_->Clear();
  left_out_.insert(damaged->block);
  stats_.blocks_damaged = nested_damaged_ + left_out_.size();
  checked_columns_.insert(damaged->name);
  next_scheduled_ = next_block_;
  if (stats_.rows_returned == 0 && restarts_++ < kRestartsMax) return Restart();
  return {};
}

void Execution::Impl::LeaveOutFront() {
  next_row_ = 0;
  sink_.PopFront();
}

Status Execution::Impl::Restart() {
  sink_.Clear();
  stages_.clear();
  stats_.estimates.clear();
  writer_.reset();
  budget_ = MakeBudget();
  nested_bytes_ = 0;
  writer_ = MakeWriter();
  StartStages();
  StartSelector();
  std::erase_if(order_, [this](uint32_t block) { return left_out_.contains(block); });
  next_block_ = next_scheduled_ = 0;
  next_row_ = 0;
  is_ending_ = is_finished_ = false;
  ending_ = nullptr;
  stats_.blocks_scanned = stats_.rows_scanned = stats_.rows_matched = 0;
  return ChargeNested();
}

Status Execution::Impl::Write(size_t size_max, std::string* out) {
  Batch& batch = sink_.front();
  NL_RETURN_IF_ERROR(writer_->Prepare(batch));
  const std::vector<uint32_t>& rows = batch.List();
  const size_t before = out->size();
  const size_t written = writer_->WriteUntil(size_max, std::span(rows).subspan(next_row_), out);
  next_row_ += static_cast<uint32_t>(written);
  stats_.rows_returned += written;
  stats_.bytes_returned += out->size() - before;
  if (IsPageFull()) {
    is_finished_ = true;
    sink_.Clear();
    return {};
  }
  if (next_row_ < rows.size()) return {};
  LeaveOutFront();
  return {};
}

Execution::Execution(Query query, std::shared_ptr<const block::BlockSet> blocks,
                     const ExecuteOptions& options)
    : impl_(std::make_unique<Impl>(std::move(query), std::move(blocks), options)) {}
Execution::Execution(Execution&&) noexcept = default;
Execution::~Execution() = default;

Result<bool> Execution::Next(size_t bytes_target, std::string* out) {
  return impl_->Next(bytes_target, out);
}
ExecutePlan Execution::Plan() { return impl_->Plan(); }
const ExecuteStats& Execution::stats() const { return impl_->stats(); }

}  // namespace neurallog::query
