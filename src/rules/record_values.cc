#include "rules/record_values.h"

#include <algorithm>

#include "base/time_format.h"
#include "rules/case_fold.h"
#include "rules/json_elements.h"

namespace neurallog::rules {

RecordValues::RecordValues(const RuleSet& set) : set_(set), heads_(set.fields()) {}

void RecordValues::Bind(const model::RecordBatch& batch) {
  if (binding_of_name_.size() > kNamesMax) {
    binding_of_name_.clear();
    bindings_.clear();
  }
  name_bindings_.clear();
  for (const std::string_view name : batch.names()) {
    auto found = binding_of_name_.find(name);
    if (found == binding_of_name_.end()) {
      const auto next = static_cast<uint32_t>(bindings_.size());
      bindings_.push_back(set_.BindingsOf(name));
      found = binding_of_name_.emplace(name, next).first;
    }
    name_bindings_.push_back(found->second);
  }
}

void RecordValues::BeginRow() {
  row_values_.clear();
  values_.clear();
  folded_used_ = 0;
  unescaped_used_ = 0;
  if (++epoch_ != 0) return;
  std::fill(heads_.begin(), heads_.end(), Head());
  epoch_ = 1;
}

void RecordValues::Load(const char* row) {
  BeginRow();
  model::RowReader reader(row);
  for (model::Field field; reader.Next(&field);) {
    const uint32_t binding = name_bindings_[field.name_id];
    if (bindings_[binding].empty() && !set_.needs_all_values()) continue;
    if (field.type == ValueType::kArray) AddElements(binding, field.value);
    else if (field.type != ValueType::kNull) AddRowValue(binding, field.value);
  }
  if (set_.time_field() != CompiledTest::kAnyField) AddTime(reader.timestamp_ns());
}

void RecordValues::AddTime(int64_t ns) {
  time_text_.clear();
  base::AppendRfc3339(&time_text_, ns);
  AddValue(set_.time_field(), time_text_, /*is_own_name=*/false);
}

void RecordValues::AddElements(uint32_t binding, std::string_view list) {
  if (list.empty()) return;
  std::string_view rest = list.substr(1);
  for (JsonElement element; NextElement(&rest, &element);) {
    if (element.is_null) continue;
    if (!element.has_escapes) {
      AddRowValue(binding, element.text);
      continue;
    }
    if (unescaped_used_ == unescaped_.size()) unescaped_.push_back(std::make_unique<std::string>());
    std::string* const text = unescaped_[unescaped_used_++].get();
    Unescape(element.text, text);
    AddRowValue(binding, *text);
  }
}

void RecordValues::AddRowValue(uint32_t binding, std::string_view raw) {
  if (set_.alias_sets() != 0) row_values_.push_back({raw, binding});
  bool is_own_name = true;
  for (const RuleSet::Binding& to : bindings_[binding]) {
    if (to.aliases != RouteTable::kNoAliases) continue;
    AddValue(to.field, raw, is_own_name);
    is_own_name = false;
  }
  if (is_own_name && set_.needs_all_values()) AddValue(kNoField, raw, is_own_name);
}

void RecordValues::AddAliases(int32_t set) {
  for (const RowValue& value : row_values_)
    for (const RuleSet::Binding& to : bindings_[value.binding])
      if (to.aliases == set) AddValue(to.field, value.raw, /*is_own_name=*/false);
}

void RecordValues::AddValue(uint32_t field, std::string_view raw, bool is_own_name) {
  const auto value = static_cast<uint32_t>(values_.size());
  const uint32_t next = field == kNoField ? kNone : first(field);
  values_.push_back({raw, field, next, kNone, 0, is_own_name});
  if (field != kNoField) heads_[field] = {epoch_, value};
}

std::string_view RecordValues::folded(uint32_t value) {
  Value& wanted = values_[value];
  if (wanted.folded_at == kNone) {
    if (folded_.size() < folded_used_ + wanted.raw.size())
      folded_.resize((folded_used_ + wanted.raw.size()) * 2);
    wanted.folded_at = static_cast<uint32_t>(folded_used_);
    wanted.folded_bytes =
        static_cast<uint32_t>(FoldInto(wanted.raw, folded_.data() + folded_used_));
    folded_used_ += wanted.folded_bytes;
  }
  return {folded_.data() + wanted.folded_at, wanted.folded_bytes};
}

}  // namespace neurallog::rules
