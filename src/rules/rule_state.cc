#include "rules/rule_state.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/check.h"
#include "rules/group_key.h"

namespace neurallog::rules {
namespace {

constexpr uint32_t kMagic = 0x54534c4e;  // "NLST"
constexpr uint8_t kVersion = 2;
constexpr uint8_t kWithoutFlags = 1;  // a version
constexpr uint8_t kWaits = 1;         // a flag
constexpr size_t kHeaderBytes = 8;    // magic and checksum

// What Encode knows a rule by.
using Fingerprint = std::pair<uint64_t, uint64_t>;
Fingerprint FingerprintOf(const Rule& rule) {
  return {rule.stateful->fingerprint.high, rule.stateful->fingerprint.low};
}

bool IsAtWork(const Rule& rule, int64_t time_ns) {
  return rule.schedule == nullptr || rule.schedule->Contains(time_ns);
}

// What is over when the rule's hours are belongs to them.
bool MayFire(const Rule& rule, int64_t at_ns) {
  return IsAtWork(rule, at_ns) || (rule.stateful != nullptr && IsAtWork(rule, at_ns - 1));
}

int64_t TimeFor(const Rule& rule, const Observation& o) {
  const bool by_received_time = rule.stateful->window.by_received_time;
  return RuleClock::Plausible(by_received_time ? -1 : o.event_ns, o.received_ns);
}

base::Hash128Value IdOf(const Rule& rule, const Firing& firing) {
  std::string text;
  for (const std::string* name : {&rule.id, &rule.name, &rule.title})
    base::AppendLengthPrefixed(&text, *name);
  base::AppendLe(&text, firing.key.low);
  base::AppendLe(&text, firing.key.high);
  base::AppendLe(&text, firing.at_ns);
  base::AppendLe(&text, firing.rows.empty() ? 0 : firing.rows.back());
  return base::Hash128(text);
}

class GivenText : public GroupText {
 public:
  explicit GivenText(std::string_view text) : text_(text) {}
  std::string_view Get() override { return text_; }

 private:
  const std::string_view text_;
};

}  // namespace

class RuleState::TextOfRow : public GroupText {
 public:
  TextOfRow(RuleState* state, const char* row, const std::vector<uint32_t>& keys)
      : state_(state), row_(row), keys_(keys) {}
  std::string_view Get() override {
    state_->Load(row_);
    state_->SetKey(keys_);
    return state_->key_text_;
  }

