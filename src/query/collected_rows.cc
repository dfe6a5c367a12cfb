#include "query/collected_rows.h"

#include <algorithm>

#include "filter/filter.h"
#include "query/derived_rows.h"

namespace neurallog::query {
namespace {

// Of the next row; rows before it without a value are filled in.
void AddAt(uint32_t row, const RowVisitor::Value& value, filter::ColumnBuilder* builder,
           uint32_t* rows) {
  for (; *rows < row; ++*rows) builder->AddAbsent();
  builder->Add(value.text, value.type);
  ++*rows;
}

}  // namespace

void CollectedRows::Clear() {
  names_.clear();
  rows_ = 0;
  parts_.clear();
  parts_bytes_ = 0;
  growing_.clear();
}

void CollectedRows::OnColumns(std::span<const std::string_view> names) {
  column_of_.clear();
  for (const std::string_view name : names) {
    const std::string_view stored = filter::StoredName(name);
    const auto at = std::find(names_.begin(), names_.end(), stored);
    column_of_.push_back(static_cast<uint32_t>(at - names_.begin()));
    if (at == names_.end()) names_.emplace_back(stored);
  }
  growing_.resize(names_.size());
}

void CollectedRows::OnRow(std::span<const Value> values) {
  const uint32_t row = rows_ % kRowsPerPart;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].text.empty()) continue;
    Growing& column = growing_[column_of_[i]];
    AddAt(row, values[i], &column.builder, &column.rows);
  }
  if (++rows_ % kRowsPerPart == 0) FinishPart();
}

Status CollectedRows::Finish() {
  if (rows_ % kRowsPerPart != 0) FinishPart();
  return {};
}

void CollectedRows::FinishPart() {
  Part& part = parts_.emplace_back();
  part.rows = (rows_ - 1) % kRowsPerPart + 1;
  for (Growing& column : growing_) {
    auto& finished = part.columns.emplace_back();
    if (column.rows == 0) continue;
    for (; column.rows < part.rows; ++column.rows) column.builder.AddAbsent();
    finished = std::make_shared<const block::Column>(column.builder.Finish());
    parts_bytes_ += finished->memory_bytes();
  }
  growing_ = std::vector<Growing>(names_.size());
}

size_t CollectedRows::memory_bytes() const {
  size_t bytes = parts_bytes_ + rows_ * sizeof(uint32_t);  // also rows without values are something
  for (const Growing& column : growing_) bytes += column.builder.memory_bytes();
  return bytes;
}

const block::Column* CollectedRows::ColumnOf(uint32_t row, size_t column) const {
  const Part& part = parts_[row / kRowsPerPart];
  return column < part.columns.size() ? part.columns[column].get() : nullptr;
}

std::string_view CollectedRows::TextOf(uint32_t row, size_t column) const {
  const block::Column* from = ColumnOf(row, column);
  return from == nullptr ? std::string_view() : from->TextAt(row % kRowsPerPart, nullptr);
}

ValueType CollectedRows::TypeOf(uint32_t row, size_t column) const {
  const block::Column* from = ColumnOf(row, column);
  return from == nullptr ? ValueType::kString : from->TypeAt(row % kRowsPerPart);
}

Batch CollectedRows::MakeBatch(size_t part, MemoryBudget* budget) const {
  auto table = std::make_unique<Table>();
  table->SetRows(parts_[part].rows);
  Batch batch;
  batch.count = parts_[part].rows;
  batch.matched.Reset(batch.count, true);
  batch.rows = std::make_shared<Rows>(std::move(table), filter::Columns::Kind::kTable, budget);
  FieldSet fields(batch);
  for (size_t i = 0; i < parts_[part].columns.size(); ++i) {
    DerivedField field;
    field.column = parts_[part].columns[i];
    if (field.column == nullptr && !is_table_) continue;
    if (field.column == nullptr) field.column = AbsentColumn(batch.count);
    if (names_[i] == filter::kFieldTime)
      if (auto times = ToTimes(*field.column))
        field.column = std::make_shared<const block::Column>(std::move(*times));
    fields.Set(names_[i], std::move(field));
  }
  return Derive(batch, std::move(fields), is_table_);
}

Result<std::shared_ptr<CollectedRows>> ParseCollectedRows(const PipeParse& parse,
                                                          std::string_view behind) {
  filter::Lexer* lexer = parse.lexer;
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected '(' and a query after " + std::string(behind) + ", found " +
                            lexer->Found());
  NL_TRY(Query query, ParseNestedQuery(lexer, parse.options));
  if (!lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected '|' or ')', found " + lexer->Found());
  auto rows = std::make_shared<CollectedRows>(std::move(query));
  parse.options.nested->push_back(rows);
  return rows;
}

}  // namespace neurallog::query
