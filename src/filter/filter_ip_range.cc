// `ipv4_range(10.0.0.0/8)`, `ipv6_range(fe80::/10)`: the whole value is an address in the range.
#include <limits>

#include "block/char_class.h"
#include "filter/ip_address.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

constexpr uint32_t kIpv4BytesMin = 7;  // 1.1.1.1
constexpr uint32_t kIpv4BytesMax = 15;
constexpr uint32_t kIpv6BytesMin = 2;  // ::
constexpr uint32_t kIpv6BytesMax = 45;

class Ipv4RangePredicate : public FieldPredicate {
 public:
  // Empty when first > last.
  Ipv4RangePredicate(std::string field, uint64_t first, uint64_t last)
      : FieldPredicate(std::move(field)), first_(first), last_(last) {}

  int cost() const override { return 12; }

 protected:
  bool MatchText(std::string_view text) const override {
    const auto address = ParseIpv4(text);
    return address && *address >= first_ && *address <= last_;
  }
  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool can_match = first_ <= last_ && meta.length_max >= kIpv4BytesMin &&
                           meta.length_min <= kIpv4BytesMax &&
                           (meta.char_classes & block::kClassDigit) != 0;
    return can_match ? Verdict::kSome : Verdict::kNone;
  }
  void RefineInts(const block::Column&, Bitmap* rows) const override { rows->ClearAll(); }

 private:
  const uint64_t first_;
  const uint64_t last_;
};

class Ipv6RangePredicate : public FieldPredicate {
 public:
  Ipv6RangePredicate(std::string field, const Ipv6& first, const Ipv6& last)
      : FieldPredicate(std::move(field)), first_(first), last_(last) {}

  int cost() const override { return 40; }

 protected:
  bool MatchText(std::string_view text) const override {
    const auto address = ParseIpv6(text);
    return address && *address >= first_ && *address <= last_;
  }
  Verdict JudgeMeta(const block::ColumnMeta& meta) const override {
    const bool can_match =
        first_ <= last_ && meta.length_max >= kIpv6BytesMin && meta.length_min <= kIpv6BytesMax;
    return can_match ? Verdict::kSome : Verdict::kNone;
  }
  void RefineInts(const block::Column&, Bitmap* rows) const override { rows->ClearAll(); }

 private:
  const Ipv6 first_;
  const Ipv6 last_;
};

}  // namespace

// Also of comparisons (field:>10.0.0.1): a bound may be absent or not included.
PredicatePtr MakeIpv4Range(const Filter& filter) {
  uint64_t first = 0, last = std::numeric_limits<uint32_t>::max();
  if (const auto min = ParseIpv4(filter.min.text))
    first = uint64_t{*min} + (filter.min.inclusive ? 0 : 1);
  if (const auto max = ParseIpv4(filter.max.text)) {
    if (*max == 0 && !filter.max.inclusive) return MakeNone();
    last = *max - (filter.max.inclusive ? 0U : 1U);
  }
  return std::make_unique<Ipv4RangePredicate>(filter.field, first, last);
}

PredicatePtr MakeIpv6Range(const Filter& filter) {
  const auto first = ParseIpv6(filter.min.text);
  const auto last = ParseIpv6(filter.max.text);
  if (!first || !last) return MakeNone();
  return std::make_unique<Ipv6RangePredicate>(filter.field, *first, *last);
}

}  // namespace neurallog::filter