 private:
  RuleState* const state_;
  const char* const row_;
  const std::vector<uint32_t>& keys_;
};

RuleState::RuleState(std::shared_ptr<const RulePlan> plan, RuleStateOptions options)
    : plan_(std::move(plan)),
      options_(options),
      fields_(plan_->fields()),
      machines_(plan_->rules().size()),
      suppressors_(plan_->rules().size()) {
  Reset();
}

void RuleState::Reset() {
  groups_ = 0;
  for (const uint32_t rule : plan_->stateful())
    machines_[rule] = Machine::Make(plan_->rules()[rule].stateful);
  for (size_t rule = 0; rule < suppressors_.size(); ++rule) {
    const Stateful* const stateful = plan_->rules()[rule].stateful.get();
    if (stateful != nullptr && !stateful->suppression.empty())
      suppressors_[rule] = std::make_unique<Suppressor>(stateful->suppression);
  }
}

void RuleState::Bind(const model::RecordBatch& batch) {
  fields_.Bind(batch);
  ForgetRows();
  loaded_ = nullptr;
}

void RuleState::ForgetRows() {
  rows_.clear();
  reports_.clear();
  told_.clear();
  next_row_ = next_report_ = next_told_ = 0;
}

void RuleState::Observe(std::span<const uint32_t> inputs, const char* row, uint64_t row_id,
                        int64_t received_ns, std::vector<Firing>* firings) {
  Expect(inputs, row, row_id, received_ns);
  while (expects()) Observe(firings);
}

void RuleState::Expect(std::span<const uint32_t> inputs, const char* row, uint64_t row_id,
                       int64_t received_ns) {
  if (inputs.empty()) return;
  if (!expects()) ForgetRows();
  NL_DCHECK(next_row_ == 0);
  Observation observation;
  observation.event_ns = model::RowReader(row).timestamp_ns();
  observation.received_ns = received_ns;
  observation.row_id = row_id;
  const size_t first = told_.size();
  CollectFeeds(inputs, observation);
  if (told_.size() > first + 1) MergeFeeds(first);
  if (told_.size() > first) Load(row);
  for (size_t i = first; i < told_.size(); ++i) {
    const RulePlan::Feed& feed = *told_[i].feed;
    Observation& told = told_[i].observation;
    if (i > first && feed.keys == told_[i - 1].feed->keys) {
      told.key = told_[i - 1].observation.key;
    } else {
      SetKey(feed.keys);
      told.key = base::Hash128(key_text_);
    }
    if (feed.values.size() == 1) SetValue(feed.values, &told);
    machines_[feed.rule]->FetchPlace(told);
  }
  rows_.push_back({row, row_id, received_ns, reports_.size(), told_.size()});
}

RuleState::ExpectedRow RuleState::Observe(std::vector<Firing>* firings) {
  if (next_row_ == 0 && told_.size() > 1) FetchGroups();
  const Row& row = rows_[next_row_++];
  fired_.clear();
  ReportMatches(row);
  for (; next_told_ < row.told_end; ++next_told_) {
    const RulePlan::Feed& feed = *told_[next_told_].feed;
    Observation& observation = told_[next_told_].observation;
    TextOfRow text(this, row.row, feed.keys);
    observation.group = &text;
    if (feed.values.size() > 1) {
      Load(row.row);
      SetValue(feed.values, &observation);
    }
    Tell(feed.rule, observation, &fired_);
  }
  if (!fired_.empty()) PassOn(std::exchange(fired_, {}), row.received_ns, firings);
  return {row.row, row.row_id};
}

void RuleState::FetchGroups() {
  for (Told& told : told_) machines_[told.feed->rule]->FetchGroup(&told.observation);
}

void RuleState::Load(const char* row) {
  if (loaded_ == row || plan_->fields().empty()) return;
  loaded_ = row;
  fields_.Load(row);
}

void RuleState::ReportMatches(const Row& row) {
  if (next_report_ < row.reports_end) Load(row.row);
  for (; next_report_ < row.reports_end; ++next_report_) {
    const RulePlan::Input& target = plan_->targets()[reports_[next_report_]];
    SetKey(target.keys);
    Firing& firing = fired_.emplace_back();
    firing.rule = target.reports;
    firing.key = base::Hash128(key_text_);
    firing.group = GroupValues(key_text_);
    firing.at_ns = firing.start_ns = firing.end_ns =
        RuleClock::Plausible(model::RowReader(row.row).timestamp_ns(), row.received_ns);
    firing.value = 1;
    firing.rows = {row.row_id};
  }
}

void RuleState::CollectFeeds(std::span<const uint32_t> inputs, const Observation& o) {
  const int64_t time_ns = RuleClock::Plausible(o.event_ns, o.received_ns);
  for (const uint32_t input : inputs) {
    const RulePlan::Input& target = plan_->targets()[input];
    if (target.reports != RulePlan::kNone) reports_.push_back(input);
    if (target.feeds.empty() || !IsAtWork(*plan_->inputs()[input], time_ns)) continue;
    for (const RulePlan::Feed& feed : target.feeds) {
      Told& told = told_.emplace_back(&feed);
      told.observation.event_ns = o.event_ns;
      told.observation.received_ns = o.received_ns;
      told.observation.row_id = o.row_id;
    }
  }
}

// A rule is told once of all its steps that the row matches, if they group it alike.
void RuleState::MergeFeeds(size_t first) {
  const auto order = [](const Told& told) { return std::tie(told.feed->rule, told.feed->keys); };
  const auto is_before = [&](const Told& a, const Told& b) { return order(a) < order(b); };
  const auto begin = told_.begin() + static_cast<ptrdiff_t>(first);
  if (!std::is_sorted(begin, told_.end(), is_before))
    std::stable_sort(begin, told_.end(), is_before);
  size_t kept = first;
  for (size_t i = first + 1; i < told_.size(); ++i) {
    if (order(told_[i]) == order(told_[kept]))
      told_[kept].observation.steps |= told_[i].observation.steps;
    else told_[++kept] = told_[i];
  }
  told_.erase(told_.begin() + static_cast<ptrdiff_t>(kept) + 1, told_.end());
}

void RuleState::SetKey(const std::vector<uint32_t>& keys) {
  key_text_.clear();
  for (const uint32_t key : keys) AppendGroupValue(&key_text_, fields_.value(key));
}

// One field's value is its text, so that it can be a number.
void RuleState::SetValue(const std::vector<uint32_t>& values, Observation* o) {
  o->has_value =
      std::any_of(values.begin(), values.end(), [&](uint32_t field) { return fields_.has(field); });
  if (values.size() < 2) {
    o->value = values.empty() ? std::string_view() : fields_.value(values[0]);
    return;
  }
  value_text_.clear();
  for (const uint32_t field : values) AppendGroupValue(&value_text_, fields_.value(field));
  o->value = value_text_;
}

void RuleState::Tell(uint32_t rule, const Observation& o, std::vector<Firing>* fired) {
  const Rule& made = plan_->rules()[rule];
  if (made.schedule != nullptr && !IsAtWork(made, TimeFor(made, o))) return;
  if (groups_ >= options_.groups_max) Evict();
  if (on_told_) on_told_(rule, o);
  Machine* const machine = machines_[rule].get();
  const size_t groups = machine->groups();
  const size_t first = fired->size();
  machine->Observe(o, fired);
  groups_ += machine->groups() - groups;
  for (size_t i = first; i < fired->size(); ++i) (*fired)[i].rule = rule;
}

void RuleState::Evict() {
  Machine* largest = nullptr;
  for (const uint32_t rule : plan_->stateful())
    if (largest == nullptr || machines_[rule]->groups() > largest->groups())
      largest = machines_[rule].get();
  if (largest == nullptr) return;
  groups_ -= largest->groups();
  largest->Evict();
  groups_ += largest->groups();
}

void RuleState::Advance(int64_t now_ns, std::vector<Firing>* firings) {
  fired_.clear();
  for (const uint32_t rule : plan_->stateful()) {
    Machine* const machine = machines_[rule].get();
    const size_t groups = machine->groups();
    const size_t first = fired_.size();
    machine->Advance(now_ns, &fired_);
    groups_ += machine->groups() - groups;
    for (size_t i = first; i < fired_.size(); ++i) fired_[i].rule = rule;
  }
  if (!fired_.empty()) PassOn(std::exchange(fired_, {}), now_ns, firings);
}

// A firing goes before those that follow from it. What is suppressed counts for other rules all the same; what
// time brings about while the rule is not at work does not.
void RuleState::PassOn(std::vector<Firing> fired, int64_t received_ns, std::vector<Firing>* to) {
  for (Firing& firing : fired) {
    if (!MayFire(plan_->rules()[firing.rule], firing.at_ns)) continue;
    std::vector<Firing> next;
    for (const RulePlan::Feed& feed : plan_->listeners(firing.rule))
      TellFiring(feed, firing, received_ns, &next);
    if (plan_->reports(firing.rule) && Admits(firing)) {
      firing.id = IdOf(plan_->rules()[firing.rule], firing);
      to->push_back(std::move(firing));
    }
    PassOn(std::move(next), received_ns, to);
  }
}

void RuleState::TellFiring(const RulePlan::Feed& feed, const Firing& firing, int64_t received_ns,
                           std::vector<Firing>* fired) {
  const std::vector<std::string>& names = plan_->group_fields(firing.rule);
  const auto value_of = [&](const std::string& name) -> std::string_view {
    const auto at =
        static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    return at < firing.group.size() ? std::string_view(firing.group[at]) : std::string_view();
  };
  std::string key_text, value;
  for (const std::string& name : feed.names) AppendGroupValue(&key_text, value_of(name));
  Observation o;
  o.event_ns = firing.at_ns;
  o.received_ns = received_ns;
  o.row_id = firing.rows.empty() ? 1 : firing.rows.back();
  o.steps = feed.steps;
  GivenText text(key_text);
  o.group = &text;
  o.key = base::Hash128(key_text);
  if (feed.values.size() == 1) {
    value = value_of(plan_->fields()[feed.values[0]].name);
    o.value = value;
    o.has_value = !value.empty();
  }
  Tell(feed.rule, o, fired);
}

bool RuleState::Admits(const Firing& firing) {
  Suppressor* const suppressor = suppressors_[firing.rule].get();
  if (suppressor == nullptr) return true;
  const std::vector<std::string>& key = plan_->rules()[firing.rule].stateful->suppression.key;
  if (key.empty()) return suppressor->Admit(firing.key, firing.at_ns);
  const std::vector<std::string>& names = plan_->group_fields(firing.rule);
  std::string text;
  for (const std::string& name : key) {
    const auto at =
        static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    AppendGroupValue(&text, at < firing.group.size() ? firing.group[at] : std::string());
  }
  return suppressor->Admit(base::Hash128(text), firing.at_ns);
}

void RuleState::Adopt(RuleState* previous) {
  std::multimap<Fingerprint, uint32_t> known;
  for (uint32_t rule = 0; rule < previous->machines_.size(); ++rule)
    if (previous->plan_->rules()[rule].stateful != nullptr)
      known.emplace(FingerprintOf(previous->plan_->rules()[rule]), rule);
  groups_ = 0;
  for (uint32_t rule = 0; rule < machines_.size(); ++rule) {
    if (plan_->rules()[rule].stateful == nullptr) continue;
    const auto found = known.find(FingerprintOf(plan_->rules()[rule]));
    if (found != known.end()) {
      if (previous->machines_[found->second] != nullptr && machines_[rule] != nullptr)
        machines_[rule] = std::move(previous->machines_[found->second]);
      if (previous->suppressors_[found->second] != nullptr)
        suppressors_[rule] = std::move(previous->suppressors_[found->second]);
      known.erase(found);
    }
    if (machines_[rule] != nullptr) groups_ += machines_[rule]->groups();
  }
}

std::string RuleState::Encode() const {
  std::string bytes(kHeaderBytes, '\0');
  bytes.push_back(static_cast<char>(kVersion));
  bytes.push_back(static_cast<char>(waits() ? kWaits : 0));
  std::string machine, suppressor;
  for (uint32_t rule = 0; rule < machines_.size(); ++rule) {
    if (machines_[rule] == nullptr && suppressors_[rule] == nullptr) continue;
    machine.clear();
    suppressor.clear();
    if (machines_[rule] != nullptr) machines_[rule]->Encode(&machine);
    if (suppressors_[rule] != nullptr) suppressors_[rule]->Encode(&suppressor);
    const Fingerprint fingerprint = FingerprintOf(plan_->rules()[rule]);
    base::AppendLe(&bytes, fingerprint.first);
    base::AppendLe(&bytes, fingerprint.second);
    base::AppendLengthPrefixed(&bytes, machine);
    base::AppendLengthPrefixed(&bytes, suppressor);
  }
  base::StoreLe(bytes.data(), kMagic);
  base::StoreLe(bytes.data() + 4,
                base::Crc32c(0, bytes.data() + kHeaderBytes, bytes.size() - kHeaderBytes));
  return bytes;
}

bool RuleState::waits() const {
  return std::any_of(machines_.begin(), machines_.end(),
                     [](const auto& machine) { return machine != nullptr && machine->waits(); });
}

// Of what cannot be told it is assumed.
bool RuleState::Waits(std::string_view encoded) {
  const bool has_flags = encoded.size() > kHeaderBytes + 1 && encoded[kHeaderBytes] == kVersion;
  return !has_flags || encoded[kHeaderBytes + 1] == kWaits;
}

Status RuleState::Decode(std::string_view bytes) {
  Reset();
  base::ByteReader reader(bytes);
  const auto magic = reader.ReadLe<uint32_t>();
  const auto checksum = reader.ReadLe<uint32_t>();
  if (!reader.ok() || magic != kMagic) return Corruption("rule state: no such format");
  if (checksum != base::Crc32c(0, reader.position(), reader.remaining()))
    return Corruption("rule state: checksum mismatch");
  const auto version = reader.ReadLe<uint8_t>();
  if (version != kVersion && version != kWithoutFlags)
    return Corruption("rule state: unknown version");
  if (version == kVersion && reader.ReadLe<uint8_t>() > kWaits)
    return Corruption("rule state: unknown flags");
  Status status = DecodeRules(&reader);
  if (!status.ok()) Reset();
  return status;
}

Status RuleState::DecodeRules(base::ByteReader* reader) {
  std::multimap<Fingerprint, uint32_t> known;
  for (uint32_t rule = 0; rule < machines_.size(); ++rule)
    if (machines_[rule] != nullptr || suppressors_[rule] != nullptr)
      known.emplace(FingerprintOf(plan_->rules()[rule]), rule);
  while (!reader->empty()) {
    Fingerprint fingerprint;
    fingerprint.first = reader->ReadLe<uint64_t>();
    fingerprint.second = reader->ReadLe<uint64_t>();
    base::ByteReader machine(reader->ReadLengthPrefixed());
    base::ByteReader suppressor(reader->ReadLengthPrefixed());
    if (!reader->ok()) return Corruption("rule state: ends in the middle of a rule");
    const auto found = known.find(fingerprint);
    if (found == known.end()) continue;
    const uint32_t rule = found->second;
    known.erase(found);
    if (machines_[rule] != nullptr) {
      if (!machines_[rule]->Decode(&machine) || !machine.empty())
        return Corruption("rule state: impossible windows of rule " + plan_->rules()[rule].title);
      groups_ += machines_[rule]->groups();
    }
    if (suppressors_[rule] != nullptr &&
        (!suppressors_[rule]->Decode(&suppressor) || !suppressor.empty()))
      return Corruption("rule state: impossible suppression of rule " + plan_->rules()[rule].title);
  }
  return {};
}

RuleState::Counts RuleState::counts(uint32_t rule) const {
  Counts counts;
  if (const Machine* const machine = machines_[rule].get()) {
    counts.groups = machine->groups();
    counts.evicted = machine->evicted();
    counts.late = machine->late();
  }
  if (suppressors_[rule] != nullptr) counts.suppressed = suppressors_[rule]->suppressed();
  return counts;
}

size_t RuleState::memory_bytes() const {
  size_t bytes = sizeof(*this);
  for (size_t rule = 0; rule < machines_.size(); ++rule) {
    if (machines_[rule] != nullptr) bytes += machines_[rule]->memory_bytes();
    if (suppressors_[rule] != nullptr) bytes += suppressors_[rule]->memory_bytes();
  }
  return bytes;
}

}  // namespace neurallog::rules
