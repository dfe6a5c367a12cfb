#include "rules/row_fields.h"

#include "rules/pipeline.h"

namespace neurallog::rules {

RowFields::RowFields(const std::vector<std::string>& names) : values_(names.size()) {
  for (const std::string& name : names)
    field_of_name_.emplace(name, static_cast<uint32_t>(field_of_name_.size()));
}

void RowFields::Bind(const model::RecordBatch& batch) {
  if (known_.size() > kNamesMax) known_.clear();
  bound_.clear();
  for (const std::string_view name : batch.names()) {
    auto found = known_.find(name);
    if (found == known_.end()) found = known_.emplace(name, FieldsOf(name)).first;
    bound_.push_back(found->second.empty() ? nullptr : &found->second);
  }
}

RowFields::Fields RowFields::FieldsOf(std::string_view name) const {
  Fields fields;
  if (field_of_name_.empty()) return fields;
  for (const std::string& known : BuiltinPipeline().NamesOf(name))
    if (const auto found = field_of_name_.find(known); found != field_of_name_.end())
      fields.push_back(found->second);
  return fields;
}

void RowFields::Load(const char* row) {
  ++epoch_;
  model::RowReader reader(row);
  for (model::Field field; reader.Next(&field);) {
    const Fields* const fields = bound_[field.name_id];
    if (fields == nullptr || field.type == ValueType::kNull) continue;
    for (const uint32_t wanted : *fields)
      if (!has(wanted)) values_[wanted] = {field.value, epoch_};
  }
}

}  // namespace neurallog::rules
