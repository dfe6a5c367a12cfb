// `extract_regexp [if (filter)] "regexp" [from field] [keep_original_fields] [skip_empty_results]`: what
// the named groups (?P<field>...) of the first match hold.
#include <re2/re2.h>

#include "filter/parser.h"
#include "query/unpack_pipe.h"

namespace neurallog::query {
namespace {

class RegexpUnpacker : public Unpacker {
 public:
  explicit RegexpUnpacker(const std::string& pattern) : regexp_(pattern, RE2::Quiet) {}
  const RE2& regexp() const { return regexp_; }

  void Unpack(std::string_view value, std::vector<Cell>* cells) const override {
    std::vector<re2::StringPiece> groups(static_cast<size_t>(regexp_.NumberOfCapturingGroups()) +
                                         1);
    if (!regexp_.Match({value.data(), value.size()}, 0, value.size(), RE2::UNANCHORED,
                       groups.data(), static_cast<int>(groups.size())))
      return;
    for (const auto& [number, name] : regexp_.CapturingGroupNames()) {
      const re2::StringPiece& group = groups[static_cast<size_t>(number)];
      cells->push_back({name, std::string(group.data(), group.size())});
    }
  }

 private:
  const RE2 regexp_;
};

}  // namespace

PipeResult ParsePipeExtractRegexp(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  UnpackSpec spec;
  NL_TRY(spec.condition, Condition::Parse(lexer, parse.options));
  const size_t begin = lexer->token().begin;
  NL_TRY(const std::string pattern, filter::ParseValue(lexer, "a regular expression"));
  auto unpacker = std::make_unique<RegexpUnpacker>(pattern);
  if (!unpacker->regexp().ok())
    return lexer->ErrorAt(begin,
                          "regular expression \"" + pattern + "\": " + unpacker->regexp().error());
  for (const auto& [number, name] : unpacker->regexp().CapturingGroupNames())
    spec.fields.push_back({std::string(filter::StoredName(name)), name, false});
  if (spec.fields.empty())
    return lexer->ErrorAt(begin, "expected a named group such as (?P<name>...)");
  NL_RETURN_IF_ERROR(ParseUnpackSource(lexer, &spec));
  NL_RETURN_IF_ERROR(ParseUnpackOptions(lexer, &spec));
  spec.unpacker = std::move(unpacker);
  spec.head.push_back(' ');
  filter::AppendQuoted(&spec.head, pattern);
  return MakeUnpackPipe(parse.name, std::move(spec));
}

}  // namespace neurallog::query
