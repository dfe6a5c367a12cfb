// `collapse_nums [if (filter)] [at field] [prettify]`: <N> for each decimal or hexadecimal number, so
// that texts that differ in numbers only become the same.
//
// A number is a longest run of hexadecimal digits at the edge of words; a letter among T X x v s h m
// may stand before it, one among T Z s m h u n and μ behind it. With letters it has at least four
// digits, and an even number of them. `prettify` then names what groups of numbers look like.
#include "base/ascii.h"
#include "base/utf8.h"
#include "index/token.h"
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

constexpr std::string_view kN = "<N>";

using base::IsDigit;
bool IsHexLetter(char c) { return !IsDigit(c) && base::HexDigit(c) >= 0; }
bool IsHex(char c) { return base::HexDigit(c) >= 0; }

bool MayStartBehind(std::string_view text, size_t at) {
  if (at == 0 || !index::IsWordByte(text[at - 1])) return true;
  return std::string_view("TXxvshm").find(text[at - 1]) != std::string_view::npos;
}

bool MayEndBefore(std::string_view text, size_t at) {
  if (at == text.size() || !index::IsWordByte(text[at])) return true;
  if (text.substr(at, 2) == "\u03bc") return true;
  return std::string_view("TZsmhun").find(text[at]) != std::string_view::npos;
}

bool LooksLikeNumber(std::string_view digits) {
  const bool is_hex = std::any_of(digits.begin(), digits.end(), IsHexLetter);
  return !is_hex || (digits.size() >= 4 && digits.size() % 2 == 0);
}

void Collapse(std::string_view text, std::string* to) {
  for (size_t at = 0; at < text.size();) {
    if (!IsHex(text[at])) {
      to->push_back(text[at++]);
      continue;
    }
    size_t end = at;
    while (end < text.size() && IsHex(text[end])) ++end;
    const std::string_view digits = text.substr(at, end - at);
    const bool is_number =
        MayStartBehind(text, at) && MayEndBefore(text, end) && LooksLikeNumber(digits);
    to->append(is_number ? kN : digits);
    at = end;
  }
}

enum class Tail : uint8_t { kNone, kFraction, kZone };

size_t TailLength(std::string_view rest, Tail tail) {
  const auto begins = [rest](std::string_view text) { return rest.substr(0, text.size()) == text; };
  if (tail == Tail::kFraction && (begins(".<N>") || begins(",<N>"))) return 4;
  if (tail == Tail::kZone && begins("Z")) return 1;
  if (tail == Tail::kZone && (begins("-<N>:<N>") || begins("+<N>:<N>"))) return 8;
  return 0;
}

struct Pattern {
  std::string_view from;
  std::string_view to;
  Tail tail = Tail::kNone;
};
constexpr Pattern kPatterns[] = {
    {"<N>-<N>-<N>-<N>-<N>", "<UUID>"},
    {"<N>.<N>.<N>.<N>", "<IP4>"},
    {"<N>:<N>:<N>", "<TIME>", Tail::kFraction},
    {"<N>-<N>-<N>", "<DATE>"},
    {"<N>/<N>/<N>", "<DATE>"},
    {"<DATE>T<TIME>", "<DATETIME>", Tail::kZone},
    {"<DATE> <TIME>", "<DATETIME>", Tail::kZone},
};

std::string Prettify(std::string text) {
  for (const Pattern& pattern : kPatterns) {
    std::string pretty;
    std::string_view rest = text;
    for (size_t at; (at = rest.find(pattern.from)) != std::string_view::npos;) {
      pretty.append(rest.substr(0, at)).append(pattern.to);
      rest.remove_prefix(at + pattern.from.size());
      rest.remove_prefix(TailLength(rest, pattern.tail));
    }
    pretty.append(rest);
    text = std::move(pretty);
  }
  return text;
}

}  // namespace

PipeResult ParsePipeCollapseNums(const PipeParse& parse) {
  ValueRewrite rewrite;
  NL_TRY(rewrite.condition, Condition::Parse(parse.lexer, parse.options));
  NL_TRY(rewrite.source, ParseFieldAfter(parse.lexer, "at"));
  rewrite.target = rewrite.source;
  const bool is_pretty = parse.lexer->TakeKeyword("prettify");
  rewrite.function = [is_pretty](std::string_view value, std::string* to) {
    std::string collapsed;
    Collapse(value, &collapsed);
    to->append(is_pretty ? Prettify(std::move(collapsed)) : collapsed);
    return Status();
  };
  std::string text(parse.name);
  rewrite.condition.Print(&text);
  PrintFieldAfter(&text, "at", rewrite.source);
  if (is_pretty) text += " prettify";
  return MakeValuePipe(parse.name, std::move(rewrite), std::move(text));
}

}  // namespace neurallog::query
