// RE2's prefilter names the literals ("atoms") of a pattern and tells which sets of them let a text
// match.
#include "rules/regexp.h"

#include <fmt/format.h>
#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "base/ascii.h"

namespace neurallog::rules {
namespace {

constexpr int kAtomBytesMin = 2;
constexpr size_t kAtomsMax = 64;

// Atoms are lower-cased by RE2 and texts folded by us; beyond ASCII these may differ.
bool IsUsable(const std::string& atom) {
  return std::all_of(atom.begin(), atom.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool CanMatchWith(const re2::FilteredRE2& filtered, const std::vector<int>& present) {
  std::vector<int> potentials;
  filtered.AllPotentials(present, &potentials);
  return !potentials.empty();
}

bool IsOrdinary(char c) {
  return base::IsWordByte(c) || std::string_view("- /:").find(c) != std::string_view::npos;
}

// What SpellOut does not look through: escapes of more than two characters, brackets in brackets, names.
bool IsIntricate(const std::string& pattern) {
  for (const char* const part : {"[]", "[^]", "[[", "(?P"})
    if (pattern.find(part) != std::string::npos) return true;
  for (size_t i = 0; i + 1 < pattern.size(); ++i)
    if (pattern[i] == '\\' && base::IsWordByte(pattern[++i]) &&
        std::string_view("dDwWsSbB").find(pattern[i]) == std::string_view::npos)
      return true;
  return false;
}

// The same pattern with "(?:c|)" for "c?", of which RE2 makes atoms with and without the character.
std::string SpellOut(const std::string& pattern) {
  if (IsIntricate(pattern)) return pattern;
  std::string spelled;
  bool is_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = std::string_view(pattern).substr(i);
    if (rest[0] == '\\') {
      spelled.append(rest.substr(0, 2));
      ++i;
    } else if (!is_class && IsOrdinary(rest[0]) && rest.substr(1, 1) == "?" &&
               rest.substr(2, 1) != "?") {
      spelled.append("(?:").append(1, rest[0]).append("|)");
      ++i;
    } else {
      is_class = is_class ? rest[0] != ']' : rest[0] == '[';
      spelled.push_back(rest[0]);
    }
  }
  return spelled;
}

// Atoms without which nothing matches, each by itself, and the others together where one of them is needed.
std::vector<std::vector<std::string>> FindNeeded(const std::string& pattern,
                                                 const re2::RE2::Options& options) {
  re2::FilteredRE2 filtered(kAtomBytesMin);
  int id = 0;
  std::vector<std::string> atoms;
  if (filtered.Add(SpellOut(pattern), options, &id) != re2::RE2::NoError) return {};
  filtered.Compile(&atoms);
  if (atoms.empty() || atoms.size() > kAtomsMax || CanMatchWith(filtered, {})) return {};
  std::vector<std::vector<std::string>> needed;
  std::vector<std::string> others;
  std::vector<int> single;
  for (size_t i = 0; i < atoms.size(); ++i) {
    std::vector<int> present;
    for (size_t other = 0; other < atoms.size(); ++other)
      if (other != i) present.push_back(static_cast<int>(other));
    const bool is_needed = atoms.size() == 1 || !CanMatchWith(filtered, present);
    if (is_needed) single.push_back(static_cast<int>(i));
    if (is_needed && IsUsable(atoms[i])) needed.push_back({atoms[i]});
    if (!is_needed) others.push_back(atoms[i]);
  }
  if (!others.empty() && std::all_of(others.begin(), others.end(), IsUsable) &&
      !CanMatchWith(filtered, single))
    needed.push_back(std::move(others));
  return needed;
}

// The longest atom without which nothing matches, else those of which one is needed.
std::vector<std::string> ChooseRequired(const std::vector<std::vector<std::string>>& needed) {
  std::vector<std::string> best;
  for (const auto& any : needed) {
    const bool is_better =
        best.empty() || (any.size() == 1 && (best.size() > 1 || any[0].size() > best[0].size()));
    if (is_better) best = any;
  }
  return best;
}

// Of ".{200,}" and the like, which ask for a line of so many characters, that number; of another pattern 0. RE2 would try
// such a pattern from each place of the text at once, with more states than its automaton may have.
size_t LineLengthOf(const std::string& pattern) {
  static const re2::RE2 kLongLine(R"((?:\.|\(\.\))\{(\d+),?\})");
  size_t characters = 0;
  return re2::RE2::FullMatch(pattern, kLongLine, &characters) ? characters : 0;
}

bool IsAscii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

// Whether a line of the text has so many characters; nothing when that is not clear from its bytes.
std::optional<bool> HasLongLine(std::string_view text, size_t characters) {
  bool is_clear = true;
  while (text.size() >= characters) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.size() >= characters) {
      if (IsAscii(line)) return true;
      is_clear = false;
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return is_clear ? std::optional(false) : std::nullopt;
}

}  // namespace

Result<std::shared_ptr<const Regexp>> Regexp::Compile(const std::string& pattern,
                                                      const RegexpLimits& limits) {
  if (pattern.size() > limits.pattern_bytes_max)
    return InvalidArgument(fmt::format("regular expression of {} bytes, more than {}",
                                       pattern.size(), limits.pattern_bytes_max));
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(limits.memory_bytes_max);
  auto compiled = std::make_unique<const re2::RE2>(pattern, options);
  if (!compiled->ok())
    return InvalidArgument(
        fmt::format("regular expression \"{}\": {}", pattern, compiled->error()));
  std::shared_ptr<Regexp> regexp(new Regexp);
  regexp->pattern_ = pattern;
  regexp->line_length_ = LineLengthOf(pattern);
  regexp->re2_ = std::move(compiled);
  regexp->needed_ = FindNeeded(pattern, options);
  regexp->required_ = ChooseRequired(regexp->needed_);
  return std::shared_ptr<const Regexp>(std::move(regexp));
}

Regexp::~Regexp() = default;

// Of each instruction there is the program's, and what parsing has left.
size_t Regexp::memory_bytes() const {
  constexpr size_t kOwnBytes = 1024, kInstructionBytes = 48;
  return kOwnBytes + pattern_.capacity() +
         static_cast<size_t>(re2_->ProgramSize()) * kInstructionBytes;
}

bool Regexp::Finds(std::string_view text) const {
  if (line_length_ > 0) {
    if (const auto is_found = HasLongLine(text, line_length_)) return *is_found;
  }
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *re2_);
}

}  // namespace neurallog::rules
