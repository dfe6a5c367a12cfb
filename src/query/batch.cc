#include "query/batch.h"

#include <algorithm>
#include <numeric>

#include "filter/filter.h"

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
