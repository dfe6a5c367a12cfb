#include "rules/matcher.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "rules/case_fold.h"

namespace neurallog::rules {
namespace {

constexpr uint32_t kEpochMax = 0x7fffffff;  // an epoch and a bit share 32 bits in memo_

// Adds the time of its life.
class Stopwatch {
 public:
  explicit Stopwatch(uint64_t* ns) : ns_(ns), begin_(Clock::now()) {}
  ~Stopwatch() {
    *ns_ += static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin_).count());
  }

 private:
  using Clock = std::chrono::steady_clock;
  uint64_t* const ns_;
  const Clock::time_point begin_;
};

}  // namespace

Matcher::Matcher(std::shared_ptr<const RuleSet> set)
    : set_(std::move(set)),
      values_(*set_),
      group_epochs_(set_->groups().size()),
      route_marks_(set_->routes().routes().size()),
      memo_(set_->tests().size()),
      rule_epochs_(set_->rules()),
      fired_(set_->triggers_max()),
      field_forms_(set_->fields()),
      truths_(set_->tests().size()),
      counts_(set_->rules()) {}

std::span<const uint32_t> Matcher::Match(const char* row) {
  BeginRow();
  row_ = row;
  values_.Load(row);
  if (CanRemember()) MatchWith(SignatureOfRow());
  else MatchAll();
  if (matches_.size() > 1) std::sort(matches_.begin(), matches_.end());
  return matches_;
}

void Matcher::MatchAll() {
  values_.LoadSteady();
  FindGroups();
  for (const uint32_t number : groups_) {
    const RuleSet::Group& group = set_->groups()[number];
    ScanGroup(group, Which::kAll);
    NoteExactHits(group);
    RunHits(group);
    for (const uint32_t rule : group.always) Run(group, rule, set_->entry(rule));
  }
}

bool Matcher::CanRemember() {
  if (values_.steadiness() != steadiness_) {
    steadiness_ = values_.steadiness();
    signatures_.Clear();
    const std::vector<uint32_t>& fields = set_->routes().fields();
    can_remember_ =
        is_worthwhile_ && std::none_of(fields.begin(), fields.end(),
                                       [&](uint32_t field) { return values_.may_vary(field); });
  }
  return can_remember_;
}

const Signature& Matcher::SignatureOfRow() {
  const base::Hash128Value key = base::PrivateHash128(values_.steady_key());
  const Signature* const known = signatures_.Find(key);
  is_too_varied_ = !signatures_worth_.Note(known != nullptr, /*worst=*/16);
  return known != nullptr ? *known : *signatures_.Add(key, MakeSignature());
}

void Matcher::MatchWith(const Signature& signature) {
  signature_ = &signature;
  for (const int32_t set : signature.alias_sets) values_.AddAliases(set);
  for (const uint32_t test : signature.passed) memo_[test] = epoch_ << 1 | 1;
  for (const uint32_t rule : signature.matched) {
    rule_epochs_[rule] = epoch_;
    ++counts_[rule].evaluated;
    ++counts_[rule].matched;
    matches_.push_back(rule);
  }
  for (const Signature::Part& part : signature.parts) {
    const RuleSet::Group& group = set_->groups()[part.group];
    ScanGroup(group, Which::kVaried);
    NoteExactHits(group);
    for (uint32_t i = part.first; i < part.first + part.count; ++i)
      RunPending(group, signature, signature.pending[i]);
    RunHits(group);
  }
}

void Matcher::RunPending(const RuleSet::Group& group, const Signature& signature,
                         const Signature::Pending& pending) {
  std::optional<Stopwatch> stopwatch;
  if (is_timed_) stopwatch.emplace(&counts_[signature.rests[pending.first].rule].timed_ns);
  const bool passes = EvaluateTest(group, pending.test);
  stopwatch.reset();
  if (!passes && pending.only_if_true) return;
  for (uint32_t i = pending.first; i < pending.first + pending.count; ++i) {
    const Signature::Rest& rest = signature.rests[i];
    Run(group, rest.rule, passes ? rest.if_true : rest.if_false);
  }
}

