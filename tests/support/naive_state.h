// What a rule with state means, as directly as possible: all of its records are kept, and everything is worked
// out from them whenever one comes. Slow and obviously right. Groups are never let go here.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "rules/stateful.h"

namespace neurallog::testing {

struct NaiveRow {
  int64_t event_ns = 0;
  int64_t received_ns = 0;
  uint64_t row = 0;
  uint32_t steps = 0;
  std::map<std::string, std::string> fields;
};

struct NaiveFiring {
  std::vector<std::string> group;
  int64_t at_ns = 0;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  double value = 0;
  auto operator<=>(const NaiveFiring&) const = default;
};

class NaiveState {
 public:
  explicit NaiveState(const rules::Stateful& rule) : rule_(rule) {}

  std::vector<NaiveFiring> Observe(const NaiveRow& row) {
    fired_.clear();
    if (!Counts(row)) return fired_;
    const bool is_true = row.event_ns >= 0 && row.event_ns <= row.received_ns + 600'000'000'000;
    const int64_t time = is_true && !rule_.window.by_received_time ? row.event_ns : row.received_ns;
    if (!first_) first_ = time;
    if (time > clock_) {
      clock_ = time;
      seen_at_ = row.received_ns;
      Close();
    }
    if (time < Edge()) return fired_;
    if (IsSequence()) return ObserveSequence(time, row), fired_;
    switch (rule_.window.type) {
      case rules::WindowType::kSliding: ObserveSliding(time, row); break;
      case rules::WindowType::kTumbling: ObserveTumbling(time, row); break;
      case rules::WindowType::kSession: ObserveSession(time, row); break;
    }
    return fired_;
  }

  std::vector<NaiveFiring> Advance(int64_t wall) {
    fired_.clear();
    if (clock_ >= 0 && wall > seen_at_) {
      clock_ += wall - seen_at_;
      seen_at_ = wall;
      Close();
    }
    return fired_;
  }

 private:
  using Type = rules::RuleType;
  using Key = std::vector<std::string>;
  struct Event {
    int64_t time;
    NaiveRow row;
  };
  using Events = std::vector<Event>;
  // A window, a session or the records of a sequence.
  struct Group {
    Events events;
    bool holds = false;
    int64_t first = 0;
    int64_t last = 0;
  };

  bool IsSequence() const {
    return rule_.type == Type::kSequence || (rule_.type == Type::kAbsence && !rule_.steps.empty());
  }
  int64_t Edge() const {
    return std::max<int64_t>(
        clock_ - (rule_.window.by_received_time ? 0 : rule_.window.lateness_ns), 0);
  }
  bool FiresAtEnd() const {
    return rule_.type == Type::kAbsence ||
           (rule_.window.type != rules::WindowType::kSliding && !IsMonotone(rule_));
  }

  std::optional<std::string> ValueIn(const NaiveRow& row) const {
    std::string values;
    bool has_any = false;
    for (const std::string& name : rule_.fields) {
      const auto found = row.fields.find(name);
      has_any = has_any || found != row.fields.end();
      values += found == row.fields.end() ? "" : found->second;
      if (rule_.fields.size() > 1) values += ';';
    }
    return has_any ? std::optional(values) : std::nullopt;
  }
  static std::optional<double> Number(const std::string& text) {
    double number = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
    return number;
  }
  bool Counts(const NaiveRow& row) const {
    if (rule_.type == Type::kPercentage) return (row.steps & 1) != 0;
    if (rule_.fields.empty()) return true;
    const auto value = ValueIn(row);
    return value && (rule_.type != Type::kMetric || Number(*value));
  }
  Key KeyOf(const NaiveRow& row) const {
    Key key;
    std::vector<std::string> names = rule_.window.group_by;
    if (rule_.type == Type::kNewTerm)
      names.insert(names.end(), rule_.fields.begin(), rule_.fields.end());
    for (const std::string& name : names) {
      const auto found = row.fields.find(name);
      key.push_back(found == row.fields.end() ? "" : found->second);
    }
    return key;
  }

