#include "rules/pattern.h"

#include "base/ascii.h"
#include "rules/case_fold.h"

namespace neurallog::rules {
namespace {

using Kind = PatternPiece::Kind;

constexpr std::string_view kDashes[] = {"-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95"};

void AppendText(Pattern* pattern, char c) {
  if (pattern->empty() || pattern->back().kind != Kind::kText)
    pattern->push_back({Kind::kText, {}});
  pattern->back().text.push_back(c);
}

using base::IsWordByte;

// Length of the dash at the start of `text`, or 0.
size_t DashLength(std::string_view text) {
  for (std::string_view dash : kDashes)
    if (text.substr(0, dash.size()) == dash) return dash.size();
  return 0;
}

void SpreadDashesOfText(const std::string& text, Pattern* to) {
  for (size_t i = 0; i < text.size();) {
    const size_t dash = DashLength(std::string_view(text).substr(i));
    const bool follows_word = i > 0 && IsWordByte(text[i - 1]);
    const bool begins_word = i + dash < text.size() && IsWordByte(text[i + dash]);
    if (dash != 0 && !follows_word && begins_word) {
      to->push_back({Kind::kDash, {}});
      i += dash;
    } else {
      AppendText(to, text[i++]);
    }
  }
}

// Bytes that `piece` takes at the start of `text`; npos when it does not fit. Not for kAny.
size_t Take(const PatternPiece& piece, std::string_view text) {
  if (piece.kind == Kind::kText)
    return text.substr(0, piece.text.size()) == piece.text ? piece.text.size()
                                                           : std::string_view::npos;
  if (piece.kind == Kind::kDash)
    return DashLength(text) == 0 ? std::string_view::npos : DashLength(text);
  if (text.empty()) return std::string_view::npos;
  size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    ++length;
  return length;
}

// Where to try again behind a `*`: a text is searched, other pieces try each place.
size_t NextStart(const Pattern& pattern, size_t piece, std::string_view text, size_t from) {
  if (piece < pattern.size() && pattern[piece].kind == Kind::kText)
    return text.find(pattern[piece].text, from);
  return from <= text.size() ? from : std::string_view::npos;
}

}  // namespace

Pattern ParsePattern(std::string_view text) {
  Pattern pattern;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && i + 1 < text.size() &&
                         std::string_view("*?\\").find(text[i + 1]) != std::string_view::npos;
    if (escapes) AppendText(&pattern, text[++i]);
    else if (c == '*') pattern.push_back({Kind::kAny, {}});
    else if (c == '?') pattern.push_back({Kind::kOne, {}});
    else AppendText(&pattern, c);
  }
  return pattern;
}

Pattern PlainPattern(std::string_view text) {
  if (text.empty()) return {};
  return {{Kind::kText, std::string(text)}};
}

std::optional<std::string> PlainText(const Pattern& pattern) {
  if (pattern.empty()) return std::string();
  if (pattern.size() == 1 && pattern[0].kind == Kind::kText) return pattern[0].text;
  return std::nullopt;
}

size_t CountWildcards(const Pattern& pattern) {
  size_t count = 0;
  for (const PatternPiece& piece : pattern) count += piece.kind != Kind::kText;
  return count;
}

void OpenStart(Pattern* pattern) {
  if (pattern->empty() || pattern->front().kind != Kind::kAny)
    pattern->insert(pattern->begin(), {Kind::kAny, {}});
}

void OpenEnd(Pattern* pattern) {
  if (pattern->empty() || pattern->back().kind != Kind::kAny) pattern->push_back({Kind::kAny, {}});
}

Pattern SpreadDashes(const Pattern& pattern) {
  Pattern spread;
  for (const PatternPiece& piece : pattern) {
    if (piece.kind == Kind::kText) SpreadDashesOfText(piece.text, &spread);
    else spread.push_back(piece);
  }
  return spread;
}

void ToTest(const Pattern& pattern, Test* test) {
  const bool opens = !pattern.empty() && pattern.front().kind == Kind::kAny;
  const bool closes = !pattern.empty() && pattern.back().kind == Kind::kAny;
  const size_t skip = opens ? 1 : 0;
  const size_t core_size = pattern.size() - skip - (closes && pattern.size() > skip ? 1 : 0);
  const Pattern core(pattern.begin() + static_cast<ptrdiff_t>(skip),
                     pattern.begin() + static_cast<ptrdiff_t>(skip + core_size));
  const auto plain = PlainText(core);
  if (plain && plain->empty() && (opens || closes)) {
    test->op = Op::kPresent;
    return;
  }
  const auto fold = [&](const std::string& text) { return test->cased ? text : Fold(text); };
  if (plain) {
    test->op = opens && closes ? Op::kContains
               : opens         ? Op::kSuffix
               : closes        ? Op::kPrefix
                               : Op::kEqual;
    test->texts = {fold(*plain)};
    return;
  }
  Pattern folded = pattern;
  for (PatternPiece& piece : folded) piece.text = fold(piece.text);
  test->op = Op::kGlob;
  test->texts = {EncodePattern(folded)};
}

// A NUL begins "any", "one" and "dash"; a NUL of the text is doubled.
std::string EncodePattern(const Pattern& pattern) {
  std::string encoded;
  for (const PatternPiece& piece : pattern) {
    if (piece.kind != Kind::kText) {
      encoded.push_back('\0');
      encoded.push_back("t*?-"[static_cast<size_t>(piece.kind)]);
      continue;
    }
    for (char c : piece.text) encoded.append(c == '\0' ? 2 : 1, c);
  }
  return encoded;
}

Pattern DecodePattern(std::string_view encoded) {
  Pattern pattern;
  for (size_t i = 0; i < encoded.size(); ++i) {
    const char mark = encoded[i] == '\0' ? encoded[++i] : 't';
    if (mark == '*' || mark == '?' || mark == '-')
      pattern.push_back({mark == '*' ? Kind::kAny : mark == '?' ? Kind::kOne : Kind::kDash, {}});
    else AppendText(&pattern, encoded[i]);
  }
  return pattern;
}

// Backtracking goes to the last `*` only: what an earlier one took can stay as short as it was.
bool MatchPattern(const Pattern& pattern, std::string_view text) {
  size_t piece = 0, at = 0;
  size_t star = std::string_view::npos, star_at = 0;
  while (at < text.size() || piece < pattern.size()) {
    if (piece < pattern.size() && pattern[piece].kind == Kind::kAny) {
      star = piece++;
      star_at = at = NextStart(pattern, piece, text, at);
      if (at == std::string_view::npos) return false;
      if (piece == pattern.size()) return true;
      continue;
    }
    const size_t taken =
        piece < pattern.size() ? Take(pattern[piece], text.substr(at)) : std::string_view::npos;
    if (taken != std::string_view::npos) {
      at += taken;
      ++piece;
      continue;
    }
    if (star == std::string_view::npos) return false;
    piece = star + 1;
    star_at = at = NextStart(pattern, piece, text, star_at + 1);
    if (at == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace neurallog::rules
