// `quantile(0.95, a)` and `median(a)`: exact, by the nearest rank: the least value that at least
// this share of the values do not exceed. Values that are not numbers do not count.
#include <algorithm>
#include <cmath>

#include "filter/parser.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

class QuantileState : public StatsState {
 public:
  QuantileState(const std::vector<FieldPattern>& fields, double share)
      : fields_(fields), share_(share) {}

  void Resize(size_t groups) override { values_.resize(groups); }

  Status Update(const StatsInput& input) override {
    const std::vector<uint32_t>& rows = input.batch.List();
    for (const FieldPattern& field : fields_) {
      NL_TRY(const block::Column* column, input.batch.Get(field.name));
      const NumberReader reader(column);
      filter::Number number;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (!reader.Read(rows[i], &number)) continue;
        std::vector<double>& values = values_[input.GroupOf(i)];
        const size_t before = values.capacity();
        values.push_back(static_cast<double>(number.value));
        value_bytes_ += (values.capacity() - before) * sizeof(double);
      }
    }
    return {};
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    std::vector<double>& values = values_[group];
    if (values.empty()) return to->Add("NaN", ValueType::kNull);
    const auto rank = static_cast<size_t>(std::ceil(share_ * static_cast<double>(values.size())));
    const size_t index = std::min(values.size(), std::max<size_t>(rank, 1)) - 1;
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
    to->Add(FormatNumber(values[index]), ValueType::kNumber);
  }
  size_t memory_bytes() const override {
    return values_.capacity() * sizeof(values_[0]) + value_bytes_;
  }

 private:
  const std::vector<FieldPattern>& fields_;
  const double share_;
  std::vector<std::vector<double>> values_;
  size_t value_bytes_ = 0;
};

class QuantileFunction : public StatsFunction {
 public:
  QuantileFunction(std::vector<FieldPattern> fields, double share, bool is_median)
      : fields_(std::move(fields)), share_(share), is_median_(is_median) {}

  void Print(std::string* to) const override {
    to->append(is_median_ ? "median(" : "quantile(" + FormatNumber(share_) + ", ");
    PrintFieldList(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start() const override {
    return std::make_unique<QuantileState>(fields_, share_);
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
  if (!lexer->TakeSymbol(','))
    return lexer->ErrorHere("expected ',' and the names of fields, found " + lexer->Found());
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/false));
  return std::unique_ptr<StatsFunction>(std::make_unique<QuantileFunction>(
      std::move(fields), static_cast<double>(share.value), /*is_median=*/false));
}

StatsFunctionResult ParseStatsMedian(filter::Lexer* lexer) {
  constexpr double kHalf = 0.5;
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/false));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<QuantileFunction>(std::move(fields), kHalf, /*is_median=*/true));
}

}  // namespace neurallog::query
