// A pipe is one step of a query behind its filter: parsed once (Pipe), started for each execution
// (Stage). Each has a file; the table of their names is pipe_table.cc. Adding one: copy its
// neighbour, add a row.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "filter/lexer.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "query/batch.h"
#include "query/execution.h"
#include "query/memory_budget.h"

namespace neurallog::query {

// Whether a query has to stop. Looked at per block and inside long loops.
class Interrupt {
 public:
  explicit Interrupt(const ExecuteOptions& options)
      : clock_(options.clock),
        deadline_ns_(options.deadline_monotonic_ns),
        cancelled_(options.cancelled) {}
  Status Check() const;

 private:
  const base::Clock* clock_;
  int64_t deadline_ns_;
  const std::atomic<bool>* cancelled_;
};

// What a stage has made of the rows of one block, apart from all others.
class Partial {
 public:
  virtual ~Partial() = default;
  virtual size_t memory_bytes() const = 0;
};

// A running pipe. Batches are pushed into it; what it lets through or makes, it pushes on. Not
// thread-safe.
class Stage {
 public:
  explicit Stage(Stage* next) : next_(next) {}
  virtual ~Stage() = default;

  virtual Status Push(Batch batch) = 0;
  // In place of Push, for stages that put rows together: what they make of this batch alone. Null: the
  // stage wants the rows. Thread-safe.
  virtual Result<std::shared_ptr<Partial>> MakePartial(Batch batch) const {
    static_cast<void>(batch);
    return std::shared_ptr<Partial>();
  }
  // Takes what MakePartial of an equal stage has made, in the order of the blocks. Leaves it as it is
  // when it may be shared.
  virtual Status PushPartial(Partial* partial) {
    static_cast<void>(partial);
    return {};
  }
  virtual bool shares_partials() const { return false; }
  // There are no more rows: pushes what is left, and tells the next stage.
  virtual Status Finish() { return next_->Finish(); }
  // False when no further row can change the answer.
  virtual bool wants_more() const { return next_->wants_more(); }
  // Rows outside of this range cannot change the answer any more. Only asked by stages that keep
  // rows as they are.
  virtual TimeRange needed() const { return {}; }
  // Rows to come are not newer than `ns` when the source goes from new to old, else not older. A
  // stage that orders rows by time can let go of those that are certain.
  virtual Status Advance(int64_t ns) {
    (void)ns;
    return {};
  }

 protected:
  Stage* const next_;
};

class SlowEnd;

// What a starting pipe finds. Stages live as long as the execution.
struct StageContext {
  MemoryBudget* budget;
  const Interrupt* interrupt;
  std::vector<std::unique_ptr<Stage>>* stages;
  SlowEnd** ending = nullptr;  // names the stage whose end is under way; null: none can be
  TimeRange range{};           // that the execution looks at
  std::vector<std::string>* estimates = nullptr;  // takes the results that are not exact

  template <typename S, typename... Args>
  Stage* Add(Args&&... args) const {
    stages->push_back(std::make_unique<S>(std::forward<Args>(args)...));
    return stages->back().get();
  }
};

// A stage that has much to do once it has seen all rows. Its Finish only begins the end; the execution then
// calls GoOn until `*context.ending` is another, with turns of other queries in between.
class SlowEnd : public Stage {
 public:
  SlowEnd(const StageContext& context, Stage* next) : Stage(next), ending_(context.ending) {}

  Status Finish() final {
    *ending_ = this;
    return {};
  }
  Status GoOn() {
    NL_TRY(const bool has_more, EndStep());
    if (has_more && next_->wants_more()) return {};
    *ending_ = nullptr;
    return next_->Finish();
  }

 protected:
  // Does some milliseconds of what is left; false when that was all.
  virtual Result<bool> EndStep() = 0;

 private:
  SlowEnd** const ending_;
};

// Which end of time a pipe wants to see first.
enum class BlockOrder : uint8_t {
  kAny,
  kOldestFirst,
  kNewestFirst,
  kAsAsked,  // newest first if the option newest_first is set
};

struct StatsSpec;      // query/stats_pipe.h
struct StreamContext;  // query/stream_context.h

// A parsed pipe. Immutable once started; outlives the stages that it starts.
class Pipe {
 public:
  virtual ~Pipe() = default;
  // Text that parses to an equal pipe.
  virtual void Print(std::string* to) const = 0;
  // Starts a stage (or several) in front of `next` and returns the first one.
  virtual Stage* Start(const StageContext& context, Stage* next) const = 0;

