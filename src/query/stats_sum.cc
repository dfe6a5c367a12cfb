// `sum(a, b)` and `avg(a, b)` of all values that are numbers. A sum of whole numbers is exact while
// it fits 63 bits.
#include <cmath>

#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct Sum {
  int64_t ints = 0;        // of whole numbers, while they fit
  long double others = 0;  // of fractions, and of whole numbers that did not fit any more
  uint64_t count = 0;
  bool has_others = false;

  void Add(const filter::Number& number) {
    ++count;
    if (number.is_int && !__builtin_add_overflow(ints, number.int_value, &ints)) return;
    if (number.is_int)
      ints = static_cast<int64_t>(static_cast<uint64_t>(ints) -
                                  static_cast<uint64_t>(number.int_value));
    others += number.value;
    has_others = true;
  }
  long double total() const { return static_cast<long double>(ints) + others; }
};

class SumState : public StatsState {
 public:
  SumState(const std::vector<FieldPattern>& fields, bool is_average)
      : fields_(fields), is_average_(is_average) {}

  void Resize(size_t groups) override { sums_.resize(groups); }

  Status Update(const StatsInput& input) override {
    const std::vector<uint32_t>& rows = input.batch.List();
    for (const FieldPattern& field : fields_) {
      NL_TRY(const block::Column* column, input.batch.Get(field.name));
      const NumberReader reader(column);
      filter::Number number;
      for (size_t i = 0; i < rows.size(); ++i)
        if (reader.Read(rows[i], &number)) sums_[input.GroupOf(i)].Add(number);
    }
    return {};
  }

  // Of no number at all: NaN, which JSON has as null.
  void Append(size_t group, filter::ColumnBuilder* to) override {
    const Sum& sum = sums_[group];
    if (sum.count == 0) return to->Add("NaN", ValueType::kNull);
    if (is_average_)
      return to->Add(
          FormatNumber(static_cast<double>(sum.total() / static_cast<long double>(sum.count))),
          ValueType::kNumber);
    to->Add(
        sum.has_others ? FormatNumber(static_cast<double>(sum.total())) : std::to_string(sum.ints),
        ValueType::kNumber);
  }
  size_t memory_bytes() const override { return sums_.capacity() * sizeof(Sum); }

 private:
  const std::vector<FieldPattern>& fields_;
  const bool is_average_;
  std::vector<Sum> sums_;
};

class SumFunction : public StatsFunction {
 public:
  SumFunction(std::vector<FieldPattern> fields, bool is_average)
      : fields_(std::move(fields)), is_average_(is_average) {}

  void Print(std::string* to) const override {
    to->append(is_average_ ? "avg(" : "sum(");
    PrintFieldList(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start() const override {
    return std::make_unique<SumState>(fields_, is_average_);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const bool is_average_;
};

StatsFunctionResult ParseSum(filter::Lexer* lexer, bool is_average) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/false));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<SumFunction>(std::move(fields), is_average));
}

}  // namespace

StatsFunctionResult ParseStatsSum(filter::Lexer* lexer) {
  return ParseSum(lexer, /*is_average=*/false);
}
StatsFunctionResult ParseStatsAvg(filter::Lexer* lexer) {
  return ParseSum(lexer, /*is_average=*/true);
}

}  // namespace neurallog::query
