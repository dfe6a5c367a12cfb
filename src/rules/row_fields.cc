#include "rules/row_fields.h"

#include "rules/pipeline.h"

namespace neurallog::rules {

RowFields::RowFields(const std::vector<WantedField>& wanted) : values_(wanted.size()) {
  for (uint32_t field = 0; field < wanted.size(); ++field) {
    places_of_name_[wanted[field].name].push_back({field, false});
    for (const std::string& name : wanted[field].instead)
      places_of_name_[name].push_back({field, true});
  }
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
  if (places_of_name_.empty()) return fields;
  for (const std::string& known : BuiltinPipeline().NamesOf(name))
    if (const auto found = places_of_name_.find(known); found != places_of_name_.end())
      fields.insert(fields.end(), found->second.begin(), found->second.end());
  return fields;
}

void RowFields::Load(const char* row) {
  ++epoch_;
  model::RowReader reader(row);
  for (model::Field field; reader.Next(&field);) {
    const Fields* const fields = bound_[field.name_id];
    if (fields == nullptr || field.type == ValueType::kNull) continue;
    for (const auto& [wanted, stands_in] : *fields)
      if (!has(wanted) || (values_[wanted].stands_in && !stands_in))
        values_[wanted] = {field.value, epoch_, stands_in};
  }
}

}  // namespace neurallog::rules