  // What is compared with the bounds, of these records; nothing when they say nothing.
  std::optional<double> Value(const Events& events) const {
    std::set<std::string> different;
    std::vector<double> numbers;
    double part = 0;
    for (const Event& event : events) {
      if (rule_.type == Type::kDistinct) different.insert(*ValueIn(event.row));
      if (rule_.type == Type::kMetric) numbers.push_back(*Number(*ValueIn(event.row)));
      part += (event.row.steps & 2) != 0;
    }
    const auto count = static_cast<double>(events.size());
    if (rule_.type == Type::kDistinct) return static_cast<double>(different.size());
    if (rule_.type == Type::kPercentage) {
      if (events.empty() || events.size() < rule_.min_count) return std::nullopt;
      return 100 * part / count;
    }
    if (rule_.type != Type::kMetric) return count;
    if (numbers.empty()) return std::nullopt;
    std::sort(numbers.begin(), numbers.end());
    double sum = 0;
    for (const double number : numbers) sum += number;
    switch (rule_.aggregate) {
      case rules::Aggregate::kSum: return sum;
      case rules::Aggregate::kAverage: return sum / count;
      case rules::Aggregate::kMin: return numbers.front();
      case rules::Aggregate::kMax: return numbers.back();
      case rules::Aggregate::kPercentile: break;
    }
    const auto rank = static_cast<size_t>(std::ceil(rule_.percentile / 100 * count));
    return numbers[std::max<size_t>(rank, 1) - 1];
  }
  bool Holds(const std::optional<double>& value) const {
    return value && HoldAll(rule_.bounds, *value);
  }

  int64_t Pieces() const { return rule_.type == Type::kSpike ? 24 : 12; }
  int64_t Width() const {
    const int64_t pieces = rule_.type == Type::kSpike ? 12 : 11;
    return (rule_.window.size_ns + pieces - 1) / pieces;
  }
  // The records of the pieces (newest - pieces, newest].
  Events Within(const Events& events, int64_t newest, int64_t pieces) const {
    Events found;
    for (const Event& event : events) {
      const int64_t piece = event.time / Width();
      if (piece <= newest && piece > newest - pieces) found.push_back(event);
    }
    return found;
  }
  std::optional<double> SlidingValue(const Group& group) const {
    const int64_t newest = group.last / Width();
    const Events now = Within(group.events, newest, 12);
    if (rule_.type == Type::kChange) return ChangeValue(group);
    if (rule_.type != Type::kSpike) return Value(now);
    const Events before = Within(group.events, newest - 12, 12);
    if (before.size() < std::max<uint64_t>(rule_.min_count, 1) || now.size() < rule_.min_current)
      return std::nullopt;
    return static_cast<double>(now.size()) / static_cast<double>(before.size());
  }
  // Of the record that came last: whether it is the newest and has another value than the newest before.
  std::optional<double> ChangeValue(const Group& group) const {
    const Event& event = group.events.back();
    const Event* before = nullptr;
    for (size_t i = 0; i + 1 < group.events.size(); ++i)
      if (before == nullptr || group.events[i].time >= before->time) before = &group.events[i];
    if (before == nullptr || event.time < before->time) return std::nullopt;
    if (*ValueIn(event.row) == *ValueIn(before->row)) return std::nullopt;
    return 1;
  }

  void ObserveSliding(int64_t time, const NaiveRow& row) {
    Group& group = groups_[{KeyOf(row), 0}];
    const int64_t piece = time / Width(), newest = group.last / Width();
    const bool is_new = group.events.empty() || piece >= newest + Pieces();
    if (!is_new && piece <= newest - Pieces()) return;
    if (is_new) group = Group();
    if (!is_new && piece > newest) {
      group.last = time;
      group.holds = group.holds && rule_.type != Type::kChange && Holds(SlidingValue(group));
    }
    group.last = std::max(group.last, time);
    group.events.push_back({time, row});
    const auto value = SlidingValue(group);
    const bool holds = Holds(value);
    const bool begins = holds && (!group.holds || rule_.type == Type::kChange);
    group.holds = holds;
    if (!begins || (rule_.learn_ns > 0 && time < *first_ + rule_.learn_ns)) return;
    const int64_t end = (group.last / Width() + 1) * Width();
    fired_.push_back({KeyOf(row), time, std::max<int64_t>(end - 12 * Width(), 0), end, *value});
  }

