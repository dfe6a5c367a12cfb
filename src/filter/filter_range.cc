// `field:>10`, `field:range(1, 5]`: values compare as numbers when the bounds are numbers, as
// addresses when they are addresses, else as texts, byte by byte. An empty value is never in a range. And `string_range(a, b)`,
// `len_range(min, max)`.
#include <cmath>

#include "block/block.h"
#include "filter/ip_address.h"
#include "filter/lexer.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

constexpr long double kInt64End = 9223372036854775808.0L;  // 2^63

// Integers from lo to hi, both included; empty when lo > hi.
struct IntRange {
  int64_t lo = std::numeric_limits<int64_t>::min();
  int64_t hi = std::numeric_limits<int64_t>::max();
  bool empty() const { return lo > hi; }
};

class NumberRangePredicate : public FieldPredicate {
 public:
  NumberRangePredicate(std::string field, long double min, bool includes_min, long double max,
                       bool includes_max)
      : FieldPredicate(std::move(field)),
        min_(min),
        max_(max),
        includes_min_(includes_min),
        includes_max_(includes_max) {
    SetIntRange();
  }

  int cost() const override { return 7; }  // behind whole values, which dictionaries answer

 protected:
  bool MatchText(std::string_view text) const override {
    Number number;
    return ParseNumber(text, &number) && MatchNumber(number);
  }

  bool matches_numbers() const override { return true; }
  bool MatchNumber(const Number& number) const override {
    if (number.is_int)
      return number.int_value >= ints_.lo && number.int_value <= ints_.hi && !ints_.empty();
    const bool above = includes_min_ ? number.value >= min_ : number.value > min_;
    return above && (includes_max_ ? number.value <= max_ : number.value < max_);
  }

  NumberBounds number_bounds() const override {
    return {static_cast<double>(min_), static_cast<double>(max_)};
  }

  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    if (!meta.has_int_range || meta.encoding != block::Encoding::kInts) return Verdict::kSome;
    if (ints_.empty() || meta.int_max < ints_.lo || meta.int_min > ints_.hi) return Verdict::kNone;
    return meta.int_min >= ints_.lo && meta.int_max <= ints_.hi ? Verdict::kAll : Verdict::kSome;
  }

  void RefineStrings(const block::Column& column, Bitmap* rows) const override {
    KeepIf(rows, [&](uint32_t row) {
      Number number;
      return ReadNumber(column, row, &number) && MatchNumber(number);
    });
  }

  void RefineInts(const block::Column& column, Bitmap* rows) const override {
    if (ints_.empty()) return rows->ClearAll();
    const int64_t* values = column.ints.data();
    const auto lo = static_cast<uint64_t>(ints_.lo);
    const uint64_t width = static_cast<uint64_t>(ints_.hi) - lo;
    for (size_t i = 0; i < rows->words().size(); ++i) {
      uint64_t& word = rows->words()[i];
      if (word == 0) continue;
      uint64_t matches = 0;
      const size_t count = std::min<size_t>(64, rows->rows() - i * 64);
      for (size_t bit = 0; bit < count; ++bit)
        matches |= uint64_t{static_cast<uint64_t>(values[i * 64 + bit]) - lo <= width} << bit;
      word &= matches;
    }
  }

 private:
  void SetIntRange() {
    const long double lo = std::ceil(min_) == min_ && !includes_min_ ? min_ + 1 : std::ceil(min_);
    const long double hi = std::floor(max_) == max_ && !includes_max_ ? max_ - 1 : std::floor(max_);
    if (lo >= kInt64End || hi < -kInt64End) {
      ints_ = {1, 0};
      return;
    }
    if (lo > -kInt64End) ints_.lo = static_cast<int64_t>(lo);
    if (hi < kInt64End) ints_.hi = static_cast<int64_t>(hi);
  }

  const long double min_;
  const long double max_;
  const bool includes_min_;
  const bool includes_max_;
  IntRange ints_;
};

class TextRangePredicate : public FieldPredicate {
 public:
  TextRangePredicate(std::string field, RangeBound min, RangeBound max)
      : FieldPredicate(std::move(field)), min_(std::move(min)), max_(std::move(max)) {}

  int cost() const override { return 6; }

 protected:
  bool MatchText(std::string_view text) const override {
    if (text.empty()) return false;
    if (!min_.text.empty() && (min_.inclusive ? text < min_.text : text <= min_.text)) return false;
    return max_.text.empty() || (max_.inclusive ? text <= max_.text : text < max_.text);
  }

 private:
  const RangeBound min_;
  const RangeBound max_;
};

class LengthPredicate : public FieldPredicate {
 public:
  LengthPredicate(std::string field, uint64_t min, uint64_t max)
      : FieldPredicate(std::move(field)), min_(min), max_(max) {}

  int cost() const override { return 8; }

 protected:
  bool MatchText(std::string_view text) const override {
    uint64_t length = 0;
    for (const char c : text) length += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    return length >= min_ && length <= max_;
  }

 private:
  const uint64_t min_;
  const uint64_t max_;
};

// An absent bound is infinite, as are "inf", "+inf" and "-inf".
bool ParseBound(const RangeBound& bound, long double absent, long double* value) {
  const bool has_sign = !bound.text.empty() && (bound.text[0] == '-' || bound.text[0] == '+');
  if (bound.text.empty()) {
    *value = absent;
  } else if (EqualsIgnoreCase(std::string_view(bound.text).substr(has_sign ? 1 : 0), "inf")) {
    *value = bound.text[0] == '-' ? -INFINITY : INFINITY;
  } else {
    Number number;
    if (!ParseNumber(bound.text, &number)) return false;
    *value = number.value;
  }
  return true;
}

// One bound is an IPv4 address, the other one too or absent.
bool HasAddresses(const Filter& filter) {
  const auto is_address = [](const RangeBound& bound) { return ParseIpv4(bound.text).has_value(); };
  const auto fits = [&](const RangeBound& bound) {
    return bound.text.empty() || is_address(bound);
  };
  return fits(filter.min) && fits(filter.max) && (is_address(filter.min) || is_address(filter.max));
}

uint64_t ParseLength(const std::string& text) {
  return EqualsIgnoreCase(text, "inf") ? UINT64_MAX : std::strtoull(text.c_str(), nullptr, 10);
}

}  // namespace

PredicatePtr MakeRange(const Filter& filter) {
  if (HasAddresses(filter)) return MakeIpv4Range(filter);
  long double min, max;
  if (!ParseBound(filter.min, -INFINITY, &min) || !ParseBound(filter.max, INFINITY, &max))
    return MakeTextRange(filter);
  return std::make_unique<NumberRangePredicate>(filter.field, min, filter.min.inclusive, max,
                                                filter.max.inclusive);
}

PredicatePtr MakeTextRange(const Filter& filter) {
  return std::make_unique<TextRangePredicate>(filter.field, filter.min, filter.max);
}

PredicatePtr MakeLength(const Filter& filter) {
  return std::make_unique<LengthPredicate>(filter.field, ParseLength(filter.min.text),
                                           ParseLength(filter.max.text));
}

}  // namespace neurallog::filter
