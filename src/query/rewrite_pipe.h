// Pipes that change fields of each row and keep the rows: their base, and what they share.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/columns.h"
#include "query/condition.h"
#include "query/derived_rows.h"
#include "query/pipe.h"

namespace neurallog::query {

// A longer value ends the query with an error.
inline constexpr size_t kValueBytesMax = 64 << 20;

// A pipe that changes fields. A subclass gives Rewrite, which is called with batches that hold at
// least half of their block's rows, so that columns may be made for the whole block.
class RewritePipe : public Pipe {
 public:
  // Changes *fields, the fields of the batch.
  virtual Status Rewrite(Batch& batch, FieldSet* fields) const = 0;
  // False when _time stays as it is.
  virtual bool may_change_time() const { return false; }
  virtual std::string_view name() const = 0;

  Stage* Start(const StageContext& context, Stage* next) const override;
  bool keeps_rows() const override { return true; }
};

// Makes a column of texts row by row, charged to the query's memory while it grows.
class ColumnMaker {
 public:
  explicit ColumnMaker(MemoryBudget* budget) : budget_(budget) {}
  ~ColumnMaker() { budget_->Release(&charged_); }
  ColumnMaker(const ColumnMaker&) = delete;

  // The empty text is no value.
  Status Add(std::string_view value, ValueType type = ValueType::kString);
  block::Column Finish() { return builder_.Finish(); }

 private:
  MemoryBudget* const budget_;
  filter::ColumnBuilder builder_;
  size_t bytes_ = 0;
  size_t charged_ = 0;
};

// Appends what becomes of a value; an error ends the query. Is called once for each entry of a
// dictionary, and must depend on the value only.
using ValueFunction = std::function<Status(std::string_view value, std::string* to)>;

// A field of one value made of another field's: replace, len, hash, ...
struct ValueRewrite {
  Condition condition;
  FieldPattern source;
  FieldPattern target;
  ValueFunction function;
  ValueType type = ValueType::kString;
};

// Sets the target in all rows that fulfil the condition; the others keep their value.
Status RewriteValues(const ValueRewrite& rewrite, Batch& batch, FieldSet* fields);

// A pipe of one ValueRewrite. `text` is how it prints.
std::unique_ptr<Pipe> MakeValuePipe(std::string_view name, ValueRewrite rewrite, std::string text);

// `name(field) as result`, `name field result`: a result field, the message when none is named, made of
// another field's values.
PipeResult ParseValuePipe(const PipeParse& parse, ValueFunction function, ValueType type);
// What the pipes have in common that change values in place: [at field]; [from field].
Result<FieldPattern> ParseFieldAfter(filter::Lexer* lexer, std::string_view keyword);
// " at field" when it is not the message.
void PrintFieldAfter(std::string* to, std::string_view keyword, const FieldPattern& field);

// The name of one field, no wildcard.
Result<FieldPattern> ParseFieldName(filter::Lexer* lexer, std::string_view expected);
FieldPattern MessageField();
// `as name` or `name`: the field that takes a result.
Result<FieldPattern> ParseResultName(filter::Lexer* lexer);

}  // namespace neurallog::query
