// `decolorize [field]`: without ANSI escape sequences (ESC [ parameters letter), which colour texts.
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

// The length of the sequence at text[at], 0 when there is none.
size_t SequenceLength(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "\x1b[") return 0;
  size_t end = at + 2;
  while (end < text.size() && text[end] >= 0x20 && text[end] <= 0x3f) ++end;
  const bool is_complete = end < text.size() && text[end] >= 0x40 && text[end] <= 0x7e;
  return is_complete ? end + 1 - at : 0;
}

Status Decolorize(std::string_view value, std::string* to) {
  for (size_t at = 0; at < value.size();) {
    const size_t escape = std::min(value.find('\x1b', at), value.size());
    to->append(value.substr(at, escape - at));
    if (escape == value.size()) break;
    const size_t length = SequenceLength(value, escape);
    if (length == 0) to->push_back('\x1b');
    at = escape + std::max<size_t>(length, 1);
  }
  return {};
}

}  // namespace

PipeResult ParsePipeDecolorize(const PipeParse& parse) {
  ValueRewrite rewrite;
  rewrite.source = MessageField();
  if (parse.lexer->IsText()) {
    NL_TRY(rewrite.source, ParseFieldName(parse.lexer, "the name of a field after 'decolorize'"));
  }
  rewrite.target = rewrite.source;
  rewrite.function = Decolorize;
  std::string text = "decolorize ";
  PrintFieldList(&text, {rewrite.source});
  return MakeValuePipe(parse.name, std::move(rewrite), std::move(text));
}

}  // namespace neurallog::query
