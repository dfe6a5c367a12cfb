// A compiled filter: one predicate with two evaluators, over a record (rules, live tail) and over a
// column block (queries).
//
//   NL_TRY(auto filter, ParseFilter("level:error -timeout"));
//   NL_TRY(auto program, Program::Compile(*filter, {.now_ns = clock.WallNs()}));
//   if (program->MatchRecord(record)) ...
//   NL_TRY(uint32_t hits, program->MatchBlock(view, &rows));
//
// Over a block, the header decides first (none, all or some rows); then cheap predicates run before
// dear ones and a conjunction stops when no row is left. Only columns that a predicate needs are
// decoded. Immutable and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "block/block_view.h"
#include "filter/bitmap.h"
#include "filter/columns.h"
#include "filter/filter.h"
#include "index/token_query.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"

namespace neurallog::filter {

class Predicate;

// One record as a predicate sees it.
class RecordView {
 public:
  virtual ~RecordView() = default;
  virtual int64_t timestamp_ns() const = 0;
  // The text of the field with this stored name ("message", not "_msg"); empty when the record has
  // none or null.
  virtual std::string_view Get(std::string_view name) const = 0;
};

// What is known before the rows are looked at.
enum class Verdict : uint8_t { kNone, kAll, kSome };

struct CompileOptions {
  int64_t now_ns = 0;                  // what `now` and `_time:5m` refer to
  int64_t regexp_bytes_max = 8 << 20;  // memory of one compiled regular expression
};

class Program {
 public:
  // InvalidArgument for a regular expression that RE2 does not take.
  static Result<std::shared_ptr<const Program>> Compile(const Filter& filter,
                                                        const CompileOptions& options);
  ~Program();

  bool MatchRecord(const RecordView& record) const;

  // Sets *rows to the rows that match and returns their number.
  Result<uint32_t> MatchBlock(block::BlockView& view, Bitmap* rows) const;
  // Takes from *rows (a bit per row of the block) those that do not match.
  Status Refine(Columns& columns, Bitmap* rows) const;
  // Looks at the header and at const and dict columns that travel in it. Never reads a chunk.
  Verdict Judge(Columns& columns) const;

  // No row outside of it matches: the conjunction of the _time filters at the top level.
  const TimeRange& time_range() const { return time_range_; }
  // What a block must hold for a row of it to match.
  const index::TokenQuery& token_query() const { return token_query_; }
  // True for `*`.
  bool matches_everything() const { return matches_everything_; }

 private:
  Program() = default;

  std::unique_ptr<const Predicate> root_;
  TimeRange time_range_;
  index::TokenQuery token_query_;
  bool matches_everything_ = false;
};

}  // namespace neurallog::filter
