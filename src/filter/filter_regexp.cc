// `field:~"re2"`: RE2 on the rows that hold a literal which every match must hold.
//
// RE2's prefilter names the literals ("atoms", lower-cased) of a pattern. An atom is required when
// RE2 says that a text with all other atoms cannot match; the longest required one is searched like
// a phrase, ignoring case, before RE2 sees a row. When none is required alone but one of a few must
// be there (a|b), a row needs any of them.
#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>

#include "filter/predicate.h"
#include "filter/template_literal.h"
#include "filter/word_column.h"

namespace neurallog::filter {
namespace {

constexpr int kAtomBytesMin = 3;
constexpr size_t kAlternativesMax = 8;
constexpr size_t kAtomsMax = 64;

RE2::Options MakeOptions(const CompileOptions& options) {
  RE2::Options re2_options(RE2::Quiet);
  re2_options.set_max_mem(options.regexp_bytes_max);
  return re2_options;
}

// RE2 folds a few characters beyond ASCII to k and s (the Kelvin sign, the long s), a search that
// ignores case does not.
bool IsUsable(const std::string& atom, bool may_ignore_case) {
  const bool is_ascii = std::all_of(atom.begin(), atom.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return is_ascii && !(may_ignore_case && atom.find_first_of("ks") != std::string::npos);
}

bool CanMatchWithout(const re2::FilteredRE2& filtered, size_t atoms, size_t missing) {
  std::vector<int> present;
  for (size_t i = 0; i < atoms; ++i)
    if (i != missing) present.push_back(static_cast<int>(i));
  std::vector<int> potentials;
  filtered.AllPotentials(present, &potentials);
  return !potentials.empty();
}

std::vector<std::string> FindRequired(const std::string& pattern, const RE2::Options& options) {
  re2::FilteredRE2 filtered(kAtomBytesMin);
  int id;
  std::vector<std::string> atoms;
  if (filtered.Add(pattern, options, &id) != RE2::NoError) return {};
  filtered.Compile(&atoms);
  if (atoms.empty() || atoms.size() > kAtomsMax) return {};
  const bool may_ignore_case = pattern.find("(?") != std::string::npos;
  std::vector<std::string> best;
  for (size_t i = 0; i < atoms.size(); ++i) {
    const bool is_better = best.empty() || atoms[i].size() > best[0].size();
    if (is_better && IsUsable(atoms[i], may_ignore_case) &&
        !CanMatchWithout(filtered, atoms.size(), i))
      best = {atoms[i]};
  }
  if (!best.empty() || atoms.size() > kAlternativesMax) return best;
  std::vector<int> potentials;
  filtered.AllPotentials({}, &potentials);
  const bool all_usable = std::all_of(atoms.begin(), atoms.end(), [&](const auto& atom) {
    return IsUsable(atom, may_ignore_case);
  });
  return potentials.empty() && all_usable ? atoms : std::vector<std::string>();
}

class RegexpPredicate : public FieldPredicate {
 public:
  RegexpPredicate(std::string field, const std::string& pattern, const RE2::Options& options)
      : FieldPredicate(std::move(field)), regexp_(pattern, options) {
    if (!regexp_.ok()) return;
    for (const std::string& literal : FindRequired(pattern, options))
      required_.emplace_back(literal, /*ignore_case=*/true);
    for (const Finder& finder : required_) of_templates_.emplace_back(finder, Edges::kNone);
  }

  const RE2& regexp() const { return regexp_; }
  int cost() const override { return required_.empty() ? 300 : 60; }

 protected:
  bool MatchText(std::string_view text) const override {
    const bool is_candidate = required_.empty() || std::any_of(required_.begin(), required_.end(),
                                                               [&](const Finder& finder) {
                                                                 return finder.Contains(text);
                                                               });
    return is_candidate && RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regexp_);
  }

  bool judges_templates() const override { return !required_.empty(); }
  Status JudgeTemplates(const block::TemplateTexts& texts,
                        std::vector<Verdict>* verdicts) const override {
    std::vector<Verdict> one;
    verdicts->assign(texts.templates().rows, Verdict::kNone);
    for (const TemplateLiteral& literal : of_templates_) {
      NL_RETURN_IF_ERROR(literal.Judge(texts, &one));
      for (size_t i = 0; i < one.size(); ++i)
        if (one[i] != Verdict::kNone) (*verdicts)[i] = Verdict::kSome;
    }
    return {};
  }

  void RefineStrings(const block::Column& column, Bitmap* rows) const override {
    if (!required_.empty()) KeepCandidates(column, rows);
    KeepIf(rows, [&](uint32_t row) {
      const std::string_view text = TextOfString(column, row);
      return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regexp_);
    });
  }

 private:
  void KeepCandidates(const block::Column& column, Bitmap* rows) const {
    Bitmap candidates(rows->rows());
    for (const Finder& finder : required_) {
      Bitmap left = *rows;
      left.AndNot(candidates);
      KeepHits(column, finder, &left, [](std::string_view, size_t) { return true; });
      candidates.Or(left);
    }
    *rows = std::move(candidates);
  }

  const RE2 regexp_;
  std::vector<Finder> required_;
  std::vector<TemplateLiteral> of_templates_;  // of each
};

}  // namespace

std::vector<std::string> FindRequiredLiterals(const std::string& pattern,
                                              const CompileOptions& options) {
  return FindRequired(pattern, MakeOptions(options));
}

Result<PredicatePtr> MakeRegexp(std::string field, const std::string& pattern,
                                const CompileOptions& options) {
  auto predicate =
      std::make_unique<RegexpPredicate>(std::move(field), pattern, MakeOptions(options));
  if (!predicate->regexp().ok())
    return InvalidArgument("regular expression \"" + pattern +
                           "\": " + predicate->regexp().error());
  return PredicatePtr(std::move(predicate));
}

}  // namespace neurallog::filter
