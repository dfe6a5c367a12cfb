// `_time:day_range[08:00, 18:00)`, `_time:week_range[Mon, Fri]`: times of a day, days of a week. A
// range whose end comes before its begin goes over midnight, or over the end of the week.
#include <cstdlib>

#include "base/clock.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

constexpr int64_t kNsPerWeek = 7 * base::kNsPerDay;
constexpr int64_t kNsPerMinute = 60 * base::kNsPerSecond;
// 1970-01-01 was a Thursday; the week begins on Sunday.
constexpr int64_t kWeekShiftNs = 4 * base::kNsPerDay;

// The times whose place in a period that begins anew every `length` lies in [begin, end), or, when
// begin > end, outside of [end, begin).
struct Period {
  int64_t length;
  int64_t shift;  // makes a time begin its period at a multiple of `length`
  int64_t begin;
  int64_t end;

  int64_t PlaceOf(int64_t ns) const {
    const auto place = static_cast<int64_t>((static_cast<__int128>(ns) + shift) % length);
    return place < 0 ? place + length : place;
  }
  bool Contains(int64_t place) const {
    return begin <= end ? place >= begin && place < end : place >= begin || place < end;
  }
};

class PeriodPredicate : public Predicate {
 public:
  explicit PeriodPredicate(const Period& period) : period_(period) {}

  bool MatchRecord(const RecordView& record) const override {
    return period_.Contains(period_.PlaceOf(record.timestamp_ns()));
  }

  Verdict Judge(Columns& columns) const override {
    const int64_t min_ns = columns.header().min_ns, max_ns = columns.header().max_ns;
    if (!columns.sorted_by_time()) return Verdict::kSome;
    const int64_t first = period_.PlaceOf(min_ns);
    const __int128 last = first + (static_cast<__int128>(max_ns) - min_ns);
    if (last >= period_.length) return Verdict::kSome;
    const bool is_cut = IsInside(period_.begin, first, static_cast<int64_t>(last)) ||
                        IsInside(period_.end, first, static_cast<int64_t>(last));
    if (is_cut) return Verdict::kSome;
    return period_.Contains(first) ? Verdict::kAll : Verdict::kNone;
  }

  Status Refine(Columns& columns, Bitmap* rows) const override {
    NL_TRY(const std::span<const int64_t> times, columns.Times());
    if (times.empty()) {
      rows->ClearAll();
      return {};
    }
    KeepIf(rows, [&](uint32_t row) { return period_.Contains(period_.PlaceOf(times[row])); });
    return {};
  }

  int cost() const override { return 4; }

 private:
  // Whether the membership may change behind `first`, up to `last`.
  static bool IsInside(int64_t edge, int64_t first, int64_t last) {
    return edge > first && edge <= last;
  }

  const Period period_;
};

int64_t MinuteOf(const std::string& text) {
  return std::strtol(text.c_str(), nullptr, 10) * 60 + std::strtol(text.c_str() + 3, nullptr, 10);
}

int64_t DayOf(const std::string& text) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  return static_cast<int64_t>(kDays.find(text) / 3);
}

}  // namespace

// The last instant of a day is its last nanosecond, so that 24:00 ends a day, included or not.
PredicatePtr MakeDayRange(const Filter& filter) {
  const int64_t begin = MinuteOf(filter.min.text) * kNsPerMinute + (filter.min.inclusive ? 0 : 1);
  const int64_t end = MinuteOf(filter.max.text) * kNsPerMinute + (filter.max.inclusive ? 1 : 0);
  return std::make_unique<PeriodPredicate>(
      Period{base::kNsPerDay, filter.offset_ns, begin, std::min(end, base::kNsPerDay)});
}

PredicatePtr MakeWeekRange(const Filter& filter) {
  const int64_t begin = DayOf(filter.min.text) + (filter.min.inclusive ? 0 : 1);
  const int64_t end = DayOf(filter.max.text) + (filter.max.inclusive ? 1 : 0);
  return std::make_unique<PeriodPredicate>(Period{kNsPerWeek,
                                                  filter.offset_ns % kNsPerWeek + kWeekShiftNs,
                                                  begin * base::kNsPerDay, end * base::kNsPerDay});
}

}  // namespace neurallog::filter
