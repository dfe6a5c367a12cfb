// `rate()`: rows per second of the group's time bucket, else of the query's time range.
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct RateCount {
  uint64_t rows = 0;
  void Merge(const RateCount& later) { rows += later.rows; }
  static size_t heap_bytes() { return 0; }
};

class RateState : public GroupState<RateCount> {
 public:
  explicit RateState(double seconds) : seconds_(seconds) {}
  Status Update(const StatsInput& input) override {
    if (!input.has_groups()) value(0).rows += input.batch.count;
    for (const uint32_t group : input.groups) ++value(group).rows;
    return {};
  }
  bool can_be_shared() const override { return true; }
  bool only_counts() const override { return true; }
  void AddRows(size_t group, uint64_t rows) override { value(group).rows += rows; }
  void Append(size_t group, filter::ColumnBuilder* to) override {
    to->Add(FormatNumber(static_cast<double>(value(group).rows) / seconds_), ValueType::kNumber);
  }

 private:
  const double seconds_;
};

class RateFunction : public StatsFunction {
 public:
  void Print(std::string* to) const override { to->append("rate()"); }
  std::unique_ptr<StatsState> Start(const StatsContext& context) const override {
    return std::make_unique<RateState>(context.seconds);
  }
};

}  // namespace

StatsFunctionResult ParseStatsRate(filter::Lexer* lexer) {
  if (!lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ')' after 'rate(', found " + lexer->Found());
  return std::unique_ptr<StatsFunction>(std::make_unique<RateFunction>());
}

}  // namespace neurallog::query
