// `sum(a, b*)`, `avg(a, b*)` and `rate_sum(a, b*)` (the sum per second) of all values that are numbers. A
// sum of whole numbers is exact while it fits 63 bits.
#include <cmath>

#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct Addends {
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
  void Merge(const Addends& later) {
    const uint64_t both = count + later.count;
    Add({true, later.ints, static_cast<long double>(later.ints)});
    others += later.others;
    has_others |= later.has_others;
    count = both;
  }
  static size_t heap_bytes() { return 0; }
  long double total() const { return static_cast<long double>(ints) + others; }
};

enum class SumKind : uint8_t { kSum, kAverage, kRate };
constexpr std::string_view kSumNames[] = {"sum", "avg", "rate_sum"};

class SumState : public GroupState<Addends> {
 public:
  SumState(const std::vector<FieldPattern>& fields, SumKind kind, double seconds)
      : fields_(fields), kind_(kind), seconds_(seconds) {}

  Status Update(const StatsInput& input) override {
    NL_TRY(const std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    const std::vector<uint32_t>& rows = input.batch.List();
    for (const FieldReader& field : readers) {
      const bool is_unwanted_time = field.is_time() && fields_.empty();
      const NumberReader reader(is_unwanted_time ? nullptr : field.column(), field.entry_numbers());
      filter::Number number;
      for (size_t i = 0; i < rows.size(); ++i)
        if (reader.Read(rows[i], &number)) value(input.GroupOf(i)).Add(number);
    }
    return {};
  }

  bool can_be_shared() const override { return true; }

  // Of no number at all: NaN, which JSON has as null.
  void Append(size_t group, filter::ColumnBuilder* to) override {
    const Addends& sum = value(group);
    if (sum.count == 0) return to->Add("NaN", ValueType::kNull);
    const bool is_exact = kind_ == SumKind::kSum && !sum.has_others;
    to->Add(is_exact ? std::to_string(sum.ints) : FormatNumber(Result(sum)), ValueType::kNumber);
  }

 private:
  double Result(const Addends& sum) const {
    const long double divisor = kind_ == SumKind::kAverage ? static_cast<long double>(sum.count)
                                : kind_ == SumKind::kRate  ? static_cast<long double>(seconds_)
                                                           : 1;
    return static_cast<double>(sum.total() / divisor);
  }

  const std::vector<FieldPattern>& fields_;
  const SumKind kind_;
  const double seconds_;
};

class SumFunction : public StatsFunction {
 public:
  SumFunction(std::vector<FieldPattern> fields, SumKind kind)
      : fields_(std::move(fields)), kind_(kind) {}

  void Print(std::string* to) const override {
    to->append(kSumNames[static_cast<size_t>(kind_)]).push_back('(');
    PrintStatsFields(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start(const StatsContext& context) const override {
    return std::make_unique<SumState>(fields_, kind_, context.seconds);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const SumKind kind_;
};

StatsFunctionResult ParseSum(filter::Lexer* lexer, SumKind kind) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  return std::unique_ptr<StatsFunction>(std::make_unique<SumFunction>(std::move(fields), kind));
}

}  // namespace

StatsFunctionResult ParseStatsSum(filter::Lexer* lexer) { return ParseSum(lexer, SumKind::kSum); }
StatsFunctionResult ParseStatsAvg(filter::Lexer* lexer) {
  return ParseSum(lexer, SumKind::kAverage);
}
StatsFunctionResult ParseStatsRateSum(filter::Lexer* lexer) {
  return ParseSum(lexer, SumKind::kRate);
}

}  // namespace neurallog::query
