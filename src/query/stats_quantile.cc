// `quantile(0.95, a)` and `median(a)`: exact, by the nearest rank: the least value that at least
// this share of the values do not exceed. Values that are not numbers do not count.
#include <algorithm>
#include <cmath>

#include "filter/parser.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct Numbers {
  std::vector<double> all;
  void Merge(const Numbers& later) { all.insert(all.end(), later.all.begin(), later.all.end()); }
  size_t heap_bytes() const { return all.capacity() * sizeof(double); }
};

class QuantileState : public GroupState<Numbers> {
 public:
  QuantileState(const std::vector<FieldPattern>& fields, double share)
      : fields_(fields), share_(share) {}

  Status Update(const StatsInput& input) override {
    NL_TRY(const std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    const std::vector<uint32_t>& rows = input.batch.List();
    for (const FieldReader& field : readers) {
      const bool is_unwanted_time = field.is_time() && fields_.empty();
      const NumberReader reader(is_unwanted_time ? nullptr : field.column());
      filter::Number number;
      for (size_t i = 0; i < rows.size(); ++i)
        if (reader.Read(rows[i], &number))
          Change(input.GroupOf(i), [&number](Numbers& numbers) {
            numbers.all.push_back(static_cast<double>(number.value));
          });
    }
    return {};
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    std::vector<double>& values = value(group).all;
    if (values.empty()) return to->Add("NaN", ValueType::kNull);
    const auto rank = static_cast<size_t>(std::ceil(share_ * static_cast<double>(values.size())));
    const size_t index = std::min(values.size(), std::max<size_t>(rank, 1)) - 1;
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
    to->Add(FormatNumber(values[index]), ValueType::kNumber);
  }

 private:
  const std::vector<FieldPattern>& fields_;
  const double share_;
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
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
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
