// `unroll [if (filter)] [by] (a, b)`: a row per element of the JSON arrays in some fields, side by side; as
// many as the longest has, and one when there is no array.
#include "base/json_value.h"
#include "query/json_print.h"
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

constexpr size_t kUnrolledRowsMax = 16'384;

struct Element {
  std::string text;
  ValueType type = ValueType::kString;
};

ValueType TypeOf(const base::JsonValue& value) {
  using Kind = base::JsonValue::Kind;
  switch (value.kind()) {
    case Kind::kNull: return ValueType::kNull;
    case Kind::kBool: return ValueType::kBool;
    case Kind::kNumber: return ValueType::kNumber;
    case Kind::kString: return ValueType::kString;
    case Kind::kArray: return ValueType::kArray;
    case Kind::kObject: return ValueType::kObject;
  }
  return ValueType::kString;
}

std::vector<Element> ElementsOf(std::string_view text) {
  std::vector<Element> elements;
  if (text.empty() || text[0] != '[') return elements;
  const auto array = base::ParseJson(text);
  if (!array.ok() || array->kind() != base::JsonValue::Kind::kArray) return elements;
  for (const base::JsonValue& item : array->items()) {
    Element& element = elements.emplace_back();
    element.type = TypeOf(item);
    if (element.type == ValueType::kString) {
      element.text = item.text();
    } else {
      AppendJson(&element.text, item);
    }
  }
  return elements;
}

class UnrollStage : public Stage {
 public:
  UnrollStage(const Condition& condition, const std::vector<FieldPattern>& fields,
              const Interrupt* interrupt, Stage* next)
      : Stage(next), condition_(condition), fields_(fields), interrupt_(*interrupt) {}

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    filter::Bitmap matched;
    NL_RETURN_IF_ERROR(condition_.Match(&batch, &matched));
    std::vector<FieldReader> readers(fields_.size());
    for (size_t i = 0; i < fields_.size(); ++i) {
      NL_TRY(readers[i], FieldReader::Open(batch, fields_[i].name));
    }
    Reset(batch);
    for (const uint32_t row : batch.List()) {
      NL_RETURN_IF_ERROR(matched.Test(row) ? Unroll(&readers, row, batch)
                                           : Keep(&readers, row, batch));
    }
    return Flush(batch);
  }

 private:
  void Reset(const Batch& batch) {
    rows_.clear();
    makers_.clear();
    for (size_t i = 0; i < fields_.size(); ++i)
      makers_.push_back(std::make_unique<ColumnMaker>(batch.rows->budget()));
  }

  Status Keep(std::vector<FieldReader>* readers, uint32_t row, const Batch& batch) {
    for (size_t i = 0; i < makers_.size(); ++i)
      NL_RETURN_IF_ERROR(makers_[i]->Add((*readers)[i].Text(row), (*readers)[i].Type(row)));
    rows_.push_back(row);
    return rows_.size() < kUnrolledRowsMax ? Status() : Flush(batch);
  }

  Status Unroll(std::vector<FieldReader>* readers, uint32_t row, const Batch& batch) {
    std::vector<std::vector<Element>> arrays;
    size_t length = 1;
    for (FieldReader& reader : *readers) {
      arrays.push_back(ElementsOf(reader.Text(row)));
      length = std::max(length, arrays.back().size());
    }
    for (size_t i = 0; i < length; ++i) {
      for (size_t k = 0; k < arrays.size(); ++k) {
        const Element none;
        const Element& element = i < arrays[k].size() ? arrays[k][i] : none;
        NL_RETURN_IF_ERROR(makers_[k]->Add(element.text, element.type));
      }
      rows_.push_back(row);
      if (rows_.size() == kUnrolledRowsMax) NL_RETURN_IF_ERROR(Flush(batch));
    }
    return {};
  }

  Status Flush(const Batch& batch) {
    if (rows_.empty()) return {};
    NL_RETURN_IF_ERROR(interrupt_.Check());
    Batch unrolled = DeriveRows(batch, FieldSet(batch), std::move(rows_));
    FieldSet fields(unrolled);
    for (size_t i = 0; i < fields_.size(); ++i) fields.Set(fields_[i].name, makers_[i]->Finish());
    Reset(batch);
    unrolled = Derive(unrolled, std::move(fields));
    NL_RETURN_IF_ERROR(unrolled.rows->Charge().Annotate("unroll"));
    return next_->Push(std::move(unrolled));
  }

  const Condition& condition_;
  const std::vector<FieldPattern>& fields_;
  const Interrupt& interrupt_;
  std::vector<uint32_t> rows_;  // of the batch, one per new row
  std::vector<std::unique_ptr<ColumnMaker>> makers_;
};

class UnrollPipe : public Pipe {
 public:
  UnrollPipe(Condition condition, std::vector<FieldPattern> fields)
      : condition_(std::move(condition)), fields_(std::move(fields)) {}
  void Print(std::string* to) const override {
    to->append("unroll");
    condition_.Print(to);
    to->append(" by (");
    PrintFieldList(to, fields_);
    to->push_back(')');
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<UnrollStage>(condition_, fields_, context.interrupt, next);
  }

 private:
  const Condition condition_;
  const std::vector<FieldPattern> fields_;
};

}  // namespace

PipeResult ParsePipeUnroll(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  NL_TRY(Condition condition, Condition::Parse(lexer, parse.options));
  lexer->TakeKeyword("by");
  const size_t begin = lexer->token().begin;
  std::vector<FieldPattern> fields;
  if (lexer->IsSymbol('(')) {
    NL_TRY(fields, ParseFieldListInParentheses(lexer, "a list of fields after 'unroll'"));
  } else {
    NL_TRY(fields, ParseFieldList(lexer, "the names of fields after 'unroll'"));
  }
  for (const FieldPattern& field : fields)
    if (field.is_prefix) return lexer->ErrorAt(begin, "expected names of fields without a '*'");
  return std::unique_ptr<Pipe>(
      std::make_unique<UnrollPipe>(std::move(condition), std::move(fields)));
}

}  // namespace neurallog::query
