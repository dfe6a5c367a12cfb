// What a detection says, as a tree: tests of a record's fields under and, or, not and "at least n".
// Plain data; made by the parser, read by the compiler.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rules/regexp.h"

namespace neurallog::filter {
class Program;
}

namespace neurallog::rules {

// Text tests hold when any of the field's values passes for any of the test's texts.
enum class Op : uint8_t {
  kEqual,
  kPrefix,
  kSuffix,
  kContains,
  kWord,    // contains, and cuts no word at either end
  kGlob,    // texts are encoded patterns (pattern.h)
  kRegexp,  // finds any of `regexps`
  kCidr,    // an address inside of any network of texts ("10.0.0.0/8")
  kNumberEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kNull,     // no value, or only empty ones
  kPresent,  // any value
  kAbsent,   // no value
  kSameAs,   // equal to any value of the field named by texts[0]
  kQuery,    // `query` finds the record; `field` does not matter
};

// The part of a point in time that a number test looks at.
enum class TimePart : uint8_t { kNone, kMinute, kHour, kDay, kWeek, kMonth, kYear };

struct Test {
  std::string field;  // as the rule names it; empty: every field of the record
  Op op = Op::kEqual;
  bool cased = false;                                  // texts and values differ by case
  TimePart part = TimePart::kNone;                     // kNumberEqual to kGreaterEqual
  double number = 0;                                   // the same
  std::vector<std::string> texts;                      // folded (case_fold.h) unless cased
  std::vector<std::shared_ptr<const Regexp>> regexps;  // kRegexp
  std::shared_ptr<const filter::Program> query;  // kQuery; texts[0] is the same for equal ones

  bool is_keyword() const { return field.empty(); }
};

struct Expression {
  enum class Kind : uint8_t { kTest, kAnd, kOr, kNot, kAtLeast };

  Kind kind = Kind::kTest;
  uint32_t count = 0;  // kAtLeast: so many of the children hold
  Test test;           // kTest
  std::vector<Expression> children;
};

Expression MakeTest(Test test);
// One child stands for itself.
Expression MakeAnd(std::vector<Expression> children);
Expression MakeOr(std::vector<Expression> children);
Expression MakeNot(Expression child);
Expression MakeAtLeast(uint32_t count, std::vector<Expression> children);

// Tests in the tree, with each text and regular expression counted.
size_t CountTests(const Expression& expression);
// Of what it holds, estimated.
size_t MemoryBytes(const Expression& expression);

}  // namespace neurallog::rules