Signature Matcher::MakeSignature() {
  Signature signature;
  signature.id = ++owners_;
  values_.LoadSteady();
  FindGroups();
  signature.alias_sets = values_.alias_sets();
  for (const uint32_t group : groups_) AddPart(group, &signature);
  std::sort(signature.matched.begin(), signature.matched.end());
  const auto end = std::unique(signature.matched.begin(), signature.matched.end());
  signature.matched.erase(end, signature.matched.end());
  return signature;
}

void Matcher::AddPart(uint32_t number, Signature* signature) {
  const RuleSet::Group& group = set_->groups()[number];
  ScanGroup(group, Which::kSteady);
  NoteExactHits(group);
  std::vector<Waiting> waiting;
  for (const uint32_t hit : hits_) {
    const RuleSet::Trigger& trigger = group.triggers[hit];
    const CompiledTest& test = set_->tests()[trigger.test];
    if (trigger.is_exact && (test.is_large() || test.field() == CompiledTest::kAnyField))
      signature->passed.push_back(trigger.test);
    for (uint32_t i = 0; i < trigger.postings; ++i)
      Begin(group, group.postings[trigger.first_posting + i], &waiting, signature);
  }
  for (const uint32_t rule : group.always) Begin(group, rule, &waiting, signature);
  const auto first = static_cast<uint32_t>(signature->pending.size());
  AddWaiting(std::move(waiting), signature);
  signature->parts.push_back(
      {number, first, static_cast<uint32_t>(signature->pending.size()) - first});
}

void Matcher::Begin(const RuleSet::Group& group, uint32_t rule, std::vector<Waiting>* waiting,
                    Signature* signature) {
  int32_t at = set_->entry(rule);
  while (at >= 0) {
    const RuleSet::Step& step = set_->steps()[static_cast<size_t>(at)];
    if (!IsSteady(set_->tests()[step.test]))
      return waiting->push_back({step.test, {rule, step.if_true, step.if_false}});
    at = EvaluateTest(group, step.test) ? step.if_true : step.if_false;
  }
  if (at == RuleSet::kMatch) signature->matched.push_back(rule);
}

void Matcher::AddWaiting(std::vector<Waiting> waiting, Signature* signature) {
  const auto order = [](const Waiting& one) { return std::pair(one.test, one.rest.rule); };
  std::sort(waiting.begin(), waiting.end(),
            [&](const Waiting& a, const Waiting& b) { return order(a) < order(b); });
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (i > 0 && order(waiting[i]) == order(waiting[i - 1])) continue;
    auto& pending = signature->pending;
    if (i == 0 || waiting[i].test != waiting[i - 1].test)
      pending.push_back({waiting[i].test, static_cast<uint32_t>(signature->rests.size()), 0, true});
    ++pending.back().count;
    pending.back().only_if_true &= waiting[i].rest.if_false == RuleSet::kNoMatch;
    signature->rests.push_back(waiting[i].rest);
  }
}

bool Matcher::IsSteady(const CompiledTest& test) const {
  if (test.op() == Op::kQuery || test.field() == CompiledTest::kAnyField ||
      values_.may_vary(test.field()))
    return false;
  return test.op() != Op::kSameAs || !values_.may_vary(test.other_field());
}

// What an epoch stamped is forgotten by counting on; at its end everything is cleared.
void Matcher::BeginRow() {
  matches_.clear();
  groups_.clear();
  signature_ = nullptr;
  formed_used_ = 0;
  ForgetSome();
  is_timed_ = ++rows_ % kTimedOneOf == 0;
  if (++epoch_ <= kEpochMax) return;
  epoch_ = 1;
  record_epoch_ = 0;
  std::fill(group_epochs_.begin(), group_epochs_.end(), 0);
  std::fill(route_marks_.begin(), route_marks_.end(), RouteMark());
  std::fill(memo_.begin(), memo_.end(), 0);
  std::fill(rule_epochs_.begin(), rule_epochs_.end(), 0);
}

