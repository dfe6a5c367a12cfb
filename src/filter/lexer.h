// Cuts a query into words, quoted texts and symbols, one token ahead of the parser.
//
// A bare word runs until white space or one of  : ( ) [ ] { } , | * = < > ~ ! " ' `  so that names
// such as metadata.trace_id, a/b, user@host and eu-west-1 are one word; '-' is a symbol only where
// a token begins, '#' begins a comment only there. Quotes: "..." and '...' with the escapes of Go,
// `...` as it is. Copyable, so that a parser can look further ahead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::filter {

struct Token {
  enum class Kind : uint8_t { kEnd, kWord, kQuoted, kSymbol, kBad };
  Kind kind = Kind::kEnd;
  bool space_before = false;
  std::string text;  // a quoted text without its quotes and escapes; of kBad: what is wrong
  size_t begin = 0;  // byte range in the query
  size_t end = 0;
};

class Lexer;
class Subquery;

// Reads queries inside of a filter, for whoever knows queries (filter.h, Subquery).
class SubqueryParser {
 public:
  virtual ~SubqueryParser() = default;
  // Stands on the first token of the query and leaves the lexer on the ')' behind it.
  virtual Result<std::shared_ptr<Subquery>> ParseSubquery(Lexer* lexer) = 0;
};

class Lexer {
 public:
  // `query` must outlive the lexer.
  explicit Lexer(std::string_view query) : query_(query) { Next(); }

  const Token& token() const { return token_; }
  void Next();
  // Takes a value: the current token with all that follows without white space up to one of the
  // symbols in `stops`, as it is written; when nothing follows, the token's text. So a=b, 10:30 and
  // a.b*c are one value where the grammar expects one.
  std::string TakeValue(std::string_view stops);
  // Whether TakeValue finds one: neither the end nor one of `stops`.
  bool IsValue(std::string_view stops) const;
  // Reads the current word again as part of a calculation: + / % ^ & and - are symbols, also inside.
  void RereadAsMath();

  bool AtEnd() const { return token_.kind == Token::Kind::kEnd; }
  bool IsSymbol(char symbol) const {
    return token_.kind == Token::Kind::kSymbol && token_.text[0] == symbol;
  }
  // True for this bare word in any case.
  bool IsKeyword(std::string_view keyword) const;
  bool IsText() const {
    return token_.kind == Token::Kind::kWord || token_.kind == Token::Kind::kQuoted;
  }
  // True when the symbol stands right behind the last token that was taken.
  bool IsSymbolHere(char symbol) const { return IsSymbol(symbol) && !token_.space_before; }
  bool TakeSymbol(char symbol);
  bool TakeKeyword(std::string_view keyword);
  // The token behind the current one.
  Token Peek() const;

  // InvalidArgument "line:column: message" at the current token, or what is wrong with the token
  // itself.
  Status ErrorHere(std::string_view message) const;
  // The same at a byte offset.
  Status ErrorAt(size_t offset, std::string_view message) const;
  // "'token'" or "the end of the query", for messages.
  std::string Found() const;
  // Null: there can be no subqueries. Copies share it.
  SubqueryParser* subquery_parser() const { return subquery_parser_; }
  void set_subquery_parser(SubqueryParser* parser) { subquery_parser_ = parser; }

  std::string_view Slice(size_t begin, size_t end) const {
    return query_.substr(begin, end - begin);
  }

 private:
  void SkipSpace();
  void ReadWord();
  void ReadQuoted(char quote);
  void Bad(std::string_view message);

  std::string_view query_;
  size_t at_ = 0;
  Token token_;
  SubqueryParser* subquery_parser_ = nullptr;
};

// Lower-cases A-Z.
std::string AsciiLower(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace neurallog::filter
