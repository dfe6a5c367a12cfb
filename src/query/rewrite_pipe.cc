#include "query/rewrite_pipe.h"

#include <optional>

#include "filter/parser.h"

namespace neurallog::query {
namespace {

class RewriteStage : public Stage {
 public:
  RewriteStage(const RewritePipe& pipe, const Interrupt* interrupt, Stage* next)
      : Stage(next), pipe_(pipe), interrupt_(*interrupt) {}

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    if (batch.count == 0) return {};
    Compact(&batch);
    FieldSet fields(batch);
    if (const Status rewritten = pipe_.Rewrite(batch, &fields); !rewritten.ok())
      return rewritten.code() == Code::kResourceExhausted ? rewritten.Annotate(pipe_.name())
                                                          : rewritten;
    batch = Derive(batch, std::move(fields));
    if (const Status charged = batch.rows->Charge(); !charged.ok())
      return charged.Annotate(pipe_.name());
    return next_->Push(std::move(batch));
  }
  TimeRange needed() const override {
    return pipe_.may_change_time() ? TimeRange() : next_->needed();
  }
  Status Advance(int64_t ns) override {
    return pipe_.may_change_time() ? Status() : next_->Advance(ns);
  }

 private:
  const RewritePipe& pipe_;
  const Interrupt& interrupt_;
};

class ValuePipe : public RewritePipe {
 public:
  ValuePipe(std::string_view name, ValueRewrite rewrite, std::string text)
      : name_(name), rewrite_(std::move(rewrite)), text_(std::move(text)) {}

  void Print(std::string* to) const override { to->append(text_); }
  std::string_view name() const override { return name_; }
  bool may_change_time() const override { return rewrite_.target.name == filter::kFieldTime; }
  Status Rewrite(Batch& batch, FieldSet* fields) const override {
    return RewriteValues(rewrite_, batch, fields);
  }

 private:
  const std::string_view name_;
  const ValueRewrite rewrite_;
  const std::string text_;
};

// The values that a function makes of a column's, each entry of a dictionary once.
class FunctionValues {
 public:
  FunctionValues(const ValueFunction& function, FieldReader source)
      : function_(function), source_(std::move(source)) {
    if (source_.column() != nullptr) entries_.resize(source_.column()->entries.size());
  }

  // Valid until the next call.
  Result<std::string_view> Get(uint32_t row) {
    const block::Column* column = source_.column();
    if (column == nullptr || !column->Has(row)) return Fill(&absent_, {});
    if (!entries_.empty()) {
      const size_t entry = column->encoding == block::Encoding::kDict ? column->codes[row] : 0;
      return Fill(&entries_[entry], column->entries[entry]);
    }
    last_.reset();
    return Fill(&last_, source_.Text(row));
  }

 private:
  Result<std::string_view> Fill(std::optional<std::string>* value, std::string_view from) const {
    if (!*value) NL_RETURN_IF_ERROR(function_(from, &value->emplace()));
    return std::string_view(**value);
  }

  const ValueFunction& function_;
  FieldReader source_;
  std::vector<std::optional<std::string>> entries_;
  std::optional<std::string> absent_;
  std::optional<std::string> last_;
};

// With a dictionary that has a value in every row, the result is a dictionary too.
Result<block::Column> MapDictionary(const ValueRewrite& rewrite, const block::Column& from,
                                    MemoryBudget* budget) {
  ColumnMaker maker(budget);
  std::string text;
  for (const std::string_view entry : from.entries) {
    text.clear();
    NL_RETURN_IF_ERROR(rewrite.function(entry, &text));
    NL_RETURN_IF_ERROR(maker.Add(text, rewrite.type));
  }
  block::Column column = maker.Finish();
  for (size_t i = 0; i < from.entries.size(); ++i)
    column.entries.emplace_back(column.bytes.data() + column.offsets[i],
                                column.offsets[i + 1] - column.offsets[i]);
  column.encoding = from.encoding;
  column.offsets.clear();
  column.present.clear();
  column.codes = from.codes;
  column.rows = from.rows;
  return column;
}

}  // namespace

Stage* RewritePipe::Start(const StageContext& context, Stage* next) const {
  return context.Add<RewriteStage>(*this, context.interrupt, next);
}