  // True when the rows are log records afterwards if they were before, none is lost but by a
  // filter, and their order is kept.
  virtual bool keeps_rows() const { return false; }
  virtual bool is_filter() const { return false; }
  // True when what it makes of a row depends on that row alone: it can then run on rows as they come
  // in, without an end.
  virtual bool is_row_by_row() const { return keeps_rows(); }
  // True when its rows are made, not let through.
  virtual bool aggregates() const { return false; }
  // The one field that its rows have, as it was written; empty when there may be others.
  virtual std::string_view only_field() const { return {}; }
  // Of the stats pipe itself, to be changed before the query runs; else null.
  virtual StatsSpec* stats() { return nullptr; }
  // Of the stream_context pipe itself, which has to be the first one behind filters; else null.
  virtual StreamContext* stream_context() { return nullptr; }
  // Of results whose rows are told apart by the fields in `labels`: what these are called behind the
  // pipe. InvalidArgument when it takes one away or writes over it.
  virtual Status ChangeLabels(std::vector<std::string>* labels) const {
    static_cast<void>(labels);
    return {};
  }
  // A limit of its own counts anew for each time.
  virtual void PartitionByTime() {}
  // Of the blocks, when this is the first pipe that does not just keep rows.
  virtual BlockOrder block_order() const { return BlockOrder::kAny; }
};

struct ParseOptions;

// Parses the pipe at the lexer's place, up to '|', ')' or the end.
Result<std::unique_ptr<Pipe>> ParsePipe(filter::Lexer* lexer, const ParseOptions& options);

// Of all pipes, in order.
std::vector<std::string_view> PipeNames();

// The parser of each pipe stands behind the pipe's name, which is `name`.
struct PipeParse {
  filter::Lexer* lexer;
  const ParseOptions& options;
  std::string_view name;
};
using PipeResult = Result<std::unique_ptr<Pipe>>;
PipeResult ParsePipeBlockStats(const PipeParse& parse);
PipeResult ParsePipeBlocksCount(const PipeParse& parse);
PipeResult ParsePipeCollapseNums(const PipeParse& parse);
PipeResult ParsePipeCopy(const PipeParse& parse);
PipeResult ParsePipeDecolorize(const PipeParse& parse);
PipeResult ParsePipeDelete(const PipeParse& parse);
PipeResult ParsePipeDropEmptyFields(const PipeParse& parse);
PipeResult ParsePipeExtract(const PipeParse& parse);
PipeResult ParsePipeExtractRegexp(const PipeParse& parse);
PipeResult ParsePipeFacets(const PipeParse& parse);
PipeResult ParsePipeFieldNames(const PipeParse& parse);
PipeResult ParsePipeFieldValues(const PipeParse& parse);
PipeResult ParsePipeFields(const PipeParse& parse);
PipeResult ParsePipeFilter(const PipeParse& parse);
PipeResult ParsePipeFirst(const PipeParse& parse);
PipeResult ParsePipeFormat(const PipeParse& parse);
PipeResult ParsePipeHash(const PipeParse& parse);
PipeResult ParsePipeJoin(const PipeParse& parse);
PipeResult ParsePipeJsonArrayLen(const PipeParse& parse);
PipeResult ParsePipeLast(const PipeParse& parse);
PipeResult ParsePipeLen(const PipeParse& parse);
PipeResult ParsePipeLimit(const PipeParse& parse);
PipeResult ParsePipeMath(const PipeParse& parse);
PipeResult ParsePipeOffset(const PipeParse& parse);
PipeResult ParsePipePackJson(const PipeParse& parse);
PipeResult ParsePipePackLogfmt(const PipeParse& parse);
PipeResult ParsePipeRename(const PipeParse& parse);
PipeResult ParsePipeReplace(const PipeParse& parse);
PipeResult ParsePipeReplaceRegexp(const PipeParse& parse);
PipeResult ParsePipeSample(const PipeParse& parse);
PipeResult ParsePipeSort(const PipeParse& parse);
PipeResult ParsePipeStats(const PipeParse& parse);
PipeResult ParsePipeStreamContext(const PipeParse& parse);
PipeResult ParsePipeTop(const PipeParse& parse);
PipeResult ParsePipeUnion(const PipeParse& parse);
PipeResult ParsePipeUniq(const PipeParse& parse);
PipeResult ParsePipeUnpackJson(const PipeParse& parse);
PipeResult ParsePipeUnpackLogfmt(const PipeParse& parse);
PipeResult ParsePipeUnpackSyslog(const PipeParse& parse);
PipeResult ParsePipeUnpackWords(const PipeParse& parse);
PipeResult ParsePipeUnroll(const PipeParse& parse);

// InvalidArgument when `name` is one of the labels.
Status CheckNoLabel(const std::vector<std::string>& labels, std::string_view name,
                    std::string_view pipe);

// Parts of the grammar that several pipes share.

// A whole number that fits uint64, also as 10K or 1_000.
Result<uint64_t> ParseCount(filter::Lexer* lexer, std::string_view expected);
// A name or `prefix*`.
Result<FieldPattern> ParseFieldPattern(filter::Lexer* lexer, std::string_view expected);
// Names or `prefix*`, separated by commas; at least one. With `(`...`)` around when
// `in_parentheses`.
Result<std::vector<FieldPattern>> ParseFieldList(filter::Lexer* lexer, std::string_view expected);
Result<std::vector<FieldPattern>> ParseFieldListInParentheses(filter::Lexer* lexer,
                                                              std::string_view expected);
void PrintFieldList(std::string* to, const std::vector<FieldPattern>& fields);

std::unique_ptr<Pipe> MakePipeLimit(uint64_t limit);
std::unique_ptr<Pipe> MakePipeOffset(uint64_t offset);
// All rows in the order of time.
std::unique_ptr<Pipe> MakePipeTimeOrder(bool newest_first);

// The newest (or oldest) `limit` rows after `offset`: what the option limit of an execution means.
std::unique_ptr<Pipe> MakePipeSortByTime(bool newest_first, uint64_t limit, uint64_t offset);

}  // namespace neurallog::query
