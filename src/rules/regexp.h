// A compiled regular expression with the literals that a text must hold to match: the only door to
// RE2 in this room.
//
//   NL_TRY(auto regexp, Regexp::Compile("(?i)invoke-[a-z]+", {}));
//   if (regexp->Finds(text)) ...
//
// Immutable and thread-safe. RE2 builds its automaton while it matches, within the given memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace re2 {
class RE2;
}

namespace neurallog::rules {

struct RegexpLimits {
  size_t pattern_bytes_max = 4096;
  int64_t memory_bytes_max = 1 << 20;  // of one compiled expression; a larger one is refused
};

class Regexp {
 public:
  // InvalidArgument when the pattern is too long, too large, or none that RE2 takes.
  static Result<std::shared_ptr<const Regexp>> Compile(const std::string& pattern,
                                                       const RegexpLimits& limits);
  ~Regexp();

  bool Finds(std::string_view text) const;

  const std::string& pattern() const { return pattern_; }
  // Estimated, before it has looked at anything.
  size_t memory_bytes() const;
  // Folded (case_fold.h). A text that matches holds at least one of them. Empty: unknown.
  const std::vector<std::string>& required() const { return required_; }
  // The same at more length: a text that matches holds at least one of each of these.
  const std::vector<std::vector<std::string>>& needed() const { return needed_; }

 private:
  Regexp() = default;

  std::string pattern_;
  size_t line_length_ = 0;  // it asks for a line of so many characters, and nothing else
  std::unique_ptr<const re2::RE2> re2_;
  std::vector<std::string> required_;
  std::vector<std::vector<std::string>> needed_;
};

}  // namespace neurallog::rules
