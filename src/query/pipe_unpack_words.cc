// `unpack_words [from field] [as result] [drop_duplicates]`: the words of a value as a JSON array.
#include <set>

#include "base/json_text.h"
#include "index/token.h"
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

Status UnpackWords(std::string_view value, bool drops_duplicates, std::string* to) {
  std::set<std::string_view> seen;
  to->push_back('[');
  for (size_t at = 0; at < value.size();) {
    size_t end = at;
    while (end < value.size() && index::IsWordByte(value[end])) ++end;
    const std::string_view word = value.substr(at, end - at);
    const bool is_wanted = !word.empty() && (!drops_duplicates || seen.insert(word).second);
    if (is_wanted && to->size() > 1) to->push_back(',');
    if (is_wanted) base::AppendJsonString(to, word);
    at = std::max(end, at + 1);
  }
  to->push_back(']');
  return {};
}

}  // namespace

PipeResult ParsePipeUnpackWords(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  ValueRewrite rewrite;
  rewrite.source = MessageField();
  const bool has_from = lexer->TakeKeyword("from");
  const auto is_option = [lexer] {
    return lexer->IsKeyword("as") || lexer->IsKeyword("drop_duplicates");
  };
  if (has_from || (lexer->IsText() && !is_option())) {
    NL_TRY(rewrite.source, ParseFieldName(lexer, "the name of a field after 'unpack_words'"));
  }
  rewrite.target = rewrite.source;
  if (lexer->IsText() && !lexer->IsKeyword("drop_duplicates")) {
    NL_TRY(rewrite.target, ParseResultName(lexer));
  }
  const bool drops_duplicates = lexer->TakeKeyword("drop_duplicates");
  rewrite.type = ValueType::kArray;
  rewrite.function = [drops_duplicates](std::string_view value, std::string* to) {
    return UnpackWords(value, drops_duplicates, to);
  };
  std::string text = "unpack_words from ";
  PrintFieldList(&text, {rewrite.source});
  text += " as ";
  PrintFieldList(&text, {rewrite.target});
  if (drops_duplicates) text += " drop_duplicates";
  return MakeValuePipe(parse.name, std::move(rewrite), std::move(text));
}

}  // namespace neurallog::query
