#include "filter/lexer.h"

#include <array>

#include "base/ascii.h"
#include "base/utf8.h"

namespace neurallog::filter {
namespace {

using base::IsSpace;

constexpr std::string_view kSymbols = ":()[]{},|*=<>~!";

constexpr std::array<bool, 256> MakeQueryWordTable() {
  std::array<bool, 256> table{};
  for (int c = 0x21; c < 256; ++c) table[static_cast<size_t>(c)] = c != 0x7f;
  for (char c : kSymbols) table[static_cast<unsigned char>(c)] = false;
  for (char c : std::string_view("\"'`")) table[static_cast<unsigned char>(c)] = false;
  return table;
}
constexpr std::array<bool, 256> kQueryWordBytes = MakeQueryWordTable();

bool IsQueryWordByte(char c) { return kQueryWordBytes[static_cast<unsigned char>(c)]; }

using base::HexDigit;

// Reads `digits` digits of `base` at text[at]; -1 when there are not as many.
int64_t ReadDigits(std::string_view text, size_t at, int digits, int base) {
  if (at + static_cast<size_t>(digits) > text.size()) return -1;
  int64_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const int digit = HexDigit(text[at + static_cast<size_t>(i)]);
    if (digit < 0 || digit >= base) return -1;
    value = value * base + digit;
  }
  return value;
}

// Appends what the escape at text[at] (behind the backslash) stands for and returns its length, 0
// when it is none.
size_t ReadEscape(std::string_view text, size_t at, std::string* to) {
  constexpr std::string_view kNames = "abfnrtv\\\"'`";
  constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\\"'`";
  const char c = text[at];
  if (const size_t i = kNames.find(c); i != std::string_view::npos) {
    to->push_back(kBytes[i]);
    return 1;
  }
  if (c == 'x') {
    const int64_t byte = ReadDigits(text, at + 1, 2, 16);
    if (byte < 0) return 0;
    to->push_back(static_cast<char>(byte));
    return 3;
  }
  if (c == 'u' || c == 'U') {
    const int digits = c == 'u' ? 4 : 8;
    const int64_t code = ReadDigits(text, at + 1, digits, 16);
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
    base::AppendUtf8(to, static_cast<uint32_t>(code));
    return static_cast<size_t>(digits) + 1;
  }
  const int64_t byte = ReadDigits(text, at, 3, 8);
  if (byte < 0 || byte > 255) return 0;
  to->push_back(static_cast<char>(byte));
  return 3;
}

char LowerByte(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerByte(c);
  return lower;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (LowerByte(a[i]) != LowerByte(b[i])) return false;
  return true;
}

void Lexer::Next() {
  const size_t from = at_;
  SkipSpace();
  token_ = {};
  token_.space_before = at_ != from || from == 0;
  token_.begin = at_;
  if (at_ == query_.size()) {
    token_.end = at_;
    return;
  }
  const char c = query_[at_];
  if (c == '"' || c == '\'' || c == '`') {
    ReadQuoted(c);
  } else if (c == '-' || kSymbols.find(c) != std::string_view::npos) {
    token_.kind = Token::Kind::kSymbol;
    token_.text.assign(1, c);
    ++at_;
  } else if (IsQueryWordByte(c)) {
    ReadWord();
  } else {
    Bad("a control character must be written as an escape inside quotes");
  }
  token_.end = at_;
}

void Lexer::SkipSpace() {
  while (at_ < query_.size()) {
    if (query_[at_] == '#') {
      while (at_ < query_.size() && query_[at_] != '\n') ++at_;
    } else if (IsSpace(query_[at_])) {
      ++at_;
    } else {
      return;
    }
  }
}

void Lexer::ReadWord() {
  const size_t begin = at_;
  while (at_ < query_.size() && IsQueryWordByte(query_[at_])) ++at_;
  token_.kind = Token::Kind::kWord;
  token_.text.assign(query_, begin, at_ - begin);
}

bool Lexer::IsValue(std::string_view stops) const {
  const bool is_stop =
      token_.kind == Token::Kind::kSymbol && stops.find(token_.text[0]) != stops.npos;
  return !AtEnd() && token_.kind != Token::Kind::kBad && !is_stop;
}

std::string Lexer::TakeValue(std::string_view stops) {
  const Token first = token_;
  size_t end = first.end;
  for (Next(); !token_.space_before && IsValue(stops); Next()) end = token_.end;
  return end == first.end ? first.text : std::string(Slice(first.begin, end));
}

void Lexer::RereadAsMath() {
  constexpr std::string_view kOperators = "+-/%^&";
  const auto is_operator = [&](size_t at) {
    return kOperators.find(query_[at]) != std::string_view::npos;
  };
  if (token_.kind != Token::Kind::kWord) return;
  size_t end = token_.begin + 1;
  if (is_operator(token_.begin)) {
    token_.kind = Token::Kind::kSymbol;
  } else {
    while (end < token_.end && !is_operator(end)) ++end;
  }
  token_.text.assign(query_, token_.begin, end - token_.begin);
  token_.end = at_ = end;
}

void Lexer::ReadQuoted(char quote) {
  token_.kind = Token::Kind::kQuoted;
  for (++at_; at_ < query_.size(); ++at_) {
    const char c = query_[at_];
    if (c == quote) {
      ++at_;
      return;
    }
    if (c != '\\' || quote == '`') {
      token_.text.push_back(c);
      continue;
    }
    const size_t length = at_ + 1 < query_.size() ? ReadEscape(query_, at_ + 1, &token_.text) : 0;
    if (length == 0) return Bad("unknown escape in a quoted text; write \\\\ for a backslash");
    at_ += length;
  }
  Bad(std::string("expected a closing ") + quote);
}

void Lexer::Bad(std::string_view message) {
  token_.kind = Token::Kind::kBad;
  token_.text = message;
  at_ = query_.size();
}

bool Lexer::IsKeyword(std::string_view keyword) const {
  return token_.kind == Token::Kind::kWord && EqualsIgnoreCase(token_.text, keyword);
}

bool Lexer::TakeSymbol(char symbol) {
  if (!IsSymbol(symbol)) return false;
  Next();
  return true;
}

bool Lexer::TakeKeyword(std::string_view keyword) {
  if (!IsKeyword(keyword)) return false;
  Next();
  return true;
}

Token Lexer::Peek() const {
  Lexer ahead = *this;
  ahead.Next();
  return ahead.token_;
}

Status Lexer::ErrorHere(std::string_view message) const {
  return ErrorAt(token_.begin,
                 token_.kind == Token::Kind::kBad ? std::string_view(token_.text) : message);
}

Status Lexer::ErrorAt(size_t offset, std::string_view message) const {
  size_t line = 1;
  size_t column = 1;
  for (const char c : query_.substr(0, offset)) {
    const bool continues_code_point = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    if (c == '\n') {
      ++line;
      column = 1;
    } else if (!continues_code_point) {
      ++column;
    }
  }
  return InvalidArgument(std::to_string(line) + ":" + std::to_string(column) + ": " +
                         std::string(message));
}

std::string Lexer::Found() const {
  if (AtEnd()) return "the end of the query";
  return "'" +
         std::string(query_.substr(token_.begin, std::min<size_t>(token_.end - token_.begin, 40))) +
         "'";
}

}  // namespace neurallog::filter