  void ObserveTumbling(int64_t time, const NaiveRow& row) {
    const int64_t number = time / rule_.window.size_ns;
    Group& group = groups_[{KeyOf(row), number}];
    group.events.push_back({time, row});
    if (FiresAtEnd() || group.holds) return;
    const auto value = Value(group.events);
    group.holds = Holds(value);
    if (group.holds) Fire({KeyOf(row), number}, group, time);
  }

  void ObserveSession(int64_t time, const NaiveRow& row) {
    const GroupKey key{KeyOf(row), 0};
    Group& group = groups_[key];
    if (!group.events.empty()) {
      if (time < group.first - rule_.window.gap_ns) return;
      const bool is_too_long =
          rule_.window.size_ns > 0 && time - group.first >= rule_.window.size_ns;
      if (time > group.last + rule_.window.gap_ns || is_too_long) {
        if (FiresAtEnd() && Holds(Value(group.events)))
          Fire(key, group, group.last + rule_.window.gap_ns + 1);
        group = Group();
      }
    }
    group.first = group.events.empty() ? time : std::min(group.first, time);
    group.last = std::max(group.last, time);
    group.events.push_back({time, row});
    if (FiresAtEnd() || group.holds) return;
    group.holds = Holds(Value(group.events));
    if (group.holds) Fire(key, group, time);
  }

  using GroupKey = std::pair<Key, int64_t>;
  void Fire(const GroupKey& key, const Group& group, int64_t at) {
    const int64_t size = rule_.window.size_ns;
    const bool is_session = rule_.window.type == rules::WindowType::kSession;
    fired_.push_back({key.first, at, is_session ? group.first : key.second * size,
                      is_session ? group.last : (key.second + 1) * size, *Value(group.events)});
  }

  // What has ended for sure.
  void Close() {
    if (IsSequence()) return CloseSequences();
    if (!FiresAtEnd()) return;
    for (auto at = groups_.begin(); at != groups_.end();) {
      const bool is_session = rule_.window.type == rules::WindowType::kSession;
      const int64_t deadline = is_session ? at->second.last + rule_.window.gap_ns + 1
                                          : (at->first.second + 1) * rule_.window.size_ns;
      if (deadline > Edge()) {
        ++at;
        continue;
      }
      if (Holds(Value(at->second.events))) Fire(at->first, at->second, deadline);
      at = groups_.erase(at);
    }
  }

  // A sequence: its positions, and before each of them and behind the last the steps that must not come.
  struct Pattern {
    std::vector<uint32_t> steps;
    std::vector<uint32_t> breaks{0};
  };
  Pattern PatternOf() const {
    Pattern pattern;
    uint32_t number = 0;
    if (rule_.type == Type::kAbsence) pattern = {{1}, {0, 0}}, number = 1;
    for (const rules::Step& step : rule_.steps) {
      const uint32_t bit = uint32_t{1} << number++;
      for (uint32_t i = 0; !step.is_not && i < step.min; ++i) {
        pattern.steps.push_back(bit);
        pattern.breaks.push_back(0);
      }
      if (step.is_not) pattern.breaks.back() |= bit;
    }
    return pattern;
  }

