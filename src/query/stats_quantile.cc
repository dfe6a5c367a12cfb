// `quantile(0.95, a)` and `median(a)`: by the nearest rank: the least value that at least this share of the
// values do not exceed. Values that are not numbers do not count. Exact while all numbers fit half of the
// query's memory; then groups with many numbers are sketched.
#include <algorithm>
#include <cmath>
#include <memory>

#include "base/quantile_sketch.h"
#include "filter/parser.h"
#include "query/stats_function.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct Numbers {
  std::vector<double> all;
  // Of so many numbers, those before this one do not exceed it, and it does not those behind it.
  size_t pivot = 0;
  size_t pivot_of = 0;
  std::unique_ptr<base::QuantileSketch> sketch;  // then `all` is empty

  void Add(double number) {
    if (sketch == nullptr) {
      all.push_back(number);
    } else {
      sketch->Add(number);
    }
  }
  // The number that `index` others come before; there must be one.
  double Select(size_t index) {
    size_t begin = 0, end = all.size();
    if (pivot_of == all.size() && index < pivot) end = pivot;
    if (pivot_of == all.size() && index >= pivot) begin = pivot;
    const auto first = all.begin();
    std::nth_element(first + static_cast<ptrdiff_t>(begin), first + static_cast<ptrdiff_t>(index),
                     first + static_cast<ptrdiff_t>(end));
    pivot = index;
    pivot_of = all.size();
    return all[index];
  }
  void Sketch() {
    if (sketch == nullptr) sketch = std::make_unique<base::QuantileSketch>();
    for (const double number : all) sketch->Add(number);
    all = std::vector<double>();
  }
  void Merge(const Numbers& later) {
    if (later.sketch != nullptr) {
      Sketch();
      sketch->Merge(*later.sketch);
    }
    if (sketch == nullptr) {
      all.insert(all.end(), later.all.begin(), later.all.end());
    } else {
      for (const double number : later.all) Add(number);
    }
  }
  size_t heap_bytes() const {
    return all.capacity() * sizeof(double) + (sketch == nullptr ? 0 : sketch->memory_bytes());
  }
};

// The numbers of all groups, for all quantiles of the same fields.
class AllNumbers : public SharedState {
 public:
  AllNumbers(const std::vector<FieldPattern>& fields, size_t exact_bytes_max)
      : fields_(fields), exact_bytes_max_(exact_bytes_max) {}

  bool IsOf(const std::vector<FieldPattern>& fields) const {
    return std::equal(fields_.begin(), fields_.end(), fields.begin(), fields.end(),
                      [](const FieldPattern& a, const FieldPattern& b) {
                        return a.name == b.name && a.is_prefix == b.is_prefix;
                      });
  }

  void Resize(size_t groups) { groups_.resize(groups); }
  Status Update(const StatsInput& input) {
    NL_TRY(const std::vector<FieldReader> readers, OpenStatsFields(input.batch, fields_));
    const std::vector<uint32_t>& rows = input.batch.List();
    for (const FieldReader& field : readers) {
      const bool is_unwanted_time = field.is_time() && fields_.empty();
      const NumberReader reader(is_unwanted_time ? nullptr : field.column(), field.entry_numbers());
      for (size_t i = 0; i < rows.size(); ++i)
        if (const double number = reader.ReadDouble(rows[i]); !std::isnan(number))
          Add(input.GroupOf(i), number);
    }
    SketchIfLarge();
    return {};
  }
  void Merge(const AllNumbers& later, std::span<const uint32_t> groups) {
    for (size_t i = 0; i < groups.size(); ++i)
      Change(groups[i], [&](Numbers& numbers) { numbers.Merge(later.groups_[i]); });
    is_sketched_ |= later.is_sketched_;
    SketchIfLarge();
  }

  Numbers& of_group(size_t group) { return groups_[group]; }
  bool is_sketched() const { return is_sketched_; }
  size_t memory_bytes() const { return groups_.capacity() * sizeof(Numbers) + heap_bytes_; }

 private:
  void Add(size_t group, double number) {
    Numbers& numbers = groups_[group];
    const bool has_room = numbers.sketch == nullptr && numbers.all.size() < numbers.all.capacity();
    if (has_room) return numbers.all.push_back(number);
    Change(group, [number](Numbers& grown) { grown.Add(number); });
  }

  template <typename F>
  void Change(size_t group, F change) {
    Numbers& numbers = groups_[group];
    heap_bytes_ -= numbers.heap_bytes();
    change(numbers);
    heap_bytes_ += numbers.heap_bytes();
  }

  void SketchIfLarge() {
    constexpr size_t kLarge = 4096;
    if (heap_bytes_ <= exact_bytes_max_) return;
    for (size_t group = 0; group < groups_.size(); ++group) {
      if (groups_[group].all.size() < kLarge) continue;
      Change(group, [](Numbers& numbers) { numbers.Sketch(); });
      is_sketched_ = true;
    }
  }

  const std::vector<FieldPattern>& fields_;
  const size_t exact_bytes_max_;
  std::vector<Numbers> groups_;
  size_t heap_bytes_ = 0;
  bool is_sketched_ = false;
};

// One of the states that share numbers keeps them; the others only read them in the end.
class QuantileState : public StatsState {
 public:
  QuantileState(std::shared_ptr<AllNumbers> numbers, bool keeps_numbers, double share)
      : numbers_(std::move(numbers)), keeps_numbers_(keeps_numbers), share_(share) {}

  void Resize(size_t groups) override {
    if (keeps_numbers_) numbers_->Resize(groups);
  }
  Status Update(const StatsInput& input) override {
    return keeps_numbers_ ? numbers_->Update(input) : Status::Ok();
  }
  void Merge(StatsState& other, std::span<const uint32_t> groups) override {
    if (keeps_numbers_) numbers_->Merge(*static_cast<QuantileState&>(other).numbers_, groups);
  }
  size_t memory_bytes() const override { return keeps_numbers_ ? numbers_->memory_bytes() : 0; }
  std::string_view error_bound() const override {
    return numbers_->is_sketched() ? "0.5 % of the value" : std::string_view();
  }

  void Append(size_t group, filter::ColumnBuilder* to) override {
    Numbers& numbers = numbers_->of_group(group);
    if (numbers.sketch != nullptr)
      return to->Add(FormatNumber(numbers.sketch->Quantile(share_)), ValueType::kNumber);
    const std::vector<double>& values = numbers.all;
    if (values.empty()) return to->Add("NaN", ValueType::kNull);
    const auto rank = static_cast<size_t>(std::ceil(share_ * static_cast<double>(values.size())));
    const size_t index = std::min(values.size(), std::max<size_t>(rank, 1)) - 1;
    to->Add(FormatNumber(numbers.Select(index)), ValueType::kNumber);
  }

 private:
  const std::shared_ptr<AllNumbers> numbers_;
  const bool keeps_numbers_;
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
  std::unique_ptr<StatsState> Start(const StatsContext& context) const override {
    if (context.shared != nullptr)
      for (const auto& shared : *context.shared)
        if (const auto numbers = std::dynamic_pointer_cast<AllNumbers>(shared);
            numbers != nullptr && numbers->IsOf(fields_))
          return std::make_unique<QuantileState>(numbers, /*keeps_numbers=*/false, share_);
    auto numbers = std::make_shared<AllNumbers>(fields_, context.exact_bytes_max);
    if (context.shared != nullptr) context.shared->push_back(numbers);
    return std::make_unique<QuantileState>(std::move(numbers), /*keeps_numbers=*/true, share_);
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
