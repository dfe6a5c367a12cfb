#include "rules/sequence_machine.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "rules/group_key.h"

namespace neurallog::rules {

SequenceMachine::SequenceMachine(std::shared_ptr<const Stateful> rule)
    : Machine(std::move(rule)),
      breaks_(1),
      clock_(rule_->window.by_received_time, rule_->window.lateness_ns) {
  // The condition of an absence is its first step.
  if (rule_->type == RuleType::kAbsence) positions_ = {0}, breaks_ = {0, 0};
  uint32_t number = static_cast<uint32_t>(positions_.size());
  for (const Step& step : rule_->steps) {
    if (step.is_not) {
      breaks_.back() |= uint32_t{1} << number;
    } else {
      positions_.insert(positions_.end(), step.min, number);
      breaks_.resize(positions_.size() + 1);
    }
    ++number;
  }
  for (const uint32_t steps : breaks_) forbidden_ |= steps;
  waits_ = rule_->is_ordered && breaks_.back() != 0;
}

void SequenceMachine::Observe(const Observation& o, Out* out) {
  const int64_t time_ns = clock_.TimeOf(o.event_ns, o.received_ns);
  if (clock_.Reach(time_ns, o.received_ns)) FireDue(out);
  if (clock_.is_late(time_ns)) {
    ++late_;
    return;
  }
  Group* group = groups_.Find(o.key, o.place);
  if (group == nullptr) {
    MakeRoom();
    group = groups_.FindOrAdd(o.key).first;
    group->key_text = o.group->Get();
  }
  group->newest_ns = std::max(group->newest_ns, time_ns);
  AddRecord(group, time_ns, o);
  Evaluate(group, time_ns, out);
}

// The answer to an absence may come late.
Condition SequenceMachine::ConditionOf(const base::Hash128Value& key) {
  const Group* const group = groups_.Find(key);
  if (rule_->type != RuleType::kAbsence || group == nullptr) return Condition::kUnknown;
  const bool is_answered =
      std::any_of(group->records.begin(), group->records.end(),
                  [&](const Record& record) { return (record.steps & breaks_.back()) != 0; });
  return is_answered ? Condition::kEnded : Condition::kUnknown;
}

void SequenceMachine::AddRecord(Group* group, int64_t time_ns, const Observation& o) {
  std::vector<Record>& records = group->records;
  const Record record{time_ns, o.row_id, o.steps};
  const auto is_before = [](const Record& a, const Record& b) {
    return std::tie(a.time_ns, a.row) < std::tie(b.time_ns, b.row);
  };
  // What is too old to begin something can still stand before it.
  for (Record& known : records)
    if (known.time_ns < clock_.edge_ns() - rule_->within_ns) known.steps &= breaks_[0];
  const int64_t until_ns = useless_ns();
  const auto is_useless = [&](const Record& known) { return known.time_ns < until_ns; };
  records.erase(records.begin(), std::find_if_not(records.begin(), records.end(), is_useless));
  const auto place = std::upper_bound(records.begin(), records.end(), record, is_before);
  records.insert(place, record);
  if (records.size() > kRecordsMax) records.erase(waits_ ? records.end() - 2 : records.begin());
}

int64_t SequenceMachine::useless_ns() const {
  const int64_t spans = breaks_[0] != 0 ? 2 : 1;  // a first record, and what must not be before it
  return clock_.edge_ns() - spans * rule_->within_ns;
}

void SequenceMachine::Evaluate(Group* group, int64_t at_ns, Out* out) {
  const auto chain = Find(*group);
  if (!chain) return;
  if (waits_) {
    const int64_t deadline = chain->first_ns + rule_->within_ns + 1;
    if (group->timer_ns != deadline) SetTimer(group, deadline);
    return;
  }
  Fire(*group, *chain, at_ns, out);
  Forget(group, INT64_MAX);
}

void SequenceMachine::SetTimer(Group* group, int64_t deadline_ns) {
  group->timer_ns = deadline_ns;
  timers_.Push(deadline_ns, group->key);
  if (timers_.size() <= 3 * size_t{groups_.size()} + TimerQueue::kSpare) return;
  timers_.RemoveIf([this](const TimerQueue::Timer& timer) { return !IsOfUse(timer); });
}

bool SequenceMachine::IsOfUse(const TimerQueue::Timer& timer) const {
  const Group* const group = groups_.Find(timer.key);
  return group != nullptr && group->timer_ns == timer.deadline_ns;
}

// What broke a chain left its timer.
bool SequenceMachine::waits() const {
  return timers_.Any([this](const TimerQueue::Timer& timer) {
    return IsOfUse(timer) && Find(*groups_.Find(timer.key));
  });
}

std::optional<SequenceMachine::Chain> SequenceMachine::FindOrdered(const Group& group) const {
  return OrderedChains(group).back();
}

// The one that began last: who began earlier can do nothing that it cannot. The whole one is kept until it is
// broken.
std::vector<std::optional<SequenceMachine::Chain>> SequenceMachine::OrderedChains(
    const Group& group) const {
  const size_t length = positions_.size();
  std::vector<std::optional<Chain>> chains(length + 1);
  int64_t forbidden_until_ns = -1;  // a first record of up to then has a forbidden one before it
  for (const Record& record : group.records) {
    for (size_t i = 1; i <= length; ++i)
      if ((breaks_[i] & record.steps) != 0 &&
          (i < length || !chains[i] || record.time_ns <= chains[i]->first_ns + rule_->within_ns))
        chains[i].reset();
    if ((breaks_[0] & record.steps) != 0) forbidden_until_ns = record.time_ns + rule_->within_ns;
    for (size_t i = length; i-- > 0;) {
      if ((record.steps >> positions_[i] & 1) == 0 || (i + 1 == length && chains[length])) continue;
      if (i == 0) {
        if (record.time_ns > forbidden_until_ns) chains[1] = Chain{record.time_ns, 0, {}, {}};
        else continue;
      } else {
        if (!chains[i] || record.time_ns - chains[i]->first_ns > rule_->within_ns) continue;
        chains[i + 1] = chains[i];
      }
      chains[i + 1]->last_ns = record.time_ns;
      chains[i + 1]->rows.push_back(record.row);
    }
    if (chains[length] && !waits_) break;
  }
  return chains;
}

std::optional<SequenceMachine::Chain> SequenceMachine::FindUnordered(const Group& group) const {
  Chain nearest = NearestUnordered(group);
  if (!nearest.missing.empty()) return std::nullopt;
  return nearest;
}

SequenceMachine::Chain SequenceMachine::NearestUnordered(const Group& group) const {
  const auto& records = group.records;
  Chain nearest{0, 0, {}, positions_};
  for (size_t begin = 0; begin < records.size() && !nearest.missing.empty(); ++begin) {
    Chain chain{records[begin].time_ns, 0, {}, positions_};
    uint32_t seen = 0;
    std::vector<uint32_t>& missing = chain.missing;
    for (size_t i = begin; i < records.size(); ++i) {
      if (records[i].time_ns - chain.first_ns > rule_->within_ns) break;
      seen |= records[i].steps;
      const size_t before = missing.size();
      for (uint32_t steps = records[i].steps; steps != 0; steps &= steps - 1) {
        const auto at = std::find(missing.begin(), missing.end(),
                                  static_cast<uint32_t>(std::countr_zero(steps)));
        if (at != missing.end()) missing.erase(at);
      }
      if (missing.size() == before) continue;
      chain.rows.push_back(records[i].row);
      chain.last_ns = records[i].time_ns;
    }
    if ((seen & forbidden_) == 0 && missing.size() < nearest.missing.size())
      nearest = std::move(chain);
  }
  return nearest;
}

std::optional<Progress> SequenceMachine::ProgressOf(const base::Hash128Value& key) {
  const Group* const group = groups_.Find(key);
  if (group == nullptr) return std::nullopt;
  Progress progress;
  Chain chain;
  if (rule_->is_ordered) {
    const auto chains = OrderedChains(*group);
    size_t length = positions_.size();
    while (length > 0 && !chains[length]) --length;
    if (length > 0) chain = *chains[length];
    chain.missing.assign(positions_.begin() + static_cast<ptrdiff_t>(length), positions_.end());
    progress.forbidden = breaks_[length];
  } else {
    chain = NearestUnordered(*group);
    progress.forbidden = forbidden_;
  }
  if (!chain.rows.empty()) progress.until_ns = chain.first_ns + rule_->within_ns;
  progress.value = static_cast<double>(chain.rows.size());
  progress.rows = std::move(chain.rows);
  progress.missing = std::move(chain.missing);
  return progress;
}

void SequenceMachine::Fire(const Group& group, const Chain& chain, int64_t at_ns, Out* out) const {
  Firing& firing = out->emplace_back();
  firing.key = group.key;
  firing.group = GroupValues(group.key_text);
  firing.at_ns = at_ns;
  firing.start_ns = chain.first_ns;
  firing.end_ns = waits_ ? at_ns : chain.last_ns;
  firing.value = static_cast<double>(chain.rows.size());
  firing.rows = chain.rows;
}

void SequenceMachine::FireDue(Out* out) {
  const int64_t edge_ns = clock_.edge_ns();
  while (timers_.is_due(edge_ns)) {
    const TimerQueue::Timer timer = timers_.Pop();
    Group* const group = groups_.Find(timer.key);
    if (group == nullptr || group->timer_ns != timer.deadline_ns) continue;
    group->timer_ns = 0;
    const auto chain = Find(*group);
    if (!chain) continue;
    if (chain->first_ns + rule_->within_ns + 1 != timer.deadline_ns) {
      Evaluate(group, timer.deadline_ns, out);
      continue;
    }
    Fire(*group, *chain, timer.deadline_ns, out);
    Forget(group, timer.deadline_ns - 1);
  }
}

void SequenceMachine::Forget(Group* group, int64_t until_ns) {
  std::vector<Record>& records = group->records;
  const auto is_past = [&](const Record& record) { return record.time_ns <= until_ns; };
  records.erase(records.begin(), std::find_if_not(records.begin(), records.end(), is_past));
  if (records.empty()) groups_.Remove(base::Hash128Value(group->key));
  else Evaluate(group, 0, nullptr);
}

void SequenceMachine::Advance(int64_t wall_ns, Out* out) {
  if (!clock_.Pass(wall_ns)) return;
  FireDue(out);
  if (clock_.edge_ns() < swept_ns_ + rule_->within_ns) return;
  swept_ns_ = clock_.edge_ns();
  groups_.RemoveIf([&](const Group& group) { return IsExpired(group); });
}

bool SequenceMachine::IsExpired(const Group& group) const { return group.newest_ns < useless_ns(); }

void SequenceMachine::MakeRoom() {
  const uint32_t groups_max = rule_->window.groups_max;
  if (groups_.size() < groups_max) return;
  groups_.RemoveIf([&](const Group& group) { return IsExpired(group); });
  if (groups_.size() > groups_max - (groups_max + 15) / 16) Evict();
}

void SequenceMachine::Evict() {
  if (groups_.size() == 0) return;
  const auto age_of = [](const Group& group) {
    return typename GroupTable<Group>::Age{static_cast<uint64_t>(group.newest_ns), group.key.high,
                                           group.key.low};
  };
  const auto limit = groups_.StalestSixteenth(age_of);
  evicted_ += groups_.RemoveIf([&](const Group& group) { return age_of(group) <= limit; });
}

size_t SequenceMachine::memory_bytes() const {
  size_t bytes = sizeof(*this) + groups_.memory_bytes() + timers_.memory_bytes();
  for (uint32_t i = 0; i < groups_.size(); ++i) {
    const Group& group = groups_.at(i);
    bytes += group.records.capacity() * sizeof(Record) + group.key_text.capacity();
  }
  return bytes;
}

void SequenceMachine::Encode(std::string* to) const {
  EncodeCounters(to);
  clock_.Encode(to);
  base::AppendLe(to, swept_ns_);
  base::AppendVarint(to, groups_.size());
  for (uint32_t i = 0; i < groups_.size(); ++i) {
    const Group& group = groups_.at(i);
    base::AppendLe(to, group.key.low);
    base::AppendLe(to, group.key.high);
    base::AppendLe(to, group.newest_ns);
    base::AppendLengthPrefixed(to, group.key_text);
    base::AppendVarint(to, group.records.size());
    for (const Record& record : group.records) {
      base::AppendLe(to, record.time_ns);
      base::AppendVarint(to, record.row);
      base::AppendVarint(to, record.steps);
    }
  }
}

bool SequenceMachine::Decode(base::ByteReader* from) {
  DecodeCounters(from);
  if (!clock_.Decode(from)) return false;
  swept_ns_ = from->ReadLe<int64_t>();
  const uint64_t count = from->ReadVarint();
  if (!from->ok() || count > rule_->window.groups_max) return false;
  if (swept_ns_ < 0 || swept_ns_ > RuleClock::kTimeMaxNs) return false;
  for (uint64_t i = 0; i < count; ++i)
    if (!DecodeGroup(from)) return false;
  return true;
}

bool SequenceMachine::DecodeGroup(base::ByteReader* from) {
  base::Hash128Value key;
  key.low = from->ReadLe<uint64_t>();
  key.high = from->ReadLe<uint64_t>();
  const auto newest_ns = from->ReadLe<int64_t>();
  const std::string_view key_text = from->ReadLengthPrefixed();
  const uint64_t records = from->ReadVarint();
  if (!from->ok() || newest_ns < 0 || records == 0 || records > kRecordsMax) return false;
  const auto [group, is_new] = groups_.FindOrAdd(key);
  if (!is_new) return false;
  group->newest_ns = newest_ns;
  group->key_text = key_text;
  for (uint64_t i = 0; i < records; ++i) {
    Record record{};
    record.time_ns = from->ReadLe<int64_t>();
    record.row = from->ReadVarint();
    record.steps = static_cast<uint32_t>(from->ReadVarint());
    const bool is_sorted =
        group->records.empty() || group->records.back().time_ns <= record.time_ns;
    if (!from->ok() || !is_sorted || record.time_ns < 0 || record.time_ns > newest_ns) return false;
    group->records.push_back(record);
  }
  if (newest_ns > RuleClock::kTimeMaxNs) return false;
  if (waits_) Evaluate(group, 0, nullptr);
  return true;
}

}  // namespace neurallog::rules
