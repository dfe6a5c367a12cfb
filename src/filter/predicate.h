// What a compiled filter is made of. Each construct of the language has one file with a class below
// Predicate or FieldPredicate and a Make function, listed here; program.cc has the table.
//
// All predicates are immutable after construction and thread-safe.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/bitmap.h"
#include "filter/columns.h"
#include "filter/filter.h"
#include "filter/number.h"
#include "filter/program.h"
#include "neurallog/status.h"

namespace neurallog::filter {

class Predicate {
 public:
  virtual ~Predicate() = default;
  virtual bool MatchRecord(const RecordView& record) const = 0;
  // From the header and inline columns only.
  virtual Verdict Judge(Columns& columns) const = 0;
  // Takes from *rows those that do not match.
  virtual Status Refine(Columns& columns, Bitmap* rows) const = 0;
  // Rough price per row, to run cheap predicates first: 1 is an integer comparison.
  virtual int cost() const = 0;
};

using PredicatePtr = std::unique_ptr<const Predicate>;

// A predicate on the text of one field. A record without the field has the empty text.
//
// A subclass gives MatchText, and where it can do better: Judge of a column's meta data, integers
// as integers, strings as one buffer.
class FieldPredicate : public Predicate {
 public:
  explicit FieldPredicate(std::string field) : field_(std::move(field)) {}

  bool MatchRecord(const RecordView& record) const final;
  Verdict Judge(Columns& columns) const final;
  Status Refine(Columns& columns, Bitmap* rows) const final;

 protected:
  virtual bool MatchText(std::string_view text) const = 0;
  // Verdict on the rows that have the column, which has a chunk.
  virtual Verdict JudgeMeta(const block::ColumnMeta& meta) const;
  // Whether JudgeTemplates knows more than that some rows of each template may match.
  virtual bool judges_templates() const { return false; }
  virtual Status JudgeTemplates(const block::TemplateTexts& texts,
                                std::vector<Verdict>* verdicts) const;
  // *rows holds rows that have the column.
  virtual void RefineInts(const block::Column& column, Bitmap* rows) const;
  virtual void RefineStrings(const block::Column& column, Bitmap* rows) const;
  // Whether it looks at numbers only, and MatchNumber says which.
  virtual bool matches_numbers() const { return false; }
  virtual bool MatchNumber(const Number& number) const {
    static_cast<void>(number);
    return false;
  }
  // Numbers whose nearest double lies between these match, and none whose lies outside.
  struct NumberBounds {
    double low;
    double high;
  };
  virtual NumberBounds number_bounds() const { return {NAN, NAN}; }

 private:
  Verdict JudgePresent(Columns& columns, const block::ColumnMeta& meta) const;
  Status RefineTemplates(const block::TemplateTexts& texts, Bitmap* rows) const;
  // Adds to *hits the rows of `column` that match, which are these rows of the block.
  void AddMatches(const block::Column& column, std::span<const uint32_t> rows, Bitmap* hits) const;
  // `index` may be null.
  void RefinePresent(const block::Column& column, const block::CodeIndex* index,
                     Bitmap* rows) const;
  void RefineConst(const block::Column& column, Bitmap* rows) const;
  void RefineDict(const block::Column& column, const block::CodeIndex* index, Bitmap* rows) const;
  template <typename F>
  static void RefineEntriesOf(const block::Column& column, F matches, Bitmap* rows);
  void RefineNumbers(const block::Column& column, const block::CodeIndex& index,
                     const EntryNumbers& numbers, Bitmap* rows) const;

  const std::string field_;
};

inline std::string_view TextOfString(const block::Column& column, uint32_t row) {
  return {column.bytes.data() + column.offsets[row], column.offsets[row + 1] - column.offsets[row]};
}

// Keeps the rows for which keep(row) is true.
template <typename F>
void KeepIf(Bitmap* rows, F keep) {
  for (size_t i = 0; i < rows->words().size(); ++i) {
    uint64_t kept = rows->words()[i];
    for (uint64_t word = kept; word != 0; word &= word - 1) {
      const int bit = std::countr_zero(word);
      if (!keep(static_cast<uint32_t>(i * 64 + static_cast<size_t>(bit))))
        kept &= ~(uint64_t{1} << bit);
    }
    rows->words()[i] = kept;
  }
}

// The text of a record's field. `own` holds it when it is made here (_stream, _stream_id).
std::string_view TextOfField(const RecordView& record, const std::string& field, std::string* own);

// Bytes of words: [A-Za-z0-9_] and all of UTF-8 beyond ASCII.
bool IsWordByte(char c);
// True when `length` bytes at `at` do not cut a word of `text`: at an edge that is a word byte, the
// neighbour must not be one.
bool IsWordStart(std::string_view text, size_t at);
bool IsWordEnd(std::string_view text, size_t at, size_t length);

PredicatePtr MakeAll();
PredicatePtr MakeNone();
PredicatePtr MakeAnd(std::vector<PredicatePtr> children);
PredicatePtr MakeOr(std::vector<PredicatePtr> children);
PredicatePtr MakeNot(PredicatePtr child);
PredicatePtr MakePhrase(const Filter& filter);
PredicatePtr MakePrefix(const Filter& filter);
PredicatePtr MakeSubstring(const Filter& filter);
PredicatePtr MakeSequence(const Filter& filter);
PredicatePtr MakeContainsAll(const std::string& field, const std::vector<std::string>& values);
PredicatePtr MakeContainsAny(const std::string& field, const std::vector<std::string>& values);
PredicatePtr MakeContainsCommonCase(const Filter& filter);
PredicatePtr MakeEqualsCommonCase(const Filter& filter);
PredicatePtr MakeArrayContainsAny(const Filter& filter);
PredicatePtr MakeExact(std::string field, std::string text);
PredicatePtr MakeExactPrefix(const Filter& filter);
PredicatePtr MakeIn(std::string field, const std::vector<std::string>& values);
PredicatePtr MakeRange(const Filter& filter);
PredicatePtr MakeTextRange(const Filter& filter);
PredicatePtr MakeLength(const Filter& filter);
PredicatePtr MakeIpv4Range(const Filter& filter);
PredicatePtr MakeIpv6Range(const Filter& filter);
PredicatePtr MakeValueType(const Filter& filter);
PredicatePtr MakeCompareFields(const Filter& filter);
Result<PredicatePtr> MakeRegexp(std::string field, const std::string& pattern,
                                const CompileOptions& options);
// Texts of which every match of the pattern holds at least one, ignoring ASCII case. Empty: unknown.
std::vector<std::string> FindRequiredLiterals(const std::string& pattern,
                                              const CompileOptions& options);
// The regular expression that a pattern with placeholders such as <N> stands for.
std::string RegexpOfPattern(std::string_view pattern, PatternPlace place);
// The names that value_type takes.
std::vector<std::string_view> ValueTypeNames();
PredicatePtr MakeTime(const TimeRange& range);
PredicatePtr MakeDayRange(const Filter& filter);
PredicatePtr MakeWeekRange(const Filter& filter);
// What waits for the values of a subquery.
PredicatePtr MakeSubquery(const Filter& filter);
Result<PredicatePtr> MakeStream(const Filter& filter, const CompileOptions& options);
PredicatePtr MakeAny(std::string field);
PredicatePtr MakeEmpty(std::string field);

// What a time filter means at `now_ns`.
TimeRange ResolveTime(const Filter& filter, int64_t now_ns);

}  // namespace neurallog::filter
