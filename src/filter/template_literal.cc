// Words with a digit among them are variables, others are static text (block/template_parser.h): a
// word of the literal that is whole and has no digit stands in static text or nowhere. Only pieces of
// UUIDs can be variables without a digit; so whatever may be one is taken for a possible variable.
//
// When the literal has no such word, all ways to lay it over a template are tried at once: bit i of a
// state says that the first i + 1 bytes end here. A variable is any number of the bytes that occur in
// it, in any order.
#include "filter/template_literal.h"

#include <algorithm>

#include "base/ascii.h"
#include "block/template_parser.h"
#include "filter/word_column.h"

namespace neurallog::filter {
namespace {

constexpr size_t kCheckedMax = 64;
constexpr size_t kUuidPieceMin = 4;

using base::IsDigit;
bool IsHexDigit(char c) { return base::HexDigit(c) >= 0; }
char OtherCase(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? static_cast<char>(c ^ 0x20) : c;
}

bool MayBePieceOfUuid(std::string_view word) {
  if (word.size() < kUuidPieceMin) return false;
  const auto all_hex = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), IsHexDigit);
  };
  return all_hex(word.substr(0, kUuidPieceMin)) ||
         all_hex(word.substr(word.size() - kUuidPieceMin));
}

// The templates whose static text holds an accepted hit.
Bitmap FindStatic(const block::Column& templates, const Finder& finder, Edges edges) {
  Bitmap hits(templates.rows, true);
  KeepHits(templates, finder, &hits, [&](std::string_view text, size_t at) {
    return Accepts(text, at, finder.size(), edges);
  });
  return hits;
}

}  // namespace

TemplateLiteral::TemplateLiteral(const Finder& finder, Edges edges)
    : finder_(finder), edges_(edges), checked_(std::min(finder.size(), kCheckedMax)) {
  const std::string& needle = finder.needle();
  has_marks_ = needle.find(block::kVariableMark) != std::string::npos ||
               needle.find(block::kTemplateEnd) != std::string::npos;
  for (size_t i = 0; i < checked_; ++i) {
    places_[static_cast<unsigned char>(needle[i])] |= uint64_t{1} << i;
    if (finder.ignores_case())
      places_[static_cast<unsigned char>(OtherCase(needle[i]))] |= uint64_t{1} << i;
  }
  for (size_t byte = 0; byte < places_.size(); ++byte) bytes_[byte] = places_[byte] != 0;
  FindStaticWords();
}

void TemplateLiteral::FindStaticWords() {
  const std::string& needle = finder_.needle();
  std::string_view longest;
  size_t words = 0;
  size_t static_words = 0;
  for (size_t begin = 0; begin < needle.size();) {
    size_t end = begin;
    while (end < needle.size() && IsWordByte(needle[end])) ++end;
    const std::string_view word = std::string_view(needle).substr(begin, end - begin);
    words += word.empty() ? 0 : 1;
    if (!word.empty() && IsStaticWord(begin, end)) {
      ++static_words;
      if (word.size() > longest.size()) longest = word;
    }
    begin = end + 1;
  }
  is_static_ = words > 0 && words == static_words;
  if (!longest.empty()) word_.emplace(longest, finder_.ignores_case());
}

bool TemplateLiteral::IsStaticWord(size_t begin, size_t end) const {
  const std::string_view needle = finder_.needle();
  const bool is_whole =
      (begin > 0 || edges_ != Edges::kNone) && (end < needle.size() || edges_ == Edges::kBoth);
  const std::string_view word = needle.substr(begin, end - begin);
  return is_whole && std::none_of(word.begin(), word.end(), IsDigit) && !MayBePieceOfUuid(word);
}

