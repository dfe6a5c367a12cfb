// `quantile(0.95, a)` and `median(a)`: by the nearest rank: the least value that at least this share of the
// values do not exceed. Values that are not numbers do not count. Exact while all numbers fit half of the
// query's memory; then groups with many numbers are sketched.
#include <algorithm>
#include <cmath>

#include "filter/parser.h"
#include "query/quantile_sketch.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct Numbers {
  std::vector<double> all;
  std::unique_ptr<QuantileSketch> sketch;  // then `all` is empty

  void Add(double number) {
    if (sketch == nullptr) {
      all.push_back(number);
    } else {
      sketch->Add(number);
    }
  }
  void Sketch() {
    if (sketch == nullptr) sketch = std::make_unique<QuantileSketch>();
    for (const double number : all) sketch->Add(number);
    all = {};
  }
  void Merge(const Numbers& later) {
    if (later.sketch != nullptr) {
      Sketch();
      sketch->Merge(*later.sketch);
    }
    for (const double number : later.all) Add(number);
  }
  size_t heap_bytes() const {
    return all.capacity() * sizeof(double) + (sketch == nullptr ? 0 : sketch->memory_bytes());
  }
};

class QuantileState : public GroupState<Numbers> {
 public:
  QuantileState(const std::vector<FieldPattern>& fields, double share, size_t exact_bytes_max)
      : fields_(fields), share_(share), exact_bytes_max_(exact_bytes_max) {}

  Status Update(const StatsInput& input) override {
    NL_TRY(const std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    const std::vector<uint32_t>& rows = input.batch.List();
    for (const FieldReader& field : readers) {
      const bool is_unwanted_time = field.is_time() && fields_.empty();
      const NumberReader reader(is_unwanted_time ? nullptr : field.column());
      filter::Number number;
      for (size_t i = 0; i < rows.size(); ++i)
        if (reader.Read(rows[i], &number))
          Change(input.GroupOf(i),
                 [&number](Numbers& numbers) { numbers.Add(static_cast<double>(number.value)); });
    }
    if (heap_bytes() > exact_bytes_max_) SketchLarge();
    return {};
  }
  std::string_view error_bound() const override {
    return is_sketched_ ? "0.5 % of the value" : std::string_view();
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    if (const auto& sketch = value(group).sketch; sketch != nullptr)
      return to->Add(FormatNumber(sketch->Quantile(share_)), ValueType::kNumber);
    std::vector<double>& values = value(group).all;
    if (values.empty()) return to->Add("NaN", ValueType::kNull);
    const auto rank = static_cast<size_t>(std::ceil(share_ * static_cast<double>(values.size())));
    const size_t index = std::min(values.size(), std::max<size_t>(rank, 1)) - 1;
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
    to->Add(FormatNumber(values[index]), ValueType::kNumber);
  }

 private:
  void SketchLarge() {
    constexpr size_t kLarge = 4096;
    for (size_t group = 0; group < groups(); ++group) {
      if (value(group).all.size() < kLarge) continue;
      Change(group, [](Numbers& numbers) { numbers.Sketch(); });
      is_sketched_ = true;
    }
  }

  const std::vector<FieldPattern>& fields_;
  const double share_;
  const size_t exact_bytes_max_;
  bool is_sketched_ = false;
};

class QuantileFunction : public StatsFunction {
 public:
  QuantileFunction(std::vector<FieldPattern> fields, double share, bool is_median)
      : fields_(std::move(fields)), share_(share), is_median_(is_median) {}

  void Print(std::string* to) const override {
    to->append(is_median_ ? "median(" : "quantile(" + FormatNumber(share_) + ", ");
    PrintStatsFields(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start(const StatsContext& context) const override {
    return std::make_unique<QuantileState>(fields_, share_, context.exact_bytes_max);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const double share_;
  const bool is_median_;
};

}  // namespace

StatsFunctionResult ParseStatsQuantile(filter::Lexer* lexer) {
  filter::Number share;
  const bool is_share = lexer->IsText() && filter::ParseNumber(lexer->token().text, &share) &&
                        share.value >= 0 && share.value <= 1;
  if (!is_share)
    return lexer->ErrorHere("expected a number from 0 to 1 after 'quantile(', found " +
                            lexer->Found());
  lexer->Next();
  if (!lexer->IsSymbol(')') && !lexer->TakeSymbol(','))
    return lexer->ErrorHere("expected ',' and the names of fields, found " + lexer->Found());
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  return std::unique_ptr<StatsFunction>(std::make_unique<QuantileFunction>(
      std::move(fields), static_cast<double>(share.value), /*is_median=*/false));
}

StatsFunctionResult ParseStatsMedian(filter::Lexer* lexer) {
  constexpr double kHalf = 0.5;
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<QuantileFunction>(std::move(fields), kHalf, /*is_median=*/true));
}

}  // namespace neurallog::query
