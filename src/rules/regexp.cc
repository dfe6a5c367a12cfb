// RE2's prefilter names the literals ("atoms") of a pattern and tells which sets of them let a text
// match.
#include "rules/regexp.h"

#include <fmt/format.h>
#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>

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

// Atoms without which nothing matches, each by itself, and the others together where one of them is needed.
std::vector<std::vector<std::string>> FindNeeded(const std::string& pattern,
                                                 const re2::RE2::Options& options) {
  re2::FilteredRE2 filtered(kAtomBytesMin);
  int id = 0;
  std::vector<std::string> atoms;
  if (filtered.Add(pattern, options, &id) != re2::RE2::NoError) return {};
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
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *re2_);
}

}  // namespace neurallog::rules
