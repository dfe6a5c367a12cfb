// A value of a rule as a pattern: text, `*` (any text), `?` (one character) and, by the modifier
// windash, a place where any of five dashes may stand.
//
//   Pattern pattern = ParsePattern("C:\\*\\cmd?exe");
//   Test test; ToTest(std::move(pattern), &test);     // picks the cheapest op that means the same
//
// A backslash before `*`, `?` or a backslash takes away its meaning; before others it is itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/expression.h"

namespace neurallog::rules {

struct PatternPiece {
  enum class Kind : uint8_t { kText, kAny, kOne, kDash };
  Kind kind = Kind::kText;
  std::string text;  // of kText, not empty

  bool operator==(const PatternPiece&) const = default;
};
using Pattern = std::vector<PatternPiece>;

// At most so many pieces that are not text, because matching may take their number times the
// text's length.
inline constexpr size_t kPatternWildcardsMax = 64;

Pattern ParsePattern(std::string_view text);
Pattern PlainPattern(std::string_view text);
// The text, when nothing else is in it.
std::optional<std::string> PlainText(const Pattern& pattern);
size_t CountWildcards(const Pattern& pattern);
// Puts `*` before or behind, unless one is there.
void OpenStart(Pattern* pattern);
void OpenEnd(Pattern* pattern);
// Each '-' or '/' (or longer dash) that begins a word becomes a place for any dash.
Pattern SpreadDashes(const Pattern& pattern);

// Sets op and texts[0] of a test; its `cased` says whether to fold.
void ToTest(const Pattern& pattern, Test* test);

// How patterns stand in Test::texts of kGlob.
std::string EncodePattern(const Pattern& pattern);
Pattern DecodePattern(std::string_view encoded);

// Whether all of `text` fits. Both are folded or both are not. Takes at most wildcards x bytes steps.
bool MatchPattern(const Pattern& pattern, std::string_view text);

}  // namespace neurallog::rules
