#include "query/batch.h"

#include <algorithm>
#include <numeric>

#include "filter/filter.h"
#include "query/derived_rows.h"

namespace neurallog::query {

bool Projection::Shows(std::string_view stored_name) const {
  return std::all_of(steps.begin(), steps.end(), [&](const Step& step) {
    const bool is_named =
        std::any_of(step.fields.begin(), step.fields.end(),
                    [&](const FieldPattern& field) { return field.Matches(stored_name); });
    return is_named == step.keeps;
  });
}

const std::vector<FieldPattern>* Projection::ordered_fields() const {
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (!step->keeps) continue;
    const bool has_prefix = std::any_of(step->fields.begin(), step->fields.end(),
                                        [](const FieldPattern& field) { return field.is_prefix; });
    return has_prefix ? nullptr : &step->fields;
  }
  return nullptr;
}

Rows::Rows(std::unique_ptr<block::BlockView> view, filter::Columns::Kind kind, MemoryBudget* budget)
    : view_(std::move(view)),
      derived_(nullptr),
      columns_(*view_, kind),
      is_table_(kind == filter::Columns::Kind::kTable),
      budget_(budget) {}

Rows::Rows(std::unique_ptr<DerivedView> view, MemoryBudget* budget)
    : view_(std::move(view)),
      derived_(static_cast<DerivedView*>(view_.get())),
      columns_(*view_, filter::Columns::Kind::kTable),
      is_table_(derived_->is_table()),
      budget_(budget) {}

Result<const block::Column*> Rows::GetOwn(size_t index) {
  return derived_ == nullptr ? columns_.GetAt(index) : derived_->GetOwn(index);
}

Status Rows::Charge() {
  if (derived_ == nullptr) return budget_->Charge(&charged_, columns_.memory_bytes());
  NL_RETURN_IF_ERROR(derived_->ChargeOrigin());
  return budget_->Charge(&charged_, derived_->memory_bytes());
}

const std::vector<uint32_t>& Batch::List() {
  if (is_listed) return list;
  list.reserve(count);
  matched.ForEach([this](uint32_t row) { list.push_back(row); });
  if (newest_first) std::reverse(list.begin(), list.end());
  is_listed = true;
  return list;
}

void Batch::SetList(std::vector<uint32_t> rows_in_order) {
  list = std::move(rows_in_order);
  count = static_cast<uint32_t>(list.size());
  is_listed = true;
}

Result<const block::Column*> Batch::Get(std::string_view stored_name) {
  if (projection != nullptr && !projection->Shows(stored_name))
    return static_cast<const block::Column*>(nullptr);
  return rows->columns().Get(stored_name);
}

std::vector<FieldRef> Batch::Fields() const {
  const block::BlockHeader& header = rows->columns().header();
  const DerivedView* derived = rows->derived();
  const bool has_implied = !rows->is_table() && derived == nullptr;
  const auto is_stream = [](std::string_view name) {
    return name == filter::kFieldStream || name == filter::kFieldStreamId;
  };
  std::vector<FieldRef> fields;
  const auto add = [&](FieldRef field) {
    if (projection == nullptr || projection->Shows(field.name)) fields.push_back(std::move(field));
  };
  const auto* ordered = projection == nullptr ? nullptr : projection->ordered_fields();
  if (ordered != nullptr) {
    for (const FieldPattern& field : *ordered)
      if ((has_implied && is_stream(field.name)) || header.FindColumn(field.name) >= 0)
        add({field.name, field.shown, false});
    return fields;
  }
  for (size_t i = 0; i < header.columns.size(); ++i) {
    const std::string& name = header.columns[i].name;
    if (derived != nullptr) {
      add(derived->field(i));
    } else if (!has_implied || !is_stream(name)) {
      add({name, {}, false});
    }
    if (has_implied && name == filter::kFieldTime) {
      add({std::string(filter::kFieldStreamId), {}, true});
      add({std::string(filter::kFieldStream), {}, true});
    }
  }
  return fields;
}

Result<std::span<const int64_t>> Batch::Times() {
  if (projection != nullptr && !projection->Shows(filter::kFieldTime))
    return std::span<const int64_t>();
  return rows->columns().Times();
}

void Table::AddColumn(std::string name, block::Column column) {
  header_.rows = column.rows;
  header_.columns.emplace_back();
  header_.columns.back().name = std::move(name);
  columns_.push_back(std::move(column));
}

}  // namespace neurallog::query
