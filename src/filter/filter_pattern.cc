// `pattern_match("user <N> from <IP4>")`: a text with placeholders for what varies, as a regular
// expression.
#include <re2/re2.h>

#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

#define NL_DATE "[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
#define NL_TIME "[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"

struct Placeholder {
  std::string_view name;
  std::string_view regexp;
};
constexpr Placeholder kPlaceholders[] = {
    {"<N>", "(?:[0-9a-fA-F]{4,}|[0-9]+)"},
    {"<UUID>", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"},
    {"<IP4>", "[0-9]{1,3}(?:\\.[0-9]{1,3}){3}"},
    {"<TIME>", NL_TIME},
    {"<DATE>", NL_DATE},
    {"<DATETIME>", NL_DATE "[T ]" NL_TIME "(?:Z|[-+][0-9]{2}:[0-9]{2})?"},
    {"<W>",
     "(?:[0-9A-Za-z_\\x{80}-\\x{10FFFF}]+|\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`)"},
};

#undef NL_DATE
#undef NL_TIME

// The placeholder that `text` begins with, or null.
const Placeholder* FindPlaceholder(std::string_view text) {
  for (const Placeholder& placeholder : kPlaceholders)
    if (text.substr(0, placeholder.name.size()) == placeholder.name) return &placeholder;
  return nullptr;
}

std::string RegexpOfText(std::string_view pattern) {
  std::string regexp, literal;
  while (!pattern.empty()) {
    const Placeholder* placeholder = FindPlaceholder(pattern);
    if (placeholder == nullptr) {
      literal.push_back(pattern[0]);
      pattern.remove_prefix(1);
      continue;
    }
    regexp.append(RE2::QuoteMeta(literal)).append(placeholder->regexp);
    literal.clear();
    pattern.remove_prefix(placeholder->name.size());
  }
  return regexp.append(RE2::QuoteMeta(literal));
}

}  // namespace

std::string RegexpOfPattern(std::string_view pattern, PatternPlace place) {
  const bool is_bound_to_begin = place == PatternPlace::kFull || place == PatternPlace::kPrefix;
  const bool is_bound_to_end = place == PatternPlace::kFull || place == PatternPlace::kSuffix;
  return std::string(is_bound_to_begin ? "(?s)^" : "(?s)") + RegexpOfText(pattern) +
         (is_bound_to_end ? "$" : "");
}

}  // namespace neurallog::filter
