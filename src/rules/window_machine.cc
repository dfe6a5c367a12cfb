#include "rules/window_machine.h"

#include <algorithm>
#include <cmath>

#include "rules/group_key.h"

namespace neurallog::rules {
namespace {

// The newest piece is begun when a record comes: one piece more than the window's size holds all of it.
int64_t WidthOf(const Stateful& rule) {
  const int64_t size = std::max<int64_t>(rule.window.size_ns, 1);
  if (rule.window.type != WindowType::kSliding) return size;
  const int64_t pieces = rule.type == RuleType::kSpike ? kWindowPieces : kWindowPieces - 1;
  return (size + pieces - 1) / pieces;
}

bool FiresAtEnd(const Stateful& rule) {
  if (rule.type == RuleType::kAbsence) return true;
  return rule.window.type != WindowType::kSliding && !IsMonotone(rule);
}

}  // namespace

template <typename Values>
WindowMachine<Values>::WindowMachine(std::shared_ptr<const Stateful> rule)
    : Machine(std::move(rule)),
      width_ns_(WidthOf(*rule_)),
      fires_at_end_(FiresAtEnd(*rule_)),
      has_details_(fires_at_end_ || is(WindowType::kSession)),
      clock_(rule_->window.by_received_time, rule_->window.lateness_ns) {}

template <typename Values>
void WindowMachine<Values>::Observe(const Observation& o, Out* out) {
  if (!Values::Counts(o) || (rule_->type == RuleType::kNewTerm && !o.has_value)) return;
  const int64_t time_ns = clock_.TimeOf(o.event_ns, o.received_ns);
  if (learn_until_ns_ < 0) learn_until_ns_ = time_ns + rule_->learn_ns;
  if (clock_.Reach(time_ns, o.received_ns)) CloseDue(out);
  if (clock_.is_late(time_ns)) {
    ++late_;
    return;
  }
  const uint64_t piece = PieceOf(time_ns);
  const Key key = KeyOf(o, piece);
  Group* group = groups_.Find(key, o.place);
  if (group == nullptr) {
    MakeRoom();
    group = groups_.FindOrAdd(key).first;
    Begin(group, time_ns, piece, o);
  } else if (!Move(group, time_ns, piece, o, out)) {
    ++late_;
    return;
  }
  group->values.Add(piece, time_ns, o);
  Evaluate(group, time_ns, o, out);
}

template <typename Values>
uint64_t WindowMachine<Values>::PieceOf(int64_t time_ns) {
  if (is(WindowType::kSession)) return 0;
  if (time_ns < piece_begin_ns_ || time_ns - piece_begin_ns_ >= width_ns_) {
    piece_ = static_cast<uint64_t>(time_ns / width_ns_);
    piece_begin_ns_ = static_cast<int64_t>(piece_) * width_ns_;
  }
  return piece_;
}

template <typename Values>
base::Hash128Value WindowMachine<Values>::KeyOf(const Observation& o, uint64_t piece) const {
  if (!is(WindowType::kTumbling)) return o.key;
  const uint64_t parts[] = {o.key.low, o.key.high, piece};
  return base::Hash128({reinterpret_cast<const char*>(parts), sizeof(parts)});
}

template <typename Values>
base::Hash128Value WindowMachine<Values>::FetchedKeyOf(const Observation& o) const {
  if (!is(WindowType::kTumbling)) return o.key;
  return KeyOf(o, static_cast<uint64_t>(clock_.TimeOf(o.event_ns, o.received_ns) / width_ns_));
}

template <typename Values>
void WindowMachine<Values>::Begin(Group* group, int64_t time_ns, uint64_t piece,
                                  const Observation& o) {
  group->newest = is(WindowType::kSession) ? static_cast<uint64_t>(time_ns) : piece;
  group->holds = 0;
  group->rows[0] = group->rows[1] = 0;
  group->values = Values();
  if (!has_details_) return;
  Detail& detail = details_[group->key];
  detail.key_text = o.group->Get();
  detail.first_ns = time_ns;
  if (detail.timer_ns == 0) SetTimer(*group, &detail);
}

template <typename Values>
bool WindowMachine<Values>::Move(Group* group, int64_t time_ns, uint64_t piece,
                                 const Observation& o, Out* out) {
  if (is(WindowType::kSession)) return MoveSession(group, time_ns, o, out);
  if (piece + Values::kPieces <= group->newest) return false;
  if (piece >= group->newest + Values::kPieces) {
    Begin(group, time_ns, piece, o);
  } else if (piece > group->newest) {
    group->values.Move(group->newest, piece);
    group->newest = piece;
    if (group->holds != 0) group->holds = group->values.Holds(*rule_, piece);
  }
  return true;
}

template <typename Values>
bool WindowMachine<Values>::MoveSession(Group* group, int64_t time_ns, const Observation& o,
                                        Out* out) {
  const Window& window = rule_->window;
  Detail& detail = details_[group->key];
  const auto last_ns = static_cast<int64_t>(group->newest);
  if (time_ns < detail.first_ns - window.gap_ns) return false;
  const bool is_too_long = window.size_ns > 0 && time_ns - detail.first_ns >= window.size_ns;
  if (time_ns > last_ns + window.gap_ns || is_too_long) {
    Close(group, out);
    Begin(group, time_ns, 0, o);
    return true;
  }
  detail.first_ns = std::min(detail.first_ns, time_ns);
  group->newest = static_cast<uint64_t>(std::max(last_ns, time_ns));
  return true;
}

template <typename Values>
void WindowMachine<Values>::Evaluate(Group* group, int64_t time_ns, const Observation& o,
                                     Out* out) {
  if (!fires_at_end_) {
    const bool holds = group->values.Holds(*rule_, group->newest);
    const bool begins = holds && (group->holds == 0 || rule_->type == RuleType::kChange);
    if (is(WindowType::kSliding)) group->holds = holds;
    else group->holds |= static_cast<uint64_t>(holds);
    if (begins && !IsLearning(time_ns)) Fire(*group, o.group->Get(), time_ns, o.row_id, out);
  }
  group->rows[0] = group->rows[1];
  group->rows[1] = o.row_id;
}

template <typename Values>
void WindowMachine<Values>::Fire(const Group& group, std::string_view text, int64_t at_ns,
                                 uint64_t row, Out* out) {
  Firing& firing = out->emplace_back();
  firing.key = base::Hash128(text);
  firing.group = GroupValues(text);
  firing.at_ns = at_ns;
  firing.value = group.values.Value(*rule_, group.newest);
  SetWindow(group, &firing);
  for (const uint64_t id : {group.rows[0], group.rows[1], row})
    if (id != 0) firing.rows.push_back(id);
}

template <typename Values>
void WindowMachine<Values>::SetWindow(const Group& group, Firing* firing) {
  if (is(WindowType::kSession)) {
    firing->start_ns = details_[group.key].first_ns;
    firing->end_ns = static_cast<int64_t>(group.newest);
    return;
  }
  const int64_t pieces = is(WindowType::kSliding) ? kWindowPieces : 1;
  firing->end_ns = (static_cast<int64_t>(group.newest) + 1) * width_ns_;
  firing->start_ns = std::max<int64_t>(firing->end_ns - pieces * width_ns_, 0);
}

template <typename Values>
int64_t WindowMachine<Values>::DeadlineOf(const Group& group) const {
  const auto newest = static_cast<int64_t>(group.newest);
  if (is(WindowType::kSession)) return newest + rule_->window.gap_ns + 1;
  return (newest + 1) * width_ns_;
}

template <typename Values>
void WindowMachine<Values>::SetTimer(const Group& group, Detail* detail) {
  if (!fires_at_end_) return;
  detail->timer_ns = DeadlineOf(group);
  timers_.Push(detail->timer_ns, group.key);
  if (timers_.size() <= 3 * size_t{groups_.size()} + TimerQueue::kSpare) return;
  timers_.RemoveIf([this](const TimerQueue::Timer& timer) { return !IsOfUse(timer); });
}

template <typename Values>
bool WindowMachine<Values>::IsOfUse(const TimerQueue::Timer& timer) const {
  const auto found = details_.find(timer.key);
  return found != details_.end() && found->second.timer_ns == timer.deadline_ns;
}

template <typename Values>
bool WindowMachine<Values>::waits() const {
  return timers_.Any([this](const TimerQueue::Timer& timer) { return IsOfUse(timer); });
}

template <typename Values>
void WindowMachine<Values>::CloseDue(Out* out) {
  const int64_t edge_ns = clock_.edge_ns();
  while (timers_.is_due(edge_ns)) {
    const TimerQueue::Timer timer = timers_.Pop();
    const auto found = details_.find(timer.key);
    if (found == details_.end() || found->second.timer_ns != timer.deadline_ns) continue;
    Group* const group = groups_.Find(timer.key);
    if (DeadlineOf(*group) > edge_ns) {
      SetTimer(*group, &found->second);
      continue;
    }
    Close(group, out);
    details_.erase(found);
    groups_.Remove(timer.key);
  }
}

template <typename Values>
void WindowMachine<Values>::Close(Group* group, Out* out) {
  if (!fires_at_end_ || !group->values.Holds(*rule_, group->newest)) return;
  Fire(*group, details_[group->key].key_text, DeadlineOf(*group), /*row=*/0, out);
}

template <typename Values>
void WindowMachine<Values>::Advance(int64_t wall_ns, Out* out) {
  if (!clock_.Pass(wall_ns)) return;
  CloseDue(out);
  if (clock_.edge_ns() < swept_ns_ + std::max(rule_->window.size_ns, rule_->window.gap_ns)) return;
  swept_ns_ = clock_.edge_ns();
  RemoveIf([&](const Group& group) { return IsExpired(group); });
}

// A source is silent until it begins a group again. Of sliding windows: with what they hold by now.
template <typename Values>
Condition WindowMachine<Values>::ConditionOf(const base::Hash128Value& key) {
  const bool has_moments = rule_->type == RuleType::kChange || rule_->type == RuleType::kNewTerm;
  if (rule_->type != RuleType::kAbsence && (!is(WindowType::kSliding) || has_moments))
    return Condition::kUnknown;
  const Group* const group = groups_.Find(key);
  if (rule_->type == RuleType::kAbsence)
    return group == nullptr ? Condition::kHolds : Condition::kEnded;
  if (group == nullptr || group->holds == 0) return Condition::kEnded;
  const auto now = std::max(group->newest, static_cast<uint64_t>(clock_.now_ns() / width_ns_));
  if (now >= group->newest + Values::kPieces) return Condition::kEnded;
  Values values = group->values;
  values.Move(group->newest, now);
  return values.Holds(*rule_, now) ? Condition::kHolds : Condition::kEnded;
}

template <typename Values>
std::optional<Progress> WindowMachine<Values>::ProgressOf(const base::Hash128Value& key) {
  if (clock_.now_ns() < 0) return std::nullopt;
  Observation of_key;
  of_key.key = key;
  const Group* const group = groups_.Find(KeyOf(of_key, PieceOf(clock_.now_ns())));
  if (group == nullptr) return std::nullopt;
  Progress progress;
  progress.value = group->values.Value(*rule_, group->newest);
  progress.holds = group->values.Holds(*rule_, group->newest);
  if (rule_->type == RuleType::kAbsence) progress.until_ns = DeadlineOf(*group);
  return progress;
}

// No record that is not late can find anything in it that counts.
template <typename Values>
bool WindowMachine<Values>::IsExpired(const Group& group) const {
  const int64_t edge_ns = clock_.edge_ns();
  if (!is(WindowType::kSliding)) return DeadlineOf(group) <= edge_ns;
  return group.newest + Values::kPieces <= static_cast<uint64_t>(edge_ns / width_ns_);
}

template <typename Values>
void WindowMachine<Values>::MakeRoom() {
  const uint32_t groups_max = rule_->window.groups_max;
  if (groups_.size() < groups_max) return;
  RemoveIf([&](const Group& group) { return IsExpired(group); });
  if (groups_.size() > groups_max - (groups_max + 15) / 16) Evict();
}

template <typename Values>
void WindowMachine<Values>::Evict() {
  if (groups_.size() == 0) return;
  const auto age_of = [](const Group& group) {
    return typename GroupTable<Group>::Age{group.newest, group.key.high, group.key.low};
  };
  const auto limit = groups_.StalestSixteenth(age_of);
  evicted_ += RemoveIf([&](const Group& group) { return age_of(group) <= limit; });
}

template <typename Values>
template <typename Predicate>
uint32_t WindowMachine<Values>::RemoveIf(Predicate is_removed) {
  return groups_.RemoveIf([&](const Group& group) {
    const bool goes = is_removed(group);
    if (goes && has_details_) details_.erase(group.key);
    return goes;
  });
}

template <typename Values>
size_t WindowMachine<Values>::memory_bytes() const {
  size_t bytes = sizeof(*this) + groups_.memory_bytes() + timers_.memory_bytes();
  for (uint32_t i = 0; i < groups_.size(); ++i) bytes += groups_.at(i).values.memory_bytes();
  for (const auto& [key, detail] : details_) bytes += 96 + detail.key_text.capacity();
  return bytes;
}

template <typename Values>
void WindowMachine<Values>::Encode(std::string* to) const {
  EncodeCounters(to);
  clock_.Encode(to);
  base::AppendLe(to, swept_ns_);
  base::AppendLe(to, learn_until_ns_);
  base::AppendVarint(to, groups_.size());
  for (uint32_t i = 0; i < groups_.size(); ++i) {
    const Group& group = groups_.at(i);
    base::AppendLe(to, group.key.low);
    base::AppendLe(to, group.key.high);
    base::AppendVarint(to, group.newest << 1 | group.holds);
    for (const uint64_t row : group.rows) base::AppendVarint(to, row);
    group.values.Encode(to);
    if (!has_details_) continue;
    const Detail& detail = details_.at(group.key);
    base::AppendLengthPrefixed(to, detail.key_text);
    base::AppendLe(to, detail.first_ns);
  }
}

template <typename Values>
bool WindowMachine<Values>::Decode(base::ByteReader* from) {
  DecodeCounters(from);
  if (!clock_.Decode(from)) return false;
  swept_ns_ = from->ReadLe<int64_t>();
  learn_until_ns_ = from->ReadLe<int64_t>();
  const uint64_t count = from->ReadVarint();
  if (!from->ok() || count > rule_->window.groups_max || swept_ns_ < 0) return false;
  if (swept_ns_ > RuleClock::kTimeMaxNs) return false;
  for (uint64_t i = 0; i < count; ++i)
    if (!DecodeGroup(from)) return false;
  return true;
}

template <typename Values>
bool WindowMachine<Values>::DecodeGroup(base::ByteReader* from) {
  Key key;
  key.low = from->ReadLe<uint64_t>();
  key.high = from->ReadLe<uint64_t>();
  const uint64_t newest = from->ReadVarint();
  const uint64_t newest_max =
      static_cast<uint64_t>(RuleClock::kTimeMaxNs / (is(WindowType::kSession) ? 1 : width_ns_));
  if (!from->ok() || newest >> 1 > newest_max) return false;
  const auto [group, is_new] = groups_.FindOrAdd(key);
  group->newest = newest >> 1;
  group->holds = newest & 1;
  for (uint64_t& row : group->rows) row = from->ReadVarint();
  if (!is_new || !group->values.Decode(from)) return false;
  if (has_details_) {
    Detail& detail = details_[key];
    detail.key_text = from->ReadLengthPrefixed();
    detail.first_ns = from->ReadLe<int64_t>();
    if (detail.first_ns < 0 || detail.first_ns > RuleClock::kTimeMaxNs) return false;
    SetTimer(*group, &detail);
  }
  return from->ok();
}

template class WindowMachine<CountValues<uint16_t>>;
template class WindowMachine<CountValues<uint32_t>>;
template class WindowMachine<DistinctValues>;
template class WindowMachine<MetricValues>;
template class WindowMachine<QuantileValues>;
template class WindowMachine<ShareValues>;
template class WindowMachine<SpikeValues>;
template class WindowMachine<ChangeValues>;

}  // namespace neurallog::rules
