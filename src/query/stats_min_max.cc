// `min(a, b)` and `max(a, b)`: the least and the greatest value that is not empty, in the order of
// `sort`.
#include "base/time_format.h"
#include "filter/filter.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

class ExtremeState : public StatsState {
 public:
  ExtremeState(const std::vector<FieldPattern>& fields, bool is_max)
      : fields_(fields), is_max_(is_max) {}

  void Resize(size_t groups) override {
    values_.resize(groups);
    is_set_.resize(groups);
  }

  Status Update(const StatsInput& input) override {
    for (const FieldPattern& field : fields_) {
      NL_TRY(const block::Column* column, input.batch.Get(field.name));
      if (column == nullptr) continue;
      const bool is_time =
          field.name == filter::kFieldTime && column->encoding == block::Encoding::kInts;
      UpdateFrom(*column, is_time, input);
    }
    return {};
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    if (!is_set_[group]) return to->Add("", ValueType::kNull);
    to->Add(values_[group].text, values_[group].type);
  }

  size_t memory_bytes() const override {
    size_t bytes = values_.capacity() * sizeof(Value) + is_set_.capacity();
    for (const Value& value : values_) bytes += value.memory_bytes() - sizeof(Value);
    return bytes;
  }

 private:
  void UpdateFrom(const block::Column& column, bool is_time, const StatsInput& input) {
    const std::vector<uint32_t>& rows = input.batch.List();
    Value value;
    char scratch[24];
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint32_t group = input.GroupOf(i);
      if (column.encoding == block::Encoding::kInts && column.Has(rows[i])) {
        const auto number = static_cast<long double>(column.ints[rows[i]]);
        const Value& best = values_[group];
        const bool is_beaten = is_set_[group] && best.kind == Value::Kind::kNumber &&
                               (is_max_ ? number <= best.number : number >= best.number);
        if (is_beaten) continue;
        value.Set(column.TextAt(rows[i], scratch), column.TypeAt(rows[i]));
        if (is_time) {
          value.text = base::FormatRfc3339(column.ints[rows[i]]);
          value.type = ValueType::kString;
        }
      } else {
        value.Set(column.TextAt(rows[i], scratch), column.TypeAt(rows[i]));
        if (value.text.empty()) continue;
      }
      Offer(group, value);
    }
  }

  void Offer(uint32_t group, const Value& value) {
    if (is_set_[group] &&
        (is_max_ ? Compare(value, values_[group]) <= 0 : Compare(value, values_[group]) >= 0))
      return;
    values_[group] = value;
    is_set_[group] = 1;
  }

  const std::vector<FieldPattern>& fields_;
  const bool is_max_;
  std::vector<Value> values_;
  std::vector<uint8_t> is_set_;
};

class ExtremeFunction : public StatsFunction {
 public:
  ExtremeFunction(std::vector<FieldPattern> fields, bool is_max)
      : fields_(std::move(fields)), is_max_(is_max) {}

  void Print(std::string* to) const override {
    to->append(is_max_ ? "max(" : "min(");
    PrintFieldList(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start() const override {
    return std::make_unique<ExtremeState>(fields_, is_max_);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const bool is_max_;
};

StatsFunctionResult ParseExtreme(filter::Lexer* lexer, bool is_max) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/false));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<ExtremeFunction>(std::move(fields), is_max));
}

}  // namespace

StatsFunctionResult ParseStatsMin(filter::Lexer* lexer) {
  return ParseExtreme(lexer, /*is_max=*/false);
}
StatsFunctionResult ParseStatsMax(filter::Lexer* lexer) {
  return ParseExtreme(lexer, /*is_max=*/true);
}

}  // namespace neurallog::query
