// `histogram(field)`: how many values lie in each of VictoriaMetrics' buckets, 18 for each power of ten from
// 1e-9 to 1e18, as a JSON array. Negative numbers, and what is no number, do not count.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "query/rewrite_pipe.h"
#include "query/stats_function.h"

namespace neurallog::query {
namespace {

constexpr int kPowerMin = -9;
constexpr int kPowerMax = 18;
constexpr int kPerPower = 18;
constexpr int kBuckets = (kPowerMax - kPowerMin) * kPerPower;

std::string Bound(int bucket) {
  if (bucket > kBuckets) return "+Inf";
  if (bucket < 0) return "0";
  return fmt::format("{:.3e}", std::pow(10, kPowerMin + static_cast<double>(bucket) / kPerPower));
}

// The bucket whose upper bound, which belongs to it, is Bound(result).
int UpperBound(double number) {
  const double position = (std::log10(number) - kPowerMin) * kPerPower;
  if (!(position > 0)) return 0;
  return position > kBuckets ? kBuckets + 1 : static_cast<int>(std::ceil(position));
}

struct Histogram {
  std::map<int, uint64_t> hits;  // by UpperBound
  void Merge(const Histogram& later) {
    for (const auto& [bucket, count] : later.hits) hits[bucket] += count;
  }
  size_t heap_bytes() const { return hits.size() * 48; }
};

class HistogramState : public GroupState<Histogram> {
 public:
  explicit HistogramState(const FieldPattern& field) : field_(field) {}
  Status Update(const StatsInput& input) override {
    NL_TRY(const block::Column* column, input.batch.Get(field_.name));
    const NumberReader reader(column);
    const std::vector<uint32_t>& rows = input.batch.List();
    filter::Number number;
    for (size_t i = 0; i < rows.size(); ++i)
      if (reader.Read(rows[i], &number) && number.value >= 0)
        Change(input.GroupOf(i), [&number](Histogram& histogram) {
          ++histogram.hits[UpperBound(static_cast<double>(number.value))];
        });
    return {};
  }
  void Append(size_t group, filter::ColumnBuilder* to) override {
    std::string text = "[";
    for (const auto& [bucket, count] : value(group).hits) {
      if (text.size() > 1) text.push_back(',');
      text += fmt::format(R"({{"vmrange":"{}...{}","hits":{}}})", Bound(bucket - 1), Bound(bucket),
                          count);
    }
    to->Add(text + "]", ValueType::kArray);
  }

 private:
  const FieldPattern& field_;
};

class HistogramFunction : public StatsFunction {
 public:
  explicit HistogramFunction(FieldPattern field) : field_(std::move(field)) {}
  void Print(std::string* to) const override {
    to->append("histogram(");
    PrintFieldList(to, {field_});
    to->push_back(')');
  }
  std::unique_ptr<StatsState> Start(const StatsContext&) const override {
    return std::make_unique<HistogramState>(field_);
  }

 private:
  const FieldPattern field_;
};

}  // namespace

StatsFunctionResult ParseStatsHistogram(filter::Lexer* lexer) {
  NL_TRY(FieldPattern field, ParseFieldName(lexer, "the name of a field"));
  if (!lexer->TakeSymbol(')')) return lexer->ErrorHere("expected ')', found " + lexer->Found());
  return std::unique_ptr<StatsFunction>(std::make_unique<HistogramFunction>(std::move(field)));
}

}  // namespace neurallog::query
