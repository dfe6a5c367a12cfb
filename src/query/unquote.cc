#include "query/unquote.h"

#include "filter/lexer.h"

namespace neurallog::query {

std::optional<Unquoted> UnquotePrefix(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '`')) return std::nullopt;
  size_t end = 1;
  while (end < text.size() && text[end] != text[0])
    end += text[0] == '"' && text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return std::nullopt;
  // The language's own quotes have the same escapes.
  const filter::Lexer lexer(text.substr(0, end + 1));
  if (lexer.token().kind != filter::Token::Kind::kQuoted) return std::nullopt;
  return Unquoted{lexer.token().text, end + 1};
}

}  // namespace neurallog::query
