// `unpack_syslog [if (filter)] [from field] [offset 2h] [result_prefix p] [keep_original_fields]
// [skip_empty_results]`: the parts of a syslog message (syslog_message.h) as fields.
#include "filter/number.h"
#include "filter/parser.h"
#include "query/query.h"
#include "query/syslog_message.h"
#include "query/unpack_pipe.h"

namespace neurallog::query {
namespace {

class SyslogUnpacker : public Unpacker {
 public:
  SyslogUnpacker(int64_t now_ns, int64_t offset_ns) : now_ns_(now_ns), offset_ns_(offset_ns) {}
  void Unpack(std::string_view value, std::vector<Cell>* cells) const override {
    ParseSyslog(value, now_ns_, offset_ns_, [cells](std::string_view name, std::string_view text) {
      cells->push_back({std::string(name), std::string(text)});
    });
  }

 private:
  const int64_t now_ns_;
  const int64_t offset_ns_;
};

}  // namespace

PipeResult ParsePipeUnpackSyslog(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  UnpackSpec spec;
  NL_TRY(spec.condition, Condition::Parse(lexer, parse.options));
  NL_RETURN_IF_ERROR(ParseUnpackSource(lexer, &spec));
  int64_t offset_ns = 0;
  if (lexer->TakeKeyword("offset")) {
    const size_t begin = lexer->token().begin;
    NL_TRY(const std::string text, filter::ParseValue(lexer, "a duration after 'offset'"));
    filter::Number offset;
    if (!filter::ParseNumber(text, &offset) || !offset.is_int)
      return lexer->ErrorAt(begin, "expected a duration after 'offset', found '" + text + "'");
    offset_ns = offset.int_value;
    spec.tail.append(" offset ").append(text);
  }
  NL_RETURN_IF_ERROR(ParseUnpackOptions(lexer, &spec));
  spec.unpacker = std::make_unique<SyslogUnpacker>(parse.options.now_ns, offset_ns);
  return MakeUnpackPipe(parse.name, std::move(spec));
}

}  // namespace neurallog::query
