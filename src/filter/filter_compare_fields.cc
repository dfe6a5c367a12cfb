// `a:eq_field(b)`, `a:le_field(b)`, `a:lt_field(b)`: two fields of the same record. Equal are equal
// texts; the order is that of numbers, addresses or times when both values are such, else of bytes.
#include "base/time_format.h"
#include "filter/ip_address.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

// Negative, zero or positive.
int Compare(long double a, long double b) { return a < b ? -1 : a > b ? 1 : 0; }

int CompareValues(std::string_view a, std::string_view b) {
  Number x, y;
  if (ParseNumber(a, &x) && ParseNumber(b, &y)) return Compare(x.value, y.value);
  if (const auto first = ParseIpv4(a), second = ParseIpv4(b); first && second)
    return Compare(*first, *second);
  if (const auto first = base::ParseRfc3339(a), second = base::ParseRfc3339(b); first && second)
    return Compare(static_cast<long double>(*first), static_cast<long double>(*second));
  return a.compare(b);
}

class CompareFieldsPredicate : public Predicate {
 public:
  explicit CompareFieldsPredicate(const Filter& filter)
      : field_(filter.field), other_(filter.text), kind_(filter.kind) {}

  bool MatchRecord(const RecordView& record) const override {
    std::string own, other_own;
    return Match(TextOfField(record, field_, &own), TextOfField(record, other_, &other_own));
  }

  Verdict Judge(Columns& columns) const override {
    const bool is_known = field_ != kFieldStream && field_ != kFieldStreamId &&
                          other_ != kFieldStream && other_ != kFieldStreamId;
    const bool both_absent =
        is_known && columns.Meta(field_) == nullptr && columns.Meta(other_) == nullptr;
    if (!both_absent) return Verdict::kSome;
    return Match({}, {}) ? Verdict::kAll : Verdict::kNone;
  }

  Status Refine(Columns& columns, Bitmap* rows) const override {
    NL_TRY(const block::Column* column, columns.Get(field_));
    NL_TRY(const block::Column* other, columns.Get(other_));
    char scratch[24], other_scratch[24];
    const auto text = [](const block::Column* from, uint32_t row, char* digits) {
      return from == nullptr ? std::string_view() : from->TextAt(row, digits);
    };
    KeepIf(rows, [&](uint32_t row) {
      return Match(text(column, row, scratch), text(other, row, other_scratch));
    });
    return {};
  }

  int cost() const override { return 40; }

 private:
  bool Match(std::string_view a, std::string_view b) const {
    if (kind_ == Filter::Kind::kEqualField) return a == b;
    const int order = CompareValues(a, b);
    return kind_ == Filter::Kind::kLessField ? order < 0 : order <= 0;
  }

  const std::string field_;
  const std::string other_;
  const Filter::Kind kind_;
};

}  // namespace

PredicatePtr MakeCompareFields(const Filter& filter) {
  return std::make_unique<CompareFieldsPredicate>(filter);
}

}  // namespace neurallog::filter
