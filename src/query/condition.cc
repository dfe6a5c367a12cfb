#include "query/condition.h"

#include "filter/parser.h"
#include "query/query.h"

namespace neurallog::query {
namespace {

// A row of a batch of which some fields are hidden.
class HiddenFieldsRecord : public filter::RecordView {
 public:
  explicit HiddenFieldsRecord(Batch* batch) : batch_(batch) {}
  void MoveTo(uint32_t row, int64_t timestamp_ns) {
    row_ = row;
    timestamp_ns_ = timestamp_ns;
  }
  int64_t timestamp_ns() const override { return timestamp_ns_; }
  std::string_view Get(std::string_view name) const override {
    const auto column = batch_->Get(name);
    if (!column.ok()) status_ = column.status();
    if (!column.ok() || *column == nullptr) return {};
    if ((*column)->encoding != block::Encoding::kInts) return (*column)->TextAt(row_, nullptr);
    char scratch[24];
    digits_ = (*column)->TextAt(row_, scratch);
    return digits_;
  }
  const Status& status() const { return status_; }

 private:
  Batch* const batch_;
  uint32_t row_ = 0;
  int64_t timestamp_ns_ = 0;
  mutable std::string digits_;
  mutable Status status_;
};

// The batch's rows as a bitmap.
filter::Bitmap RowsOf(const Batch& batch) {
  if (!batch.is_listed) return batch.matched;
  filter::Bitmap rows(batch.rows->columns().rows());
  for (const uint32_t row : batch.list) rows.Set(row);
  return rows;
}

Status MatchVisible(const filter::Program& program, Batch* batch, filter::Bitmap* matched) {
  NL_TRY(const std::span<const int64_t> times, batch->Times());
  HiddenFieldsRecord record(batch);
  matched->Reset(batch->rows->columns().rows(), false);
  for (const uint32_t row : batch->List()) {
    record.MoveTo(row, times.empty() ? std::numeric_limits<int64_t>::min() : times[row]);
    if (program.MatchRecord(record)) matched->Set(row);
  }
  return record.status();
}

}  // namespace

Status MatchRows(const filter::Program& program, Batch* batch, filter::Bitmap* matched) {
  if (batch->projection != nullptr) return MatchVisible(program, batch, matched);
  *matched = RowsOf(*batch);
  return program.Refine(batch->rows->columns(), matched);
}

Result<Condition> Condition::Parse(filter::Lexer* lexer, const ParseOptions& options) {
  Condition condition;
  if (!lexer->IsKeyword("if")) return condition;
  lexer->Next();
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected '(' and a filter after 'if', found " + lexer->Found());
  if (lexer->TakeSymbol(')')) {
    condition.filter_ = filter::MakeFilter(filter::Filter::Kind::kAll);
  } else {
    NL_TRY(condition.filter_, filter::ParseFilter(lexer));
    if (!lexer->TakeSymbol(')'))
      return lexer->ErrorHere("expected ')' behind the filter, found " + lexer->Found());
  }
  NL_TRY(condition.program_,
         filter::Program::Compile(*condition.filter_, {.now_ns = options.now_ns}));
  return condition;
}

void Condition::Print(std::string* to) const {
  if (is_set()) to->append(" if (").append(filter::ToText(*filter_)).append(")");
}

Status Condition::Match(Batch* batch, filter::Bitmap* matched) const {
  if (is_set()) return MatchRows(*program_, batch, matched);
  *matched = RowsOf(*batch);
  return {};
}

}  // namespace neurallog::query
