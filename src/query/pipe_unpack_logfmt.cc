// `unpack_logfmt [if (filter)] [from field] [fields (a, b*)] [result_prefix p] [keep_original_fields]
// [skip_empty_results]`: the pairs of `a=b c="d e"` as fields. A word without '=' is a field without a
// value, a value without a name is the message.
#include "query/unpack_pipe.h"
#include "query/unquote.h"

namespace neurallog::query {
namespace {

class LogfmtUnpacker : public Unpacker {
 public:
  void Unpack(std::string_view rest, std::vector<Cell>* cells) const override {
    for (SkipSpaces(&rest); !rest.empty(); SkipSpaces(&rest)) {
      const size_t end = std::min(rest.find_first_of(" ="), rest.size());
      Cell cell{std::string(rest.substr(0, end)), {}};
      if (cell.name.empty()) cell.name = kFieldMessage;
      rest.remove_prefix(end);
      if (!rest.empty() && rest[0] == '=') {
        rest.remove_prefix(1);
        cell.value = TakeValue(&rest);
      }
      cells->push_back(std::move(cell));
    }
  }

 private:
  static void SkipSpaces(std::string_view* rest) {
    while (!rest->empty() && rest->front() == ' ') rest->remove_prefix(1);
  }
  static std::string TakeValue(std::string_view* rest) {
    if (auto unquoted = UnquotePrefix(*rest)) {
      rest->remove_prefix(unquoted->length);
      return std::move(unquoted->text);
    }
    const std::string_view value = rest->substr(0, rest->find(' '));
    rest->remove_prefix(value.size());
    return std::string(value);
  }
};

}  // namespace

PipeResult ParsePipeUnpackLogfmt(const PipeParse& parse) {
  UnpackSpec spec;
  NL_TRY(spec.condition, Condition::Parse(parse.lexer, parse.options));
  NL_RETURN_IF_ERROR(ParseUnpackSource(parse.lexer, &spec));
  NL_RETURN_IF_ERROR(ParseUnpackFields(parse.lexer, &spec));
  NL_RETURN_IF_ERROR(ParseUnpackOptions(parse.lexer, &spec));
  spec.unpacker = std::make_unique<LogfmtUnpacker>();
  return MakeUnpackPipe(parse.name, std::move(spec));
}

}  // namespace neurallog::query
