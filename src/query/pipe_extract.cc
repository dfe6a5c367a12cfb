// `extract [if (filter)] "text<field>text<field>" [from field] [keep_original_fields]
// [skip_empty_results]`: what stands where the pattern has its placeholders. A quoted value is taken
// without its quotes unless the placeholder says <plain:field>.
#include "filter/parser.h"
#include "query/pattern.h"
#include "query/unpack_pipe.h"
#include "query/unquote.h"

namespace neurallog::query {
namespace {

class PatternUnpacker : public Unpacker {
 public:
  explicit PatternUnpacker(std::vector<PatternStep> steps) : steps_(std::move(steps)) {}

  void Unpack(std::string_view rest, std::vector<Cell>* cells) const override {
    const size_t begin = rest.find(steps_[0].literal);
    if (begin == std::string_view::npos) return;
    rest.remove_prefix(begin + steps_[0].literal.size());
    for (size_t i = 0; i < steps_.size(); ++i) {
      const std::string_view next =
          i + 1 < steps_.size() ? std::string_view(steps_[i + 1].literal) : std::string_view();
      if (auto unquoted = steps_[i].option == "plain" ? std::nullopt : UnquotePrefix(rest)) {
        AddCell(i, std::move(unquoted->text), cells);
        rest.remove_prefix(unquoted->length);
        if (rest.substr(0, next.size()) != next) return;
      } else {
        const size_t end = next.empty() ? rest.size() : rest.find(next);
        if (end == std::string_view::npos) return;
        AddCell(i, std::string(rest.substr(0, end)), cells);
        rest.remove_prefix(end);
      }
      rest.remove_prefix(next.size());
    }
  }

 private:
  void AddCell(size_t step, std::string value, std::vector<Cell>* cells) const {
    if (!steps_[step].field.empty()) cells->push_back({steps_[step].field, std::move(value)});
  }

  const std::vector<PatternStep> steps_;
};

// Placeholders need text between them, and one of them a name.
Status CheckSteps(const filter::Lexer& lexer, size_t begin, const std::vector<PatternStep>& steps) {
  bool has_name = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    has_name |= !steps[i].field.empty();
    if (i > 0 && steps[i].literal.empty())
      return lexer.ErrorAt(begin, "expected text between two placeholders");
  }
  if (!has_name) return lexer.ErrorAt(begin, "expected a placeholder such as <name>");
  return {};
}

}  // namespace

PipeResult ParsePipeExtract(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  UnpackSpec spec;
  NL_TRY(spec.condition, Condition::Parse(lexer, parse.options));
  const size_t begin = lexer->token().begin;
  constexpr std::string_view kStops = ",()|";
  if (!lexer->IsValue(kStops))
    return lexer->ErrorHere("expected a pattern such as \"ip=<ip> \", found " + lexer->Found());
  const std::string text = lexer->TakeValue(kStops);
  auto steps = ParsePattern(text, {"plain"});
  if (!steps.ok()) return lexer->ErrorAt(begin, steps.status().message());
  NL_RETURN_IF_ERROR(CheckSteps(*lexer, begin, *steps));
  for (const PatternStep& step : *steps)
    if (!step.field.empty()) spec.fields.push_back({step.field, step.field, false});
  NL_RETURN_IF_ERROR(ParseUnpackSource(lexer, &spec));
  NL_RETURN_IF_ERROR(ParseUnpackOptions(lexer, &spec));
  spec.unpacker = std::make_unique<PatternUnpacker>(std::move(*steps));
  spec.head.push_back(' ');
  filter::AppendQuoted(&spec.head, text);
  return MakeUnpackPipe(parse.name, std::move(spec));
}

}  // namespace neurallog::query
