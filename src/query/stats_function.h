// The functions of the stats pipe: `count() hits`, `quantile(0.5, field)`. A StatsFunction is the
// parsed call, a StatsState its values for every group of one execution. Each function has a file;
// the table of their names is stats_table.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filter/columns.h"
#include "filter/lexer.h"
#include "filter/number.h"
#include "query/batch.h"
#include "query/derived_rows.h"
#include "query/pipe.h"

namespace neurallog::query {

// Rows of a batch and the group of each.
struct StatsInput {
  Batch& batch;
  // Parallel to batch.List(). Empty: every row belongs to group 0, and batch.count says how many
  // there are.
  std::span<const uint32_t> groups;

  bool has_groups() const { return !groups.empty(); }
  uint32_t GroupOf(size_t i) const { return groups.empty() ? 0 : groups[i]; }
};

// Values of a function, one per group. Not thread-safe.
class StatsState {
 public:
  virtual ~StatsState() = default;
  virtual void Resize(size_t groups) = 0;
  virtual Status Update(const StatsInput& input) = 0;
  // Of states that want no more than the number of rows: adds them without showing them.
  virtual bool only_counts() const { return false; }
  virtual void AddRows(size_t group, uint64_t rows) {
    static_cast<void>(group);
    static_cast<void>(rows);
  }
  // Adds the values of a state of the same function, which saw later rows: its group i is this one's
  // group groups[i]. The result is what one state that saw all rows would have.
  virtual void Merge(StatsState& other, std::span<const uint32_t> groups) = 0;
  // Whether Merge leaves the other state as it is, and that takes little memory.
  virtual bool can_be_shared() const { return false; }
  // Adds the group's value to a result column.
  virtual void Append(size_t group, filter::ColumnBuilder* to) = 0;
  virtual size_t memory_bytes() const = 0;
  // How wrong values can be that were estimated, such as "0.5 % of the value"; empty: all are exact.
  virtual std::string_view error_bound() const { return {}; }
};

// A state that keeps a V per group. V has `void Merge(V& later)` and `size_t heap_bytes() const`.
template <typename V>
class GroupState : public StatsState {
 public:
  void Resize(size_t groups) final { values_.resize(groups); }
  void Merge(StatsState& other, std::span<const uint32_t> groups) final {
    auto& later = static_cast<GroupState&>(other).values_;
    for (size_t i = 0; i < groups.size(); ++i)
      Change(groups[i], [&](V& value) { value.Merge(later[i]); });
    OnMerged(other);
  }
  size_t memory_bytes() const final { return values_.capacity() * sizeof(V) + heap_bytes_; }

 protected:
  // What is to be done when much has come together.
  virtual void OnMerged(const StatsState& other) { static_cast<void>(other); }
  size_t groups() const { return values_.size(); }
  size_t heap_bytes() const { return heap_bytes_; }
  V& value(size_t group) { return values_[group]; }
  // Changes a value that may hold memory of its own.
  template <typename F>
  void Change(size_t group, F change) {
    V& value = values_[group];
    heap_bytes_ -= value.heap_bytes();
    change(value);
    heap_bytes_ += value.heap_bytes();
  }

 private:
  std::vector<V> values_;
  size_t heap_bytes_ = 0;
};

// What several functions of one stats pipe use together.
class SharedState {
 public:
  virtual ~SharedState() = default;
};

// What a starting function finds.
struct StatsContext {
  double seconds = 1;  // that a group covers: its time bucket, else the range of the query
  // Beyond this, functions that can estimate do so.
  size_t exact_bytes_max = SIZE_MAX;
  // Of the functions that were started before it and see the same rows; null: it sees others.
  std::vector<std::shared_ptr<SharedState>>* shared = nullptr;
};

// Immutable.
class StatsFunction {
 public:
  virtual ~StatsFunction() = default;
  virtual void Print(std::string* to) const = 0;
  virtual std::unique_ptr<StatsState> Start(const StatsContext& context) const = 0;
};

// The parser of each function stands behind the function's '(' and leaves the lexer behind ')'.
using StatsFunctionResult = Result<std::unique_ptr<StatsFunction>>;
StatsFunctionResult ParseStatsAvg(filter::Lexer* lexer);
StatsFunctionResult ParseStatsCount(filter::Lexer* lexer);
StatsFunctionResult ParseStatsCountEmpty(filter::Lexer* lexer);
StatsFunctionResult ParseStatsCountUniq(filter::Lexer* lexer);
StatsFunctionResult ParseStatsHistogram(filter::Lexer* lexer);
StatsFunctionResult ParseStatsJsonValues(filter::Lexer* lexer);
StatsFunctionResult ParseStatsMax(filter::Lexer* lexer);
StatsFunctionResult ParseStatsMedian(filter::Lexer* lexer);
StatsFunctionResult ParseStatsMin(filter::Lexer* lexer);
StatsFunctionResult ParseStatsQuantile(filter::Lexer* lexer);
StatsFunctionResult ParseStatsRate(filter::Lexer* lexer);
StatsFunctionResult ParseStatsRateSum(filter::Lexer* lexer);
StatsFunctionResult ParseStatsRowAny(filter::Lexer* lexer);
StatsFunctionResult ParseStatsRowMax(filter::Lexer* lexer);
StatsFunctionResult ParseStatsRowMin(filter::Lexer* lexer);
StatsFunctionResult ParseStatsSum(filter::Lexer* lexer);
StatsFunctionResult ParseStatsSumLen(filter::Lexer* lexer);
StatsFunctionResult ParseStatsUniqValues(filter::Lexer* lexer);
StatsFunctionResult ParseStatsValues(filter::Lexer* lexer);

// Whether there is a function of this name, in lower case.
bool IsStatsFunction(std::string_view name);
// Of all functions, in order.
std::vector<std::string_view> StatsFunctionNames();
// Parses `name(...)` at the lexer's place.
StatsFunctionResult ParseStatsFunction(filter::Lexer* lexer);
std::unique_ptr<StatsFunction> MakeStatsCount();

// The arguments up to ')': names of fields or `prefix*`; none, or `*`, is an empty list when
// `may_be_empty`.
Result<std::vector<FieldPattern>> ParseStatsFields(filter::Lexer* lexer, bool may_be_empty);
// `a, b*`, or `*` for an empty list.
void PrintStatsFields(std::string* to, const std::vector<FieldPattern>& fields);
// `limit N`; 0 when it is not there, which is none.
Result<uint64_t> ParseStatsLimit(filter::Lexer* lexer);
// The fields of the batch that are meant; one that no row has is there too, unless it was meant by a
// wildcard. An empty list means all.
Result<std::vector<FieldReader>> OpenStatsFields(Batch& batch,
                                                 const std::vector<FieldPattern>& fields);

// Reads the numbers of a column; each entry of a dictionary is parsed once.
class NumberReader {
 public:
  // `numbers` are those of its entries, where they are known.
  explicit NumberReader(const block::Column* column,
                        const filter::EntryNumbers* numbers = nullptr);
  // False when the row has no number.
  bool Read(uint32_t row, filter::Number* number) const;
  // The nearest double; NaN when the row has no number.
  double ReadDouble(uint32_t row) const;

 private:
  const block::Column* const column_;  // null: no row has one
  std::optional<const filter::EntryNumbers> own_;
  const filter::EntryNumbers* entries_ = nullptr;
};

}  // namespace neurallog::query