// Between rows, because a row holds on to what it has found.
void Matcher::ForgetSome() {
  constexpr uint32_t kOwnersMax = UINT32_MAX - (1 << 20);
  if (is_too_varied_ && !values_.DemoteOne()) is_worthwhile_ = can_remember_ = false;
  is_too_varied_ = false;
  const bool is_end = owners_ > kOwnersMax;
  if (signatures_.is_full() || is_end) signatures_.Clear();
  if (forms_.is_full() || is_end) forms_.Clear();
  if (!is_end) return;
  truths_.Clear();
  owners_ = 0;
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
  if (route.aliases != RouteTable::kNoAliases) values_.AddAliases(route.aliases);
  if (group_epochs_[route.group] == epoch_) return;
  group_epochs_[route.group] = epoch_;
  groups_.push_back(route.group);
}

void Matcher::NoteExactHits(const RuleSet::Group& group) {
  for (const uint32_t hit : hits_)
    if (group.triggers[hit].is_exact) memo_[group.triggers[hit].test] = epoch_ << 1 | 1;
}

void Matcher::RunHits(const RuleSet::Group& group) {
  for (const uint32_t hit : hits_) {
    const RuleSet::Trigger& trigger = group.triggers[hit];
    for (uint32_t i = 0; i < trigger.postings; ++i) {
      const uint32_t rule = group.postings[trigger.first_posting + i];
      Run(group, rule, set_->entry(rule));
    }
  }
}

void Matcher::ScanGroup(const RuleSet::Group& group, Which which) {
  hits_.clear();
  if (++scan_epoch_ == 0) {
    std::fill(fired_.begin(), fired_.end(), 0);
    scan_epoch_ = 1;
  }
  if (group.indexes.empty()) return;
  TriggerSink sink{fired_.data(), scan_epoch_, &hits_};
  const auto size = static_cast<uint32_t>(values_.size());
  for (uint32_t value = 0; value < size; ++value) {
    if (which != Which::kAll && values_.is_steady(value) != (which == Which::kSteady)) continue;
    const uint32_t field = values_.field(value);
    const int32_t index = field == RecordValues::kNoField ? -1 : group.index_of_field[field];
    if (index >= 0) ScanValue(group.indexes[static_cast<size_t>(index)], value, &sink);
    if (group.keyword_index >= 0 && values_.is_own_name(value))
      ScanKeywords(group.indexes[static_cast<size_t>(group.keyword_index)], value, &sink);
  }
}

void Matcher::ScanKeywords(const FieldIndex& index, uint32_t value, TriggerSink* sink) {
  if (index.CanSkip(values_.raw(value))) return;
  index.Scan(TextsOf(value, /*wants_folded=*/true), sink);
}

void Matcher::ScanValue(const FieldIndex& index, uint32_t value, TriggerSink* sink) {
  if (index.CanSkip(values_.raw(value))) return;
  const Formed* const formed = HasForm(index, value) ? &FormOf(value) : nullptr;
  if (formed == nullptr || formed->form == nullptr)
    return index.Scan(TextsOf(value, index.needs_folded()), sink);
  const Form& known = ScannedForm(*formed, index);
  for (const uint32_t trigger : known.triggers) sink->Fire(trigger);
  index.ScanRest(TextsOf(value, known.may_hold_digits),
                 known.may_hold_digits ? &formed->text : nullptr, sink);
}

bool Matcher::HasForm(const FieldIndex& index, uint32_t value) const {
  const size_t bytes = values_.raw(value).size();
  return index.has_forms() && bytes >= kFormedBytesMin && bytes <= TextForm::kBytesMax &&
         !values_.is_steady(value) && field_forms_[values_.field(value)].are_worthwhile;
}

const Matcher::Formed& Matcher::FormOf(uint32_t value) {
  if (values_.note(value) != RecordValues::kNone) return *formed_[values_.note(value)];
  values_.set_note(value, formed_used_);
  if (formed_used_ == formed_.size()) formed_.push_back(std::make_unique<Formed>());
  Formed& formed = *formed_[formed_used_++];
  formed.text.Set(values_.raw(value));
  const uint64_t known_before = known_forms_;
  formed.form = FindForm(formed.text.text());
  FieldForms& of_field = field_forms_[values_.field(value)];
  of_field.are_worthwhile &= of_field.worth.Note(known_forms_ > known_before, /*worst=*/3);
  return formed;
}

