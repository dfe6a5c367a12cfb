#include "query/row_visitor.h"

#include "base/time_format.h"
#include "query/row_writer.h"

namespace neurallog::query {
namespace {

class VisitingWriter : public RowWriter {
 public:
  explicit VisitingWriter(RowVisitor* visitor, MemoryBudget* budget)
      : visitor_(visitor), budget_(budget) {
    visitor_->Clear();
  }
  ~VisitingWriter() override { budget_->Release(&charged_); }

  Status Prepare(Batch& batch) override {
    NL_RETURN_IF_ERROR(budget_->Charge(&charged_, visitor_->memory_bytes()));
    if (rows_ == batch.rows && projection_ == batch.projection) return {};
    rows_ = batch.rows;
    projection_ = batch.projection;
    NL_TRY(columns_, FindShownColumns(batch, /*with_stream=*/true));
    std::vector<std::string_view> names;
    for (const ShownColumn& column : columns_) names.push_back(NameOf(column));
    texts_.resize(columns_.size());
    values_.resize(columns_.size());
    visitor_->OnColumns(names);
    return rows_->Charge();
  }

  void Write(uint32_t row, std::string*) override {
    for (size_t i = 0; i < columns_.size(); ++i) values_[i] = Read(columns_[i], row, &texts_[i]);
    visitor_->OnRow(values_);
  }

 private:
  static constexpr size_t kScratchBytes = 24;

  static std::string_view NameOf(const ShownColumn& column) {
    if (!column.shown.empty()) return column.shown;
    return column.name == kFieldMessage ? std::string_view("_msg") : column.name;
  }

  static RowVisitor::Value Read(const ShownColumn& shown, uint32_t row, std::string* text) {
    const block::Column* column = shown.column;
    if (column == nullptr || !column->Has(row)) return {};
    text->clear();
    if (shown.is_time) {
      base::AppendRfc3339(text, column->ints[row]);
      return {*text, ValueType::kString, /*is_there=*/true};
    }
    text->resize(kScratchBytes);
    return {column->TextAt(row, text->data()), column->TypeAt(row), /*is_there=*/true};
  }

  RowVisitor* const visitor_;
  MemoryBudget* const budget_;
  size_t charged_ = 0;
  std::shared_ptr<Rows> rows_;
  std::shared_ptr<const Projection> projection_;
  std::vector<ShownColumn> columns_;
  std::vector<std::string> texts_;  // what values_ point to when it is made here
  std::vector<RowVisitor::Value> values_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeVisitingWriter(RowVisitor* visitor, MemoryBudget* budget) {
  return std::make_unique<VisitingWriter>(visitor, budget);
}

}  // namespace neurallog::query
