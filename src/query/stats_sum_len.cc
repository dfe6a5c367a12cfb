// `sum_len(a, b*)`: the bytes of all values together.
#include "query/stats_function.h"

namespace neurallog::query {
namespace {

struct Length {
  uint64_t bytes = 0;
  void Merge(const Length& later) { bytes += later.bytes; }
  static size_t heap_bytes() { return 0; }
};

class SumLenState : public GroupState<Length> {
 public:
  explicit SumLenState(const std::vector<FieldPattern>& fields) : fields_(fields) {}
  Status Update(const StatsInput& input) override {
    NL_TRY(std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    const std::vector<uint32_t>& rows = input.batch.List();
    for (FieldReader& reader : readers)
      for (size_t i = 0; i < rows.size(); ++i)
        value(input.GroupOf(i)).bytes += reader.Text(rows[i]).size();
    return {};
  }
  bool can_be_shared() const override { return true; }
  void Append(size_t group, filter::ColumnBuilder* to) override {
    to->Add(std::to_string(value(group).bytes), ValueType::kNumber);
  }

 private:
  const std::vector<FieldPattern>& fields_;
};

class SumLenFunction : public StatsFunction {
 public:
  explicit SumLenFunction(std::vector<FieldPattern> fields) : fields_(std::move(fields)) {}
  void Print(std::string* to) const override {
    to->append("sum_len(");
    PrintStatsFields(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
    return std::make_unique<SumLenState>(fields_);
  }

 private:
  const std::vector<FieldPattern> fields_;
};

}  // namespace

StatsFunctionResult ParseStatsSumLen(filter::Lexer* lexer) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  return std::unique_ptr<StatsFunction>(std::make_unique<SumLenFunction>(std::move(fields)));
}

}  // namespace neurallog::query
