// The key of a detection item: a field and its modifiers ("CommandLine|contains|all").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/document.h"
#include "rules/expression.h"

namespace neurallog::rules {

enum class Encoding : uint8_t {
  kWindash,
  kUtf16Le,
  kUtf16Be,
  kUtf16,
  kBase64,
  kBase64Offset,
};

// What is done with the values of an item.
enum class ValueUse : uint8_t { kPattern, kRegexp, kCidr, kFieldRef, kExists, kNumber };

struct ItemKey {
  std::string field;  // empty: keywords
  ValueUse use = ValueUse::kPattern;
  bool starts = false;  // startswith
  bool ends = false;    // endswith
  bool contains = false;
  bool word = false;
  bool all = false;
  bool cased = false;
  bool neq = false;
  bool expand = false;
  std::vector<Encoding> encodings;  // in the order in which they apply
  std::string regexp_flags;         // of "ims"
  Op compare = Op::kNumberEqual;    // kNumber
  TimePart part = TimePart::kNone;  // kNumber
};

// Adds a problem for each modifier that is unknown or contradicts another.
std::optional<ItemKey> ParseItemKey(const Node& key, std::vector<Problem>* problems);

}  // namespace neurallog::rules
