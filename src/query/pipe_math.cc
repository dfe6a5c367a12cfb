// `math expression [as] result, ...` (`eval`): numbers calculated from other fields, one after the other.
#include <cmath>

#include "filter/parser.h"
#include "query/math_expression.h"
#include "query/query.h"
#include "query/rewrite_pipe.h"
#include "query/value.h"

namespace neurallog::query {
namespace {

struct MathEntry {
  std::unique_ptr<MathExpression> expression;
  FieldPattern result;
};

class MathPipe : public RewritePipe {
 public:
  explicit MathPipe(std::vector<MathEntry> entries) : entries_(std::move(entries)) {}

  std::string_view name() const override { return "math"; }
  bool may_change_time() const override {
    return std::any_of(entries_.begin(), entries_.end(), [](const MathEntry& entry) {
      return entry.result.name == filter::kFieldTime;
    });
  }
  void Print(std::string* to) const override {
    to->append("math");
    for (size_t i = 0; i < entries_.size(); ++i) {
      to->append(i == 0 ? " (" : ", (");
      entries_[i].expression->Print(to);
      to->append(") as ");
      PrintFieldList(to, {entries_[i].result});
    }
  }
  Status ChangeLabels(std::vector<std::string>* labels) const override {
    for (const MathEntry& entry : entries_)
      NL_RETURN_IF_ERROR(CheckNoLabel(*labels, entry.result.name, name()));
    return {};
  }
  Status Rewrite(Batch& batch, FieldSet* fields) const override {
    for (const MathEntry& entry : entries_) {
      NL_TRY(const std::vector<double> values,
             entry.expression->Evaluate(batch, *fields, batch.List()));
      ColumnMaker maker(batch.rows->budget());
      std::vector<double> of_row(batch.rows->columns().rows());
      for (size_t i = 0; i < values.size(); ++i) of_row[batch.List()[i]] = values[i];
      for (const double value : of_row)
        NL_RETURN_IF_ERROR(maker.Add(FormatNumber(value),
                                     std::isfinite(value) ? ValueType::kNumber : ValueType::kNull));
      fields->Set(entry.result.name, maker.Finish());
    }
    return {};
  }

 private:
  const std::vector<MathEntry> entries_;
};

}  // namespace

PipeResult ParsePipeMath(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  std::vector<MathEntry> entries;
  do {
    MathEntry& entry = entries.emplace_back();
    NL_TRY(entry.expression, ParseMath(lexer, parse.options.now_ns));
    if (lexer->IsText()) {
      NL_TRY(entry.result, ParseResultName(lexer));
    } else {
      entry.expression->Print(&entry.result.shown);
      entry.result.name = entry.result.shown;
    }
  } while (lexer->TakeSymbol(','));
  return std::unique_ptr<Pipe>(std::make_unique<MathPipe>(std::move(entries)));
}

}  // namespace neurallog::query
