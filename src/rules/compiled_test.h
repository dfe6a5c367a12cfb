// A test made ready to be evaluated on one value. Immutable and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filter/program.h"
#include "filter/substring.h"
#include "rules/address.h"
#include "rules/expression.h"
#include "rules/pattern.h"

namespace neurallog::rules {

// A value of a record. The folded text is made when it is first asked for.
struct ValueTexts {
  std::string_view raw;
  std::string_view folded;
};

class CompiledTest {
 public:
  static constexpr uint32_t kAnyField = UINT32_MAX;

  // `field` and `other` (of kSameAs) are numbers that the rule set gives to names.
  CompiledTest(const Test& test, uint32_t field, uint32_t other);

  Op op() const { return op_; }
  bool cased() const { return cased_; }
  uint32_t field() const { return field_; }
  uint32_t other_field() const { return other_; }
  // Of kQuery.
  const filter::Program& query() const { return *query_; }
  // Whether one value passes. Not for kNull, kAbsent, kPresent and kSameAs, which look at the
  // field, and kQuery, which looks at the record.
  bool Passes(const ValueTexts& value) const;

  // What a test costs to evaluate, to order tests; 0 is cheapest.
  static int CostOf(const Test& test);
  // Many texts: worth asking an index that watches the test before evaluating it.
  bool is_large() const { return is_large_; }
  // Passes for all texts of a form (text_form.h) or for none.
  bool is_plain() const { return is_plain_; }

 private:
  bool PassesNumber(std::string_view raw) const;
  bool PassesWord(std::string_view text, const filter::Finder& finder) const;

  Op op_;
  bool cased_;
  TimePart part_;
  bool is_large_ = false;
  bool is_plain_ = false;
  uint32_t field_;
  uint32_t other_;
  double number_;
  std::vector<std::string> texts_;       // sorted; of kEqual, kPrefix, kSuffix
  std::vector<filter::Finder> finders_;  // of kContains, kWord
  std::vector<Pattern> patterns_;        // of kGlob
  std::vector<Network> networks_;        // of kCidr
  std::vector<std::shared_ptr<const Regexp>> regexps_;
  std::shared_ptr<const filter::Program> query_;
};

// The whole of `text` as a number.
bool ParseNumber(std::string_view text, double* number);

}  // namespace neurallog::rules