Status TemplateLiteral::Judge(const block::TemplateTexts& texts,
                              std::vector<Verdict>* verdicts) const {
  verdicts->assign(texts.templates().rows, Verdict::kNone);
  if (has_marks_) return {};
  FindStatic(texts.templates(), finder_, edges_).ForEach([verdicts](uint32_t i) {
    (*verdicts)[i] = Verdict::kAll;
  });
  if (!texts.words_are_whole() || !word_) return JudgeByVariables(texts, verdicts);
  if (!is_static_) JudgeByWord(texts.templates(), verdicts);
  return {};
}

void TemplateLiteral::JudgeByWord(const block::Column& templates,
                                  std::vector<Verdict>* verdicts) const {
  FindStatic(templates, *word_, Edges::kBoth).ForEach([verdicts](uint32_t i) {
    if ((*verdicts)[i] == Verdict::kNone) (*verdicts)[i] = Verdict::kSome;
  });
}

Status TemplateLiteral::JudgeByVariables(const block::TemplateTexts& texts,
                                         std::vector<Verdict>* verdicts) const {
  NL_TRY(const std::span<const block::ByteSet> any, texts.AnyVariableBytes());
  for (uint32_t i = 0; i < verdicts->size(); ++i) {
    const bool is_known = (*verdicts)[i] == Verdict::kAll || CannotTouch(any[i]);
    if (is_known) continue;
    NL_TRY(const auto variables, texts.VariableBytes(i));
    if (CanMatch(TextOfString(texts.templates(), i), variables)) (*verdicts)[i] = Verdict::kSome;
  }
  return {};
}

bool TemplateLiteral::CannotTouch(const block::ByteSet& bytes) const {
  return finder_.size() <= checked_ && (bytes & bytes_).none();
}

uint64_t TemplateLiteral::PlacesOf(const block::ByteSet& bytes) const {
  uint64_t places = 0;
  if ((bytes & bytes_).none()) return places;  // as of most variables
  for (size_t i = 0; i < checked_; ++i) {
    const char c = finder_.needle()[i];
    const bool is_in = bytes[static_cast<unsigned char>(c)] ||
                       (finder_.ignores_case() && bytes[static_cast<unsigned char>(OtherCase(c))]);
    places |= uint64_t{is_in} << i;
  }
  return places;
}

// Hits in static text alone are found by searching for them; so only the surroundings of variables are
// looked at, and of those only that can hold a byte of the literal.
bool TemplateLiteral::CanMatch(std::string_view text,
                               std::span<const block::ByteSet> variables) const {
  if (finder_.size() > checked_) return true;
  const uint64_t whole = uint64_t{1} << (checked_ - 1);
  const auto step = [](uint64_t state, uint64_t places) { return (state << 1 | 1) & places; };
  uint64_t state = 0;
  size_t done = 0;  // bytes of the text that the state knows
  for (size_t next = 0; next < variables.size(); ++next) {
    const size_t mark = text.find(block::kVariableMark, done);
    const uint64_t places = PlacesOf(variables[next]);
    if (places == 0) {
      // What has begun before may still end before the variable.
      for (; state != 0 && done < mark; ++done) {
        state = step(state, places_[static_cast<unsigned char>(text[done])]);
        if ((state & whole) != 0) return true;
      }
      state = 0;
      done = mark + 1;
      continue;
    }
    const size_t window = mark - std::min(mark, checked_ - 1);
    for (; state != 0 && done < window; ++done) {
      state = step(state, places_[static_cast<unsigned char>(text[done])]);
      if ((state & whole) != 0) return true;
    }
    done = std::max(done, window);
    for (; done < mark; ++done) {
      state = step(state, places_[static_cast<unsigned char>(text[done])]);
      if ((state & whole) != 0) return true;
    }
    state = step(state, places);
    for (uint64_t before = 0; state != before;) {
      before = state;
      state |= step(state, places);
    }
    if ((state & whole) != 0) return true;
    done = mark + 1;
  }
  for (; state != 0 && done < text.size(); ++done) {
    state = step(state, places_[static_cast<unsigned char>(text[done])]);
    if ((state & whole) != 0) return true;
  }
  return false;
}

}  // namespace neurallog::filter
