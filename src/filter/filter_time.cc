// `_time:...`: a range of the first column, which is sorted, so that two binary searches find the
// rows.
#include <algorithm>

#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class TimePredicate : public Predicate {
 public:
  explicit TimePredicate(const TimeRange& range) : range_(range) {}

  bool MatchRecord(const RecordView& record) const override {
    return range_.Contains(record.timestamp_ns());
  }

  Verdict Judge(Columns& columns) const override {
    if (!columns.sorted_by_time()) return Verdict::kSome;
    const block::BlockHeader& header = columns.header();
    if (range_.empty() || header.max_ns < range_.start_ns || header.min_ns >= range_.end_ns)
      return Verdict::kNone;
    return range_.Contains(header.min_ns) && range_.Contains(header.max_ns) ? Verdict::kAll
                                                                            : Verdict::kSome;
  }

  Status Refine(Columns& columns, Bitmap* rows) const override {
    if (columns.sorted_by_time() && Judge(columns) == Verdict::kAll) return {};
    NL_TRY(const std::span<const int64_t> times, columns.Times());
    if (times.empty()) {
      rows->ClearAll();
    } else if (columns.sorted_by_time()) {
      const auto begin = std::lower_bound(times.begin(), times.end(), range_.start_ns);
      const auto end =
          std::lower_bound(begin, times.end(), std::max(range_.start_ns, range_.end_ns));
      rows->KeepRange(static_cast<uint32_t>(begin - times.begin()),
                      static_cast<uint32_t>(end - times.begin()));
    } else {
      KeepIf(rows, [&](uint32_t row) { return range_.Contains(times[row]); });
    }
    return {};
  }

  int cost() const override { return 0; }

 private:
  const TimeRange range_;
};

int64_t Resolve(const TimeBound& bound, int64_t now_ns, int64_t unbounded) {
  if (bound.kind == TimeBound::Kind::kUnbounded) return unbounded;
  if (bound.kind == TimeBound::Kind::kAbsolute) return bound.ns;
  int64_t ns;
  if (!__builtin_add_overflow(now_ns, bound.ns, &ns)) return ns;
  return bound.ns < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

}  // namespace

TimeRange ResolveTime(const Filter& filter, int64_t now_ns) {
  return {Resolve(filter.time_start, now_ns, std::numeric_limits<int64_t>::min()),
          Resolve(filter.time_end, now_ns, std::numeric_limits<int64_t>::max())};
}

PredicatePtr MakeTime(const TimeRange& range) { return std::make_unique<TimePredicate>(range); }

}  // namespace neurallog::filter