  // The first record of the chain of positions that ends with this record and begins last.
  std::optional<int64_t> FirstOf(const Pattern& pattern, const Events& events, size_t position,
                                 size_t at, int64_t end) const {
    if ((events[at].row.steps & pattern.steps[position]) == 0) return std::nullopt;
    if (end - events[at].time > rule_.within_ns) return std::nullopt;
    if (position == 0) {
      for (size_t i = 0; i <= at; ++i)
        if ((events[i].row.steps & pattern.breaks[0]) != 0 &&
            events[at].time <= events[i].time + rule_.within_ns)
          return std::nullopt;
      return events[at].time;
    }
    std::optional<int64_t> best;
    for (size_t i = at; i-- > 0;) {
      if ((events[i + 1].row.steps & pattern.breaks[position]) != 0) break;
      const auto first = FirstOf(pattern, events, position - 1, i, end);
      if (first && (!best || *first > *best)) best = first;
    }
    return best;
  }

  struct Chain {
    int64_t first;
    int64_t last;
  };
  std::optional<Chain> Ordered(const Events& events) const {
    const Pattern pattern = PatternOf();
    const uint32_t answer = pattern.breaks.back();
    std::optional<Chain> whole;
    for (size_t i = 0; i < events.size(); ++i) {
      if (whole && answer == 0) break;
      if (whole && (events[i].row.steps & answer) != 0 &&
          events[i].time <= whole->first + rule_.within_ns)
        whole.reset();
      if (whole) continue;
      const auto first = FirstOf(pattern, events, pattern.steps.size() - 1, i, events[i].time);
      if (first) whole = {*first, events[i].time};
    }
    return whole;
  }
  std::optional<Chain> Unordered(const Events& events) const {
    const Pattern pattern = PatternOf();
    for (size_t begin = 0; begin < events.size(); ++begin) {
      bool is_broken = false;
      std::map<uint32_t, std::vector<int64_t>> came;
      for (size_t i = begin; i < events.size(); ++i) {
        if (events[i].time - events[begin].time > rule_.within_ns) break;
        for (const uint32_t breaks : pattern.breaks)
          is_broken |= (events[i].row.steps & breaks) != 0;
        for (const uint32_t bit : std::set<uint32_t>(pattern.steps.begin(), pattern.steps.end()))
          if ((events[i].row.steps & bit) != 0) came[bit].push_back(events[i].time);
      }
      int64_t last = 0;
      bool is_whole = !is_broken;
      for (const uint32_t bit : pattern.steps) {
        const auto wanted = std::count(pattern.steps.begin(), pattern.steps.end(), bit);
        if (static_cast<long>(came[bit].size()) < wanted) is_whole = false;
        else last = std::max(last, came[bit][static_cast<size_t>(wanted) - 1]);
      }
      if (is_whole) return Chain{events[begin].time, last};
    }
    return std::nullopt;
  }
  bool Waits() const { return rule_.is_ordered && PatternOf().breaks.back() != 0; }

  void ObserveSequence(int64_t time, const NaiveRow& row) {
    Group& group = groups_[{KeyOf(row), 0}];
    const auto after = [&](const Event& event) {
      return std::tie(event.time, event.row.row) > std::tie(time, row.row);
    };
    group.events.insert(std::find_if(group.events.begin(), group.events.end(), after), {time, row});
    if (Waits()) return;
    const auto chain = rule_.is_ordered ? Ordered(group.events) : Unordered(group.events);
    if (!chain) return;
    fired_.push_back({KeyOf(row), time, chain->first, chain->last, 0});
    group.events.clear();
  }
  void CloseSequences() {
    if (!Waits()) return;
    for (auto& [key, group] : groups_) {
      for (;;) {
        const auto chain = Ordered(group.events);
        if (!chain || chain->first + rule_.within_ns + 1 > Edge()) break;
        const int64_t end = chain->first + rule_.within_ns;
        fired_.push_back({key.first, end + 1, chain->first, end + 1, 0});
        std::erase_if(group.events, [&](const Event& event) { return event.time <= end; });
      }
    }
  }

  const rules::Stateful& rule_;
  std::map<GroupKey, Group> groups_;
  std::vector<NaiveFiring> fired_;
  std::optional<int64_t> first_;
  int64_t clock_ = -1;
  int64_t seen_at_ = 0;
};

}  // namespace neurallog::testing
