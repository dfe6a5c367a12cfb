// Finds the rules of a set that match a row.
//
//   Matcher matcher(set);
//   matcher.Bind(*batch);
//   for (...) for (uint32_t rule : matcher.Match(row)) ...
//
// For a row: its log sources are found, the indexes of those groups scan the values, and the rules of
// the tests that fired are evaluated; a test is evaluated at most once. Allocates nothing once its
// buffers have grown, but what RE2 takes for its automata. Not thread-safe: one per thread; the set
// is shared.
//
// What follows from the steady values of a row alone, such as a level or a source, is remembered (Signature): for a row
// like ones before only the other values are scanned, and programs of rules go on where they depend on these. Of a text
// among these, such as a message, what follows from its form is remembered (TextForm): what is scanned is its numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "filter/row_view.h"
#include "model/record_batch.h"
#include "rules/form.h"
#include "rules/record_values.h"
#include "rules/rule_set.h"
#include "rules/signature.h"
#include "rules/text_cache.h"
#include "rules/truth_cache.h"

namespace neurallog::rules {

class Matcher {
 public:
  explicit Matcher(std::shared_ptr<const RuleSet> set);

  // The rows to come are of this batch, which outlives them.
  void Bind(const model::RecordBatch& batch) {
    batch_ = &batch;
    values_.Bind(batch);
  }
  // The rules that match, ascending; valid until the next call. `row` points at row_bytes.
  std::span<const uint32_t> Match(const char* row);

  // Of a rule: how often its program was run, how often it matched, and the time that it took for timed_rows().
  struct Counts {
    uint64_t evaluated = 0;
    uint64_t matched = 0;
    uint64_t timed_ns = 0;
  };
  const Counts& counts(uint32_t rule) const { return counts_[rule]; }
  // The same of all rules.
  uint64_t evaluated() const { return evaluated_; }
  // One row in kTimedOneOf is one for which it is measured what each rule takes. A test that several rules share is
  // charged to the first.
  static constexpr uint64_t kTimedOneOf = 64;
  uint64_t timed_rows() const { return rows_ / kTimedOneOf; }
  // Kinds of rows, and forms of texts, that are remembered.
  size_t signatures() const { return signatures_.size(); }
  size_t forms() const { return forms_.size(); }
  // Texts of which the form was known.
  uint64_t known_forms() const { return known_forms_; }
  const RuleSet& set() const { return *set_; }

 private:
  static constexpr size_t kSignatureBytesMax = 1 << 20;
  static constexpr size_t kFormBytesMax = 2 << 20;
  // Of texts of which the form is looked up: a shorter one is scanned as fast.
  static constexpr size_t kFormedBytesMin = 16;

  // A value of the row that has a form.
  struct Formed {
    TextForm text;
    Form* form;  // none: it is not remembered
  };

  void BeginRow();
  void ForgetSome();
  void FindGroups();
  void AddRoute(uint32_t route);
  // Without regard to what is remembered.
  void MatchAll();
  void MatchWith(const Signature& signature);
  // False: some route depends on values that vary.
  bool CanRemember();
  const Signature& SignatureOfRow();
  Signature MakeSignature();
  // A rule that waits for a test.
  struct Waiting {
    uint32_t test;
    Signature::Rest rest;
  };
  void AddPart(uint32_t group, Signature* signature);
  // Runs the rule as far as steady values decide.
  void Begin(const RuleSet::Group& group, uint32_t rule, std::vector<Waiting>* waiting,
             Signature* signature);
  static void AddWaiting(std::vector<Waiting> waiting, Signature* signature);
  // Whether the test says the same of every row with these steady values.
  bool IsSteady(const CompiledTest& test) const;

  enum class Which : uint8_t { kAll, kSteady, kVaried };
  void NoteExactHits(const RuleSet::Group& group);
  void RunHits(const RuleSet::Group& group);
  void RunPending(const RuleSet::Group& group, const Signature& signature,
                  const Signature::Pending& pending);
  void ScanGroup(const RuleSet::Group& group, Which which);
  void ScanKeywords(const FieldIndex& index, uint32_t value, TriggerSink* sink);
  void ScanValue(const FieldIndex& index, uint32_t value, TriggerSink* sink);
  bool HasForm(const FieldIndex& index, uint32_t value) const;
  const Formed& FormOf(uint32_t value);
  Form* FindForm(std::string_view text);
  const Form& ScannedForm(const Formed& formed, const FieldIndex& index);
  void Run(const RuleSet::Group& group, uint32_t rule, int32_t at);
  bool EvaluateTest(const RuleSet::Group& group, uint32_t test);
  // What the answer of the test follows from, if it comes again; 0: nothing.
  uint32_t OwnerOf(const CompiledTest& test) const;
  bool ComputeTest(const CompiledTest& test);
  bool HasSame(const CompiledTest& test);
  bool SameFolded(uint32_t a, uint32_t b);
  bool IsNull(uint32_t field);
  const filter::RecordView& Record();
  ValueTexts TextsOf(uint32_t value, bool wants_folded);
  // The first value of the field.
  uint32_t First(uint32_t field) {
    if (values_.may_be_steady(field)) values_.LoadSteady();
    return values_.first(field);
  }

  // Constant after construction.
  const std::shared_ptr<const RuleSet> set_;

  // Of the row.
  const model::RecordBatch* batch_ = nullptr;
  const char* row_ = nullptr;
  filter::RowView record_;  // as of record_epoch_
  uint32_t record_epoch_ = 0;
  RecordValues values_;
  uint32_t epoch_ = 0;
  std::vector<uint32_t> matches_;
  std::vector<uint32_t> groups_;  // to look into
  std::vector<uint32_t> group_epochs_;
  struct RouteMark {
    uint32_t epoch = 0;
    uint32_t bits = 0;
  };
  std::vector<RouteMark> route_marks_;
  std::vector<uint32_t> memo_;  // by test: epoch << 1 | passed
  std::vector<uint32_t> rule_epochs_;

  // Of the group being matched.
  uint32_t scan_epoch_ = 0;
  std::vector<uint32_t> fired_;  // by trigger
  std::vector<uint32_t> hits_;

  // Of all rows with the same steady values.
  TextCache<Signature> signatures_{kSignatureBytesMax};
  uint64_t steadiness_ = 0;  // that these are for
  bool can_remember_ = false;
  bool is_worthwhile_ = true;
  Worth signatures_worth_;
  bool is_too_varied_ = false;  // a name is to be less steady from the next row on

  // Of all texts of a form.
  TextCache<Form> forms_{kFormBytesMax};
  std::vector<uint64_t> seen_forms_ = std::vector<uint64_t>(1024);  // a half of their keys: once
  struct FieldForms {
    Worth worth;
    bool are_worthwhile = true;
  };
  std::vector<FieldForms> field_forms_;  // by field
  uint64_t known_forms_ = 0;

  TruthCache truths_;
  uint32_t owners_ = 0;  // that have been numbered

  // Of the row.
  const Signature* signature_ = nullptr;         // none: not by what is remembered
  std::vector<std::unique_ptr<Formed>> formed_;  // a value's note is its place here
  uint32_t formed_used_ = 0;

  std::vector<Counts> counts_;
  uint64_t evaluated_ = 0;
  uint64_t rows_ = 0;
  bool is_timed_ = false;  // the row
};

}  // namespace neurallog::rules
