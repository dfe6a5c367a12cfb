// `format [if (filter)] "text <field> <option:field>" [as result] [keep_original_fields]
// [skip_empty_results]`: a text made of other fields.
#include "filter/parser.h"
#include "query/format_value.h"
#include "query/pattern.h"
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

struct FormatSpec {
  Condition condition;
  std::string pattern;
  std::vector<PatternStep> steps;
  std::vector<const ValueFormat*> formats;  // of each step; null: as it is
  FieldPattern result;
  bool keeps_original = false;
  bool skips_empty = false;
};

class FormatPipe : public RewritePipe {
 public:
  explicit FormatPipe(FormatSpec spec) : spec_(std::move(spec)) {}

  std::string_view name() const override { return "format"; }
  bool may_change_time() const override { return spec_.result.name == filter::kFieldTime; }
  void Print(std::string* to) const override {
    to->append("format");
    spec_.condition.Print(to);
    to->push_back(' ');
    filter::AppendQuoted(to, spec_.pattern);
    PrintFieldAfter(to, "as", spec_.result);
    if (spec_.keeps_original) to->append(" keep_original_fields");
    if (spec_.skips_empty) to->append(" skip_empty_results");
  }

  Status ChangeLabels(std::vector<std::string>* labels) const override {
    NL_RETURN_IF_ERROR(CheckNoLabel(*labels, spec_.result.name, name()));
    labels->push_back(spec_.result.name);
    return {};
  }

  Status Rewrite(Batch& batch, FieldSet* fields) const override {
    filter::Bitmap rows;
    NL_RETURN_IF_ERROR(spec_.condition.Match(&batch, &rows));
    NL_TRY(std::vector<FieldReader> readers, OpenReaders(batch));
    NL_TRY(FieldReader before, FieldReader::Open(batch, spec_.result.name));
    ColumnMaker maker(batch.rows->budget());
    std::string text;
    for (uint32_t row = 0; row < rows.rows(); ++row) {
      text.clear();
      bool is_kept = !rows.Test(row) || (spec_.keeps_original && !before.Text(row).empty());
      if (!is_kept) NL_RETURN_IF_ERROR(Format(&readers, row, &text));
      is_kept |= spec_.skips_empty && text.empty();
      NL_RETURN_IF_ERROR(is_kept ? maker.Add(before.Text(row), before.Type(row)) : maker.Add(text));
    }
    fields->Set(spec_.result.name, maker.Finish());
    return {};
  }

 private:
  Result<std::vector<FieldReader>> OpenReaders(Batch& batch) const {
    std::vector<FieldReader> readers(spec_.steps.size());
    for (size_t i = 0; i < readers.size(); ++i) {
      if (spec_.steps[i].field.empty()) continue;
      NL_TRY(readers[i], FieldReader::Open(batch, spec_.steps[i].field));
    }
    return readers;
  }

  Status Format(std::vector<FieldReader>* readers, uint32_t row, std::string* to) const {
    for (size_t i = 0; i < spec_.steps.size(); ++i) {
      to->append(spec_.steps[i].literal);
      const std::string_view value = (*readers)[i].Text(row);
      if (spec_.formats[i] == nullptr) {
        to->append(value);
      } else {
        spec_.formats[i]->append(value, to);
      }
      if (to->size() > kValueBytesMax)
        return ResourceExhausted("a value would take more than 64 MiB");
    }
    return {};
  }

  const FormatSpec spec_;
};

}  // namespace

PipeResult ParsePipeFormat(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  FormatSpec spec;
  NL_TRY(spec.condition, Condition::Parse(lexer, parse.options));
  const size_t begin = lexer->token().begin;
  NL_TRY(spec.pattern, filter::ParseValue(lexer, "a text with placeholders such as \"<field>\""));
  auto steps = ParsePattern(spec.pattern, ValueFormatNames());
  if (!steps.ok()) return lexer->ErrorAt(begin, steps.status().message());
  spec.steps = std::move(*steps);
  for (const PatternStep& step : spec.steps) spec.formats.push_back(FindValueFormat(step.option));
  spec.result = MessageField();
  const auto is_option = [lexer] {
    return lexer->IsKeyword("keep_original_fields") || lexer->IsKeyword("skip_empty_results");
  };
  if (lexer->IsText() && !is_option()) {
    if (!lexer->IsKeyword("as"))
      return lexer->ErrorHere("expected 'as' behind the text, found " + lexer->Found());
    NL_TRY(spec.result, ParseResultName(lexer));
  }
  spec.keeps_original = lexer->TakeKeyword("keep_original_fields");
  spec.skips_empty = lexer->TakeKeyword("skip_empty_results");
  return std::unique_ptr<Pipe>(std::make_unique<FormatPipe>(std::move(spec)));
}

}  // namespace neurallog::query
