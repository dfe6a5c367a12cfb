// `count()`: rows. `count(a, b*)`: rows in which one of the fields has a value. `count_empty(a, b)`:
// rows in which none has.
#include "query/stats_function.h"

namespace neurallog::query {
namespace {

struct Count {
  uint64_t rows = 0;
  void Merge(const Count& later) { rows += later.rows; }
  static size_t heap_bytes() { return 0; }
};

enum class Counted : uint8_t { kRows, kWithValue, kEmpty };

class CountState : public GroupState<Count> {
 public:
  CountState(const std::vector<FieldPattern>& fields, Counted counted)
      : fields_(fields), counted_(counted) {}

  Status Update(const StatsInput& input) override {
    if (counted_ != Counted::kRows) return UpdateByValue(input);
    if (!input.has_groups()) {
      value(0).rows += input.batch.count;
      return {};
    }
    for (const uint32_t group : input.groups) ++value(group).rows;
    return {};
  }

  bool can_be_shared() const override { return true; }
  bool only_counts() const override { return counted_ == Counted::kRows; }
  void AddRows(size_t group, uint64_t rows) override { value(group).rows += rows; }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    to->Add(std::to_string(value(group).rows), ValueType::kNumber);
  }

 private:
  Status UpdateByValue(const StatsInput& input) {
    NL_TRY(std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    const std::vector<uint32_t>& rows = input.batch.List();
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool has_value = std::any_of(readers.begin(), readers.end(), [&](FieldReader& reader) {
        return !reader.Text(rows[i]).empty();
      });
      if (has_value == (counted_ == Counted::kWithValue)) ++value(input.GroupOf(i)).rows;
    }
    return {};
  }

  const std::vector<FieldPattern>& fields_;
  const Counted counted_;
};

class CountFunction : public StatsFunction {
 public:
  CountFunction(std::vector<FieldPattern> fields, Counted counted)
      : fields_(std::move(fields)), counted_(counted) {}

  void Print(std::string* to) const override {
    to->append(counted_ == Counted::kEmpty ? "count_empty(" : "count(");
    PrintStatsFields(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
    return std::make_unique<CountState>(fields_, counted_);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const Counted counted_;
};

}  // namespace

std::unique_ptr<StatsFunction> MakeStatsCount() {
  return std::make_unique<CountFunction>(std::vector<FieldPattern>(), Counted::kRows);
}

StatsFunctionResult ParseStatsCount(filter::Lexer* lexer) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  const Counted counted = fields.empty() ? Counted::kRows : Counted::kWithValue;
  return std::unique_ptr<StatsFunction>(
      std::make_unique<CountFunction>(std::move(fields), counted));
}

StatsFunctionResult ParseStatsCountEmpty(filter::Lexer* lexer) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<CountFunction>(std::move(fields), Counted::kEmpty));
}

}  // namespace neurallog::query
