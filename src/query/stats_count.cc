// `count()`: rows. `count(a, b)`: rows in which one of the fields has a value. `count_empty(a, b)`:
// rows in which none has.
#include "query/stats_function.h"

namespace neurallog::query {
namespace {

class CountState : public StatsState {
 public:
  CountState(const std::vector<FieldPattern>& fields, bool counts_empty)
      : fields_(fields), counts_empty_(counts_empty) {}

  void Resize(size_t groups) override { counts_.resize(groups); }

  Status Update(const StatsInput& input) override {
    if (!fields_.empty()) return UpdateByValue(input);
    if (!input.has_groups()) {
      counts_[0] += input.batch.count;
      return {};
    }
    for (const uint32_t group : input.groups) ++counts_[group];
    return {};
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    to->Add(std::to_string(counts_[group]), ValueType::kNumber);
  }
  size_t memory_bytes() const override { return counts_.capacity() * sizeof(uint64_t); }

 private:
  Status UpdateByValue(const StatsInput& input) {
    std::vector<const block::Column*> columns(fields_.size());
    for (size_t i = 0; i < fields_.size(); ++i) {
      NL_TRY(columns[i], input.batch.Get(fields_[i].name));
    }
    const std::vector<uint32_t>& rows = input.batch.List();
    char scratch[24];
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool has_value =
          std::any_of(columns.begin(), columns.end(), [&](const block::Column* column) {
            return column != nullptr && !column->TextAt(rows[i], scratch).empty();
          });
      if (has_value != counts_empty_) ++counts_[input.GroupOf(i)];
    }
    return {};
  }

  const std::vector<FieldPattern>& fields_;
  const bool counts_empty_;
  std::vector<uint64_t> counts_;
};

class CountFunction : public StatsFunction {
 public:
  CountFunction(std::vector<FieldPattern> fields, bool counts_empty)
      : fields_(std::move(fields)), counts_empty_(counts_empty) {}

  void Print(std::string* to) const override {
    to->append(counts_empty_ ? "count_empty(" : "count(");
    if (fields_.empty()) to->push_back('*');
    PrintFieldList(to, fields_);
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start() const override {
    return std::make_unique<CountState>(fields_, counts_empty_);
  }

 private:
  const std::vector<FieldPattern> fields_;
  const bool counts_empty_;
};

}  // namespace

std::unique_ptr<StatsFunction> MakeStatsCount() {
  return std::make_unique<CountFunction>(std::vector<FieldPattern>(), /*counts_empty=*/false);
}

StatsFunctionResult ParseStatsCount(filter::Lexer* lexer) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/true));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<CountFunction>(std::move(fields), /*counts_empty=*/false));
}

StatsFunctionResult ParseStatsCountEmpty(filter::Lexer* lexer) {
  NL_TRY(std::vector<FieldPattern> fields, ParseStatsFields(lexer, /*may_be_empty=*/false));
  return std::unique_ptr<StatsFunction>(
      std::make_unique<CountFunction>(std::move(fields), /*counts_empty=*/true));
}

}  // namespace neurallog::query