// A form is remembered when it comes for the second time, so that those that come once push nothing out.
Form* Matcher::FindForm(std::string_view text) {
  const base::Hash128Value key = base::PrivateHash128(text);
  if (Form* const known = forms_.Find(key)) return ++known_forms_, known;
  if (std::exchange(seen_forms_[key.high % seen_forms_.size()], key.low) != key.low) return nullptr;
  return forms_.Add(key, {++owners_, nullptr, {}, false, nullptr});
}

const Form& Matcher::ScannedForm(const Formed& formed, const FieldIndex& index) {
  Form* form = formed.form;
  for (; form->index != nullptr; form = form->other.get()) {
    if (form->index == &index) return *form;
    if (form->other == nullptr) form->other = std::make_unique<Form>();
  }
  const std::string folded = Fold(formed.text.text());
  std::vector<uint32_t> fired(set_->triggers_max());
  TriggerSink sink{fired.data(), 1, &form->triggers};
  index.ScanForm(folded, &sink);
  form->may_hold_digits = index.MayHoldDigits(folded);
  form->index = &index;
  forms_.AddBytes(sizeof(Form) + form->memory_bytes());
  return *form;
}

ValueTexts Matcher::TextsOf(uint32_t value, bool wants_folded) {
  return {values_.raw(value), wants_folded ? values_.folded(value) : std::string_view()};
}

void Matcher::Run(const RuleSet::Group& group, uint32_t rule, int32_t at) {
  if (rule_epochs_[rule] == epoch_) return;
  rule_epochs_[rule] = epoch_;
  ++counts_[rule].evaluated;
  ++evaluated_;
  std::optional<Stopwatch> stopwatch;
  if (is_timed_) stopwatch.emplace(&counts_[rule].timed_ns);
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
  const uint32_t owner = is_watched ? 0 : OwnerOf(test);
  const auto remembered = owner == 0 ? std::nullopt : truths_.Find(owner, number);
  const bool passes = remembered ? *remembered : !is_watched && ComputeTest(test);
  if (owner != 0 && !remembered) truths_.Add(owner, number, passes);
  memo_[number] = epoch_ << 1 | static_cast<uint32_t>(passes);
  return passes;
}

uint32_t Matcher::OwnerOf(const CompiledTest& test) const {
  if (signature_ != nullptr && IsSteady(test)) return signature_->id;
  if (!test.is_plain() || test.field() == CompiledTest::kAnyField ||
      values_.may_be_steady(test.field()))
    return 0;
  const uint32_t value = values_.first(test.field());
  const bool is_only = value != RecordValues::kNone && values_.next(value) == RecordValues::kNone;
  if (!is_only || values_.note(value) == RecordValues::kNone) return 0;
  const Form* const form = formed_[values_.note(value)]->form;
  return form != nullptr ? form->id : 0;
}

const filter::RecordView& Matcher::Record() {
  if (record_epoch_ != epoch_) record_.Reset(*batch_, row_);
  record_epoch_ = epoch_;
  return record_;
}

bool Matcher::ComputeTest(const CompiledTest& test) {
  if (test.op() == Op::kQuery) return test.query().MatchRecord(Record());
  if (test.field() == CompiledTest::kAnyField) {
    values_.LoadSteady();
    for (uint32_t value = 0; value < values_.size(); ++value)
      if (values_.is_own_name(value) && test.Passes(TextsOf(value, !test.cased()))) return true;
    return false;
  }
  switch (test.op()) {
    case Op::kNull: return IsNull(test.field());
    case Op::kAbsent: return First(test.field()) == RecordValues::kNone;
    case Op::kPresent: return First(test.field()) != RecordValues::kNone;
    case Op::kSameAs: return HasSame(test);
    default: break;
  }
  for (uint32_t value = First(test.field()); value != RecordValues::kNone;
       value = values_.next(value))
    if (test.Passes(TextsOf(value, !test.cased()))) return true;
  return false;
}

bool Matcher::IsNull(uint32_t field) {
  for (uint32_t value = First(field); value != RecordValues::kNone; value = values_.next(value))
    if (!values_.raw(value).empty()) return false;
  return true;
}

bool Matcher::HasSame(const CompiledTest& test) {
  for (uint32_t a = First(test.field()); a != RecordValues::kNone; a = values_.next(a)) {
    for (uint32_t b = First(test.other_field()); b != RecordValues::kNone; b = values_.next(b)) {
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
