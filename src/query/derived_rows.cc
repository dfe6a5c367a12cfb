#include "query/derived_rows.h"

#include <algorithm>
#include <numeric>

#include "base/time_format.h"
#include "filter/filter.h"

namespace neurallog::query {
namespace {

bool IsTimeColumn(std::string_view name, const block::Column& column) {
  return name == filter::kFieldTime && column.encoding == block::Encoding::kInts;
}

// Numbers in a field named _time that are no times would be printed as times.
block::Column ToTexts(const block::Column& from) {
  filter::ColumnBuilder builder;
  char scratch[24];
  for (uint32_t row = 0; row < from.rows; ++row) {
    if (from.Has(row)) {
      builder.Add(from.TextAt(row, scratch), from.TypeAt(row));
    } else {
      builder.AddAbsent();
    }
  }
  return builder.Finish();
}

block::Column ToTimeColumn(block::Column column) {
  if (column.encoding == block::Encoding::kInts) return ToTexts(column);
  auto times = ToTimes(column);
  return times ? std::move(*times) : std::move(column);
}

std::vector<uint64_t> GatherPresent(const block::Column& from, const std::vector<uint32_t>& rows) {
  std::vector<uint64_t> present;
  if (from.present.empty()) return present;
  present.resize((rows.size() + 63) / 64);
  for (size_t i = 0; i < rows.size(); ++i)
    if (from.Has(rows[i])) present[i / 64] |= uint64_t{1} << (i % 64);
  return present;
}

void GatherStrings(const block::Column& from, const std::vector<uint32_t>& rows,
                   block::Column* to) {
  to->encoding = block::Encoding::kStrings;
  to->offsets.reserve(rows.size() + 1);
  to->offsets.push_back(0);
  for (const uint32_t row : rows) {
    to->bytes.Append(from.TextAt(row, nullptr));
    to->offsets.push_back(static_cast<uint32_t>(to->bytes.size()));
  }
}

}  // namespace

std::shared_ptr<const block::Column> AbsentColumn(uint32_t rows) {
  filter::ColumnBuilder builder;
  for (uint32_t row = 0; row < rows; ++row) builder.AddAbsent();
  return std::make_shared<const block::Column>(builder.Finish());
}

std::optional<block::Column> ToTimes(const block::Column& from) {
  if (from.encoding == block::Encoding::kInts) return std::nullopt;
  block::Column column;
  column.encoding = block::Encoding::kInts;
  column.uniform_type = ValueType::kNumber;
  column.rows = from.rows;
  column.present = from.present;
  column.ints.resize(from.rows);
  char scratch[24];
  for (uint32_t row = 0; row < from.rows; ++row) {
    if (!from.Has(row)) continue;
    const auto ns = base::ParseRfc3339(from.TextAt(row, scratch));
    if (!ns) return std::nullopt;
    column.ints[row] = *ns;
  }
  return column;
}

FieldSet::FieldSet(const Batch& batch) {
  for (FieldRef& field : batch.Fields()) {
    DerivedField& added = fields_.emplace_back();
    added.origin = field.name;
    static_cast<FieldRef&>(added) = std::move(field);
  }
  // What a fields pipe named has its name and place also where no row has it.
  const auto* ordered = batch.projection == nullptr ? nullptr : batch.projection->ordered_fields();
  if (ordered == nullptr) return;
  for (size_t i = 0; i < ordered->size(); ++i) {
    const FieldPattern& pattern = (*ordered)[i];
    if (!batch.projection->Shows(pattern.name) || Find(pattern.name) != nullptr) continue;
    DerivedField absent;
    absent.name = pattern.name;
    absent.shown = pattern.shown;
    absent.column = AbsentColumn(batch.rows->columns().rows());
    fields_.insert(fields_.begin() + static_cast<ptrdiff_t>(std::min(i, fields_.size())),
                   std::move(absent));
  }
}

const DerivedField* FieldSet::Find(std::string_view name) const {
  const auto at = std::find_if(fields_.begin(), fields_.end(),
                               [name](const DerivedField& field) { return field.name == name; });
  return at == fields_.end() ? nullptr : &*at;
}

void FieldSet::Set(std::string_view name, block::Column column) {
  DerivedField field;
  if (name == filter::kFieldTime) column = ToTimeColumn(std::move(column));
  field.column = std::make_shared<const block::Column>(std::move(column));
  Set(name, std::move(field));
}

void FieldSet::Set(std::string_view name, DerivedField field) {
  field.name = name;
  field.is_implied = false;
  const auto at = std::find_if(fields_.begin(), fields_.end(),
                               [name](const DerivedField& other) { return other.name == name; });
  if (at != fields_.end()) {
    field.shown = at->shown;
    *at = std::move(field);
  } else {
    field.shown.clear();
    fields_.insert(name == filter::kFieldTime ? fields_.begin() : fields_.end(), std::move(field));
  }
}

void FieldSet::Remove(std::string_view name) {
  std::erase_if(fields_, [name](const DerivedField& field) { return field.name == name; });
}

DerivedView::DerivedView(std::shared_ptr<Rows> from, FieldSet fields, std::vector<uint32_t> rows,
                         bool is_table)
    : from_(std::move(from)),
      fields_(fields.fields()),
      rows_(std::move(rows)),
      is_table_(is_table) {
  const auto time = std::find_if(fields_.begin(), fields_.end(), [](const DerivedField& field) {
    return field.name == filter::kFieldTime;
  });
  if (time != fields_.end()) std::rotate(fields_.begin(), time, time + 1);
  header_.rows = rows_.empty() ? from_->columns().rows() : static_cast<uint32_t>(rows_.size());
  header_.columns.resize(fields_.size());
  memory_bytes_ = sizeof(*this) + rows_.capacity() * sizeof(uint32_t) +
                  fields_.size() * (sizeof(DerivedField) + sizeof(block::ColumnMeta));
  own_.resize(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i) {
    header_.columns[i].name = fields_[i].name;
    if (fields_[i].column != nullptr) memory_bytes_ += fields_[i].column->memory_bytes();
  }
  header_.IndexNames();
}

Result<const block::Column*> DerivedView::GetColumn(size_t index) {
  const DerivedField& field = fields_[index];
  if (own_[index] != nullptr) return own_[index].get();
  const block::Column* column = field.column.get();
  if (column == nullptr) {
    NL_TRY(column, from_->columns().Get(field.origin));
  }
  if (column == nullptr) return Internal("field '" + field.origin + "' has gone");
  if (rows_.empty()) return column;
  own_[index] = std::make_shared<const block::Column>(Gather(*column, rows_));
  memory_bytes_ += own_[index]->memory_bytes();
  return own_[index].get();
}

Result<const block::Column*> DerivedView::GetOwn(size_t index) {
  const DerivedField& field = fields_[index];
  if (field.column != nullptr || !field.is_implied) return GetColumn(index);
  const int at = from_->columns().header().FindColumn(field.origin);
  if (at < 0) return static_cast<const block::Column*>(nullptr);
  NL_TRY(const block::Column* column, from_->GetOwn(static_cast<size_t>(at)));
  if (column == nullptr || rows_.empty()) return column;
  own_.push_back(std::make_shared<const block::Column>(Gather(*column, rows_)));
  memory_bytes_ += own_.back()->memory_bytes();
  return own_.back().get();
}

Batch Derive(const Batch& batch, FieldSet fields) {
  return Derive(batch, std::move(fields), batch.rows->is_table());
}

Batch Derive(const Batch& batch, FieldSet fields, bool is_table) {
  Batch derived = batch;
  derived.projection = nullptr;
  derived.rows =
      std::make_shared<Rows>(std::make_unique<DerivedView>(batch.rows, std::move(fields),
                                                           std::vector<uint32_t>(), is_table),
                             batch.rows->budget());
  return derived;
}

Batch DeriveRows(const Batch& batch, FieldSet fields, std::vector<uint32_t> rows) {
  Batch derived;
  derived.count = static_cast<uint32_t>(rows.size());
  derived.matched.Reset(derived.count, true);
  derived.rows =
      std::make_shared<Rows>(std::make_unique<DerivedView>(batch.rows, std::move(fields),
                                                           std::move(rows), batch.rows->is_table()),
                             batch.rows->budget());
  return derived;
}

void Compact(Batch* batch) {
  const bool is_dense =
      !batch->is_listed && uint64_t{batch->count} * 2 >= batch->rows->columns().rows();
  if (is_dense || batch->count == 0) return;
  *batch = DeriveRows(*batch, FieldSet(*batch), batch->List());
}

block::Column Gather(const block::Column& from, const std::vector<uint32_t>& rows) {
  block::Column to;
  to.encoding = from.encoding;
  to.rows = static_cast<uint32_t>(rows.size());
  to.present = GatherPresent(from, rows);
  to.uniform_type = from.uniform_type;
  const bool has_entries =
      from.encoding == block::Encoding::kConst || from.encoding == block::Encoding::kDict;
  if (has_entries) {
    to.types = from.types;
    to.entries = from.entries;
  } else if (!from.types.empty()) {
    for (const uint32_t row : rows) to.types.push_back(from.types[row]);
  }
  if (from.encoding == block::Encoding::kDict) {
    for (const uint32_t row : rows) to.codes.push_back(from.codes[row]);
  } else if (from.encoding == block::Encoding::kInts) {
    for (const uint32_t row : rows) to.ints.push_back(from.ints[row]);
  } else if (!has_entries) {
    GatherStrings(from, rows, &to);
  }
  return to;
}

Result<FieldReader> FieldReader::Open(Batch& batch, std::string_view name) {
  NL_TRY(const block::Column* column, batch.Get(name));
  FieldReader reader(column, column != nullptr && IsTimeColumn(name, *column));
  if (column != nullptr && column->encoding == block::Encoding::kDict)
    reader.numbers_ = batch.rows->columns().EntryNumbersOf(name);
  return reader;
}

Result<FieldReader> FieldReader::Open(Batch& batch, const FieldSet& fields, std::string_view name) {
  const DerivedField* field = fields.Find(name);
  if (field == nullptr) return FieldReader();
  if (field->column == nullptr) return Open(batch, field->origin);
  return FieldReader(field->column.get(), IsTimeColumn(name, *field->column));
}

std::string_view FieldReader::TimeText(uint32_t row) {
  time_text_.clear();
  base::AppendRfc3339(&time_text_, column_->ints[row]);
  return time_text_;
}

}  // namespace neurallog::query
