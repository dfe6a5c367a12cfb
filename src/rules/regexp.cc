// RE2's prefilter names the literals ("atoms") of a pattern and tells which sets of them let a text
// match. One atom without which nothing matches is best; otherwise all atoms together, when a text
// with none of them cannot match.
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

bool CanMatchWithout(const re2::FilteredRE2& filtered, size_t atoms, size_t missing) {
  std::vector<int> present;
  for (size_t i = 0; i < atoms; ++i)
    if (i != missing) present.push_back(static_cast<int>(i));
  std::vector<int> potentials;
  filtered.AllPotentials(present, &potentials);
  return !potentials.empty();
}

bool CanMatchWithoutAny(const re2::FilteredRE2& filtered) {
  std::vector<int> potentials;
  filtered.AllPotentials({}, &potentials);
  return !potentials.empty();
}

std::vector<std::string> FindRequired(const std::string& pattern,
                                      const re2::RE2::Options& options) {
  re2::FilteredRE2 filtered(kAtomBytesMin);
  int id = 0;
  std::vector<std::string> atoms;
  if (filtered.Add(pattern, options, &id) != re2::RE2::NoError) return {};
  filtered.Compile(&atoms);
  if (atoms.empty() || atoms.size() > kAtomsMax || CanMatchWithoutAny(filtered)) return {};
  size_t best = atoms.size();
  for (size_t i = 0; i < atoms.size() && atoms.size() > 1; ++i) {
    const bool is_longer = best == atoms.size() || atoms[i].size() > atoms[best].size();
    if (is_longer && IsUsable(atoms[i]) && !CanMatchWithout(filtered, atoms.size(), i)) best = i;
  }
  if (best != atoms.size()) return {atoms[best]};
  return std::all_of(atoms.begin(), atoms.end(), IsUsable) ? atoms : std::vector<std::string>();
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
  regexp->required_ = FindRequired(pattern, options);
  return std::shared_ptr<const Regexp>(std::move(regexp));
}

Regexp::~Regexp() = default;

bool Regexp::Finds(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *re2_);
}

}  // namespace neurallog::rules