Status ColumnMaker::Add(std::string_view value, ValueType type) {
  constexpr size_t kBytesPerCharge = 1 << 20;
  constexpr size_t kColumnBytesMax = size_t{2} << 30;  // offsets have 32 bits
  if (value.size() > kValueBytesMax)
    return ResourceExhausted("a value would take more than 64 MiB");
  bytes_ += value.size() + sizeof(uint32_t) + 1;
  if (bytes_ > kColumnBytesMax) return ResourceExhausted("values of a block would take 2 GiB");
  if (value.empty()) {
    builder_.AddAbsent();
  } else {
    builder_.Add(value, type);
  }
  return bytes_ < charged_ + kBytesPerCharge ? Status() : budget_->Charge(&charged_, bytes_);
}

Status RewriteValues(const ValueRewrite& rewrite, Batch& batch, FieldSet* fields) {
  NL_TRY(FieldReader source, FieldReader::Open(batch, rewrite.source.name));
  const bool is_dictionary = source.column() != nullptr && source.column()->present.empty() &&
                             !source.column()->entries.empty() && !rewrite.condition.is_set();
  MemoryBudget* const budget = batch.rows->budget();
  if (is_dictionary) {
    NL_TRY(block::Column mapped, MapDictionary(rewrite, *source.column(), budget));
    fields->Set(rewrite.target.name, std::move(mapped));
    return {};
  }
  filter::Bitmap rows;
  NL_RETURN_IF_ERROR(rewrite.condition.Match(&batch, &rows));
  NL_TRY(FieldReader before, FieldReader::Open(batch, rewrite.target.name));
  FunctionValues values(rewrite.function, std::move(source));
  ColumnMaker maker(budget);
  for (uint32_t row = 0; row < rows.rows(); ++row) {
    if (rows.Test(row)) {
      NL_TRY(const std::string_view value, values.Get(row));
      NL_RETURN_IF_ERROR(maker.Add(value, rewrite.type));
    } else {
      NL_RETURN_IF_ERROR(maker.Add(before.Text(row), before.Type(row)));
    }
  }
  fields->Set(rewrite.target.name, maker.Finish());
  return {};
}

std::unique_ptr<Pipe> MakeValuePipe(std::string_view name, ValueRewrite rewrite, std::string text) {
  return std::make_unique<ValuePipe>(name, std::move(rewrite), std::move(text));
}

PipeResult ParseValuePipe(const PipeParse& parse, ValueFunction function, ValueType type) {
  filter::Lexer* lexer = parse.lexer;
  ValueRewrite rewrite;
  const bool has_parenthesis = lexer->TakeSymbol('(');
  NL_TRY(rewrite.source,
         ParseFieldName(lexer, "the name of a field after '" + std::string(parse.name) + "'"));
  if (has_parenthesis && !lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ')', found " + lexer->Found());
  rewrite.target = MessageField();
  if (lexer->IsText()) {
    NL_TRY(rewrite.target, ParseResultName(lexer));
  }
  rewrite.function = std::move(function);
  rewrite.type = type;
  std::string text(parse.name);
  text += "(";
  PrintFieldList(&text, {rewrite.source});
  text += ") as ";
  PrintFieldList(&text, {rewrite.target});
  return MakeValuePipe(parse.name, std::move(rewrite), std::move(text));
}

Result<FieldPattern> ParseFieldAfter(filter::Lexer* lexer, std::string_view keyword) {
  if (!lexer->TakeKeyword(keyword)) return MessageField();
  return ParseFieldName(lexer, "the name of a field after '" + std::string(keyword) + "'");
}

void PrintFieldAfter(std::string* to, std::string_view keyword, const FieldPattern& field) {
  if (field.name == kFieldMessage) return;
  to->append(" ").append(keyword).append(" ");
  PrintFieldList(to, {field});
}

Result<FieldPattern> ParseFieldName(filter::Lexer* lexer, std::string_view expected) {
  const size_t begin = lexer->token().begin;
  FieldPattern field;
  NL_TRY(field.shown, filter::ParseName(lexer, expected));
  if (lexer->IsSymbolHere('*'))
    return lexer->ErrorAt(begin, "expected " + std::string(expected) + " without a '*'");
  field.name = filter::StoredName(field.shown);
  return field;
}

FieldPattern MessageField() { return {std::string(kFieldMessage), "_msg", false}; }

Result<FieldPattern> ParseResultName(filter::Lexer* lexer) {
  lexer->TakeKeyword("as");
  return ParseFieldName(lexer, "the name of a result");
}

}  // namespace neurallog::query
