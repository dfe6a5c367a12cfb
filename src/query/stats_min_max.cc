// `min(a, b)` and `max(a, b)`: the least and the greatest value that is not empty, in the order of
// `sort`.
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

// The best value so far; empty: none yet.
template <bool kIsMax>
struct Extreme {
  Value best;

  bool IsBeatenBy(const Value& value) const {
    if (value.kind == Value::Kind::kEmpty) return false;
    if (best.kind == Value::Kind::kEmpty) return true;
    return kIsMax ? Compare(value, best) > 0 : Compare(value, best) < 0;
  }
  void Merge(Extreme& later) {
    if (IsBeatenBy(later.best)) best = std::move(later.best);
  }
  size_t heap_bytes() const { return best.memory_bytes() - sizeof(Value); }
};

template <bool kIsMax>
class ExtremeState : public GroupState<Extreme<kIsMax>> {
 public:
  explicit ExtremeState(const std::vector<FieldPattern>& fields) : fields_(fields) {}

  Status Update(const StatsInput& input) override {
    NL_TRY(std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    for (FieldReader& reader : readers)
      if (reader.column() != nullptr) UpdateFrom(&reader, input);
    return {};
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    const Value& best = this->value(group).best;
    if (best.kind == Value::Kind::kEmpty) return to->Add("", ValueType::kNull);
    to->Add(best.text, best.type);
  }

 private:
  void UpdateFrom(FieldReader* reader, const StatsInput& input) {
    const block::Column& column = *reader->column();
    const bool is_ints = column.encoding == block::Encoding::kInts;
    const std::vector<uint32_t>& rows = input.batch.List();
    Value value;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!column.Has(rows[i])) continue;
      const uint32_t group = input.GroupOf(i);
      if (is_ints) {
        value.SetInt(column.ints[rows[i]]);
        if (!this->value(group).IsBeatenBy(value)) continue;
        value.text = reader->Text(rows[i]);
        value.type = reader->Type(rows[i]);
      } else {
        value.Set(reader->Text(rows[i]), reader->Type(rows[i]));
        if (!this->value(group).IsBeatenBy(value)) continue;
      }
      this->Change(group, [&value](Extreme<kIsMax>& extreme) { extreme.best = value; });
    }
  }

  const std::vector<FieldPattern>& fields_;
};

class ExtremeFunction : public StatsFunction {
 public:
  ExtremeFunction(std::vector<FieldPattern> fields, bool is_max)
      : fields_(std::move(fields)), is_max_(is_max) {}

  void Print(std::string* to) const override {
    to->append(is_max_ ? "max(" : "min(");
    PrintStatsFields(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
    if (is_max_) return std::make_unique<ExtremeState<true>>(fields_);
    return std::make_unique<ExtremeState<false>>(fields_);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const bool is_max_;
};

StatsFunctionResult ParseExtreme(filter::Lexer* lexer, bool is_max) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
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
