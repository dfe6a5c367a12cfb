#include "rules/matcher.h"

#include <algorithm>

namespace neurallog::rules {
namespace {

constexpr uint32_t kEpochMax = 0x7fffffff;  // an epoch and a bit share 32 bits in memo_

}  // namespace

Matcher::Matcher(std::shared_ptr<const RuleSet> set)
    : set_(std::move(set)),
      values_(*set_),
      group_epochs_(set_->groups().size()),
      route_marks_(set_->routes().routes().size()),
      alias_epochs_(set_->alias_sets()),
      memo_(set_->tests().size()),
      rule_epochs_(set_->rules()),
      fired_(set_->triggers_max()),
      counts_(set_->rules()) {}

std::span<const uint32_t> Matcher::Match(const char* row) {
  BeginRow();
  row_ = row;
  values_.Load(row);
  FindGroups();
  for (const uint32_t group : groups_) MatchGroup(set_->groups()[group]);
  if (matches_.size() > 1) std::sort(matches_.begin(), matches_.end());
  return matches_;
}

// What an epoch stamped is forgotten by counting on; at its end everything is cleared.
void Matcher::BeginRow() {
  matches_.clear();
  groups_.clear();
  if (++epoch_ <= kEpochMax) return;
  epoch_ = 1;
  record_epoch_ = 0;
  std::fill(group_epochs_.begin(), group_epochs_.end(), 0);
  std::fill(route_marks_.begin(), route_marks_.end(), RouteMark());
  std::fill(alias_epochs_.begin(), alias_epochs_.end(), 0);
  std::fill(memo_.begin(), memo_.end(), 0);
  std::fill(rule_epochs_.begin(), rule_epochs_.end(), 0);
}

void Matcher::FindGroups() {
  const RouteTable& routes = set_->routes();
  for (const uint32_t route : routes.unconditional()) AddRoute(route);
  for (size_t i = 0; i < routes.fields().size(); ++i) {
    uint32_t value = values_.first(routes.fields()[i]);
    for (; value != RecordValues::kNone; value = values_.next(value)) {
      routes.Look(i, values_.folded(value), [&](uint32_t route, uint32_t bit) {
        RouteMark& mark = route_marks_[route];
        if (mark.epoch != epoch_) mark = {epoch_, 0};
        if ((mark.bits & bit) != 0) return;
        mark.bits |= bit;
        if (mark.bits == routes.routes()[route].all_bits) AddRoute(route);
      });
    }
  }
}

void Matcher::AddRoute(uint32_t number) {
  const RouteTable::Route& route = set_->routes().routes()[number];
  if (route.aliases != RouteTable::kNoAliases) {
    uint32_t& seen = alias_epochs_[static_cast<size_t>(route.aliases)];
    if (seen != epoch_) values_.AddAliases(route.aliases);
    seen = epoch_;
  }
  if (group_epochs_[route.group] == epoch_) return;
  group_epochs_[route.group] = epoch_;
  groups_.push_back(route.group);
}

void Matcher::MatchGroup(const RuleSet::Group& group) {
  ScanGroup(group);
  for (const uint32_t hit : hits_)
    if (group.triggers[hit].is_exact) memo_[group.triggers[hit].test] = epoch_ << 1 | 1;
  for (const uint32_t hit : hits_) {
    const RuleSet::Trigger& trigger = group.triggers[hit];
    for (uint32_t i = 0; i < trigger.postings; ++i)
      EvaluateRule(group, group.postings[trigger.first_posting + i]);
  }
  for (const uint32_t rule : group.always) EvaluateRule(group, rule);
}

void Matcher::ScanGroup(const RuleSet::Group& group) {
  hits_.clear();
  if (++scan_epoch_ == 0) {
    std::fill(fired_.begin(), fired_.end(), 0);
    scan_epoch_ = 1;
  }
  if (group.indexes.empty()) return;
  TriggerSink sink{fired_.data(), scan_epoch_, &hits_};
  const auto size = static_cast<uint32_t>(values_.size());
  for (uint32_t value = 0; value < size; ++value) {
    const uint32_t field = values_.field(value);
    const int32_t index = field == RecordValues::kNoField ? -1 : group.index_of_field[field];
    if (index >= 0) {
      const FieldIndex& found = group.indexes[static_cast<size_t>(index)];
      found.Scan(TextsOf(value, found.needs_folded()), &sink);
    }
    if (group.keyword_index >= 0 && values_.is_own_name(value))
      group.indexes[static_cast<size_t>(group.keyword_index)].Scan(
          TextsOf(value, /*wants_folded=*/true), &sink);
  }
}

ValueTexts Matcher::TextsOf(uint32_t value, bool wants_folded) {
  return {values_.raw(value), wants_folded ? values_.folded(value) : std::string_view()};
}

void Matcher::EvaluateRule(const RuleSet::Group& group, uint32_t rule) {
  if (rule_epochs_[rule] == epoch_) return;
  rule_epochs_[rule] = epoch_;
  ++counts_[rule].evaluated;
  int32_t at = set_->entry(rule);
  while (at >= 0) {
    const RuleSet::Step& step = set_->steps()[static_cast<size_t>(at)];
    at = EvaluateTest(group, step.test) ? step.if_true : step.if_false;
  }
  if (at != RuleSet::kMatch) return;
  ++counts_[rule].matched;
  matches_.push_back(rule);
}

bool Matcher::EvaluateTest(const RuleSet::Group& group, uint32_t number) {
  const uint32_t known = memo_[number];
  if (known >> 1 == epoch_) return (known & 1) != 0;
  const CompiledTest& test = set_->tests()[number];
  const bool is_watched = test.is_large() && std::binary_search(group.exact_tests.begin(),
                                                                group.exact_tests.end(), number);
  const bool passes = !is_watched && ComputeTest(test);
  memo_[number] = epoch_ << 1 | static_cast<uint32_t>(passes);
  return passes;
}

const filter::RecordView& Matcher::Record() {
  if (record_epoch_ != epoch_) record_.Reset(*batch_, row_);
  record_epoch_ = epoch_;
  return record_;
}

bool Matcher::ComputeTest(const CompiledTest& test) {
  if (test.op() == Op::kQuery) return test.query().MatchRecord(Record());
  if (test.field() == CompiledTest::kAnyField) {
    for (uint32_t value = 0; value < values_.size(); ++value)
      if (values_.is_own_name(value) && test.Passes(TextsOf(value, !test.cased()))) return true;
    return false;
  }
  switch (test.op()) {
    case Op::kNull: return IsNull(test.field());
    case Op::kAbsent: return values_.first(test.field()) == RecordValues::kNone;
    case Op::kPresent: return values_.first(test.field()) != RecordValues::kNone;
    case Op::kSameAs: return HasSame(test);
    default: break;
  }
  for (uint32_t value = values_.first(test.field()); value != RecordValues::kNone;
       value = values_.next(value))
    if (test.Passes(TextsOf(value, !test.cased()))) return true;
  return false;
}

bool Matcher::IsNull(uint32_t field) const {
  for (uint32_t value = values_.first(field); value != RecordValues::kNone;
       value = values_.next(value))
    if (!values_.raw(value).empty()) return false;
  return true;
}

bool Matcher::HasSame(const CompiledTest& test) {
  for (uint32_t a = values_.first(test.field()); a != RecordValues::kNone; a = values_.next(a)) {
    for (uint32_t b = values_.first(test.other_field()); b != RecordValues::kNone;
         b = values_.next(b)) {
      if (test.cased() ? values_.raw(a) == values_.raw(b) : SameFolded(a, b)) return true;
    }
  }
  return false;
}

// The first text may move while the second is made.
bool Matcher::SameFolded(uint32_t a, uint32_t b) {
  values_.folded(a);
  const std::string_view second = values_.folded(b);
  return values_.folded(a) == second;
}

}  // namespace neurallog::rules
