#include "rules/record_values.h"

#include <algorithm>
#include <cstring>

#include "base/time_format.h"
#include "rules/case_fold.h"
#include "rules/json_elements.h"

namespace neurallog::rules {

RecordValues::RecordValues(const RuleSet& set)
    : set_(set),
      varied_feeds_(set.fields()),
      steady_feeds_(set.fields()),
      key_(1024),
      heads_(set.fields()) {
  if (set.time_field() != CompiledTest::kAnyField) varied_feeds_[set.time_field()] = 1;
}

void RecordValues::Bind(const model::RecordBatch& batch) {
  if (binding_of_name_.size() > kNamesMax) {
    for (uint32_t binding = 0; binding < bindings_.size(); ++binding)
      Count(binding, names_.use(binding), 0u - 1);
    binding_of_name_.clear();
    bindings_.clear();
    names_.Clear();
    to_be_steady_.clear();
    ++steadiness_;
  }
  name_bindings_.clear();
  for (const std::string_view name : batch.names()) {
    auto found = binding_of_name_.find(name);
    if (found == binding_of_name_.end())
      found = binding_of_name_.emplace(name, AddBinding(name)).first;
    name_bindings_.push_back(found->second);
  }
}

// Names by which records are routed are steady by nature.
uint32_t RecordValues::AddBinding(std::string_view name) {
  const auto binding = static_cast<uint32_t>(bindings_.size());
  bindings_.push_back(set_.BindingsOf(name));
  const auto routes = [&](const RuleSet::Binding& to) {
    const auto& fields = set_.routes().fields();
    return std::find(fields.begin(), fields.end(), to.field) != fields.end();
  };
  const auto& fields = bindings_.back();
  names_.Add(!fields.empty() || set_.needs_all_values(),
             std::any_of(fields.begin(), fields.end(), routes));
  Count(binding, names_.use(binding), 1);
  if (!fields.empty()) ++steadiness_;
  return binding;
}

void RecordValues::Count(uint32_t binding, SteadyNames::Use use, uint32_t by) {
  if (use == SteadyNames::Use::kNone) return;
  auto& feeds = use == SteadyNames::Use::kSteady ? steady_feeds_ : varied_feeds_;
  for (const RuleSet::Binding& to : bindings_[binding]) feeds[to.field] += by;
}

bool RecordValues::DemoteOne() {
  const uint32_t name = names_.most_varied();
  if (name != SteadyNames::kNoName) MakeVaried(name);
  return name != SteadyNames::kNoName;
}

void RecordValues::MakeSteady(uint32_t binding) {
  Count(binding, SteadyNames::Use::kVaried, 0u - 1);
  names_.Promote(binding);
  Count(binding, SteadyNames::Use::kSteady, 1);
  ++steadiness_;
}

void RecordValues::MakeVaried(uint32_t binding) {
  Count(binding, SteadyNames::Use::kSteady, 0u - 1);
  names_.Demote(binding);
  Count(binding, SteadyNames::Use::kVaried, 1);
  ++steadiness_;
}

void RecordValues::BeginRow() {
  for (const uint32_t binding : to_be_steady_) MakeSteady(binding);
  to_be_steady_.clear();
  row_values_.clear();
  values_.clear();
  steady_.clear();
  alias_sets_.clear();
  key_used_ = 0;
  is_steady_loaded_ = false;
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
    switch (names_.use(binding)) {
      case SteadyNames::Use::kNone: break;
      case SteadyNames::Use::kSteady: AddSteady(binding, field); break;
      case SteadyNames::Use::kVaried:
        AddField(binding, field.type, field.value);
        if (names_.is_learning() && names_.Learn(binding, field.value))
          to_be_steady_.push_back(binding);
    }
  }
  if (set_.time_field() != CompiledTest::kAnyField) AddTime(reader.timestamp_ns());
}

// Eight bytes before each value say whose it is and how long, so that no two rows have the same key by chance.
void RecordValues::AddSteady(uint32_t binding, const model::Field& field) {
  steady_.push_back({binding, field.type, field.value});
  const size_t end = key_used_ + 8 + field.value.size();
  if (key_.size() < end) key_.resize(end * 2);
  const uint64_t head = uint64_t{binding} << 40 | uint64_t{static_cast<uint8_t>(field.type)} << 32 |
                        static_cast<uint32_t>(field.value.size());
  std::memcpy(key_.data() + key_used_, &head, 8);
  std::memcpy(key_.data() + key_used_ + 8, field.value.data(), field.value.size());
  key_used_ = end;
}

void RecordValues::LoadSteady() {
  if (is_steady_loaded_) return;
  is_steady_loaded_ = true;
  const size_t first = row_values_.size();
  for (const SteadyValue& value : steady_) AddField(value.binding, value.type, value.value);
  for (const int32_t set : alias_sets_) AddAliases(set, first);
}

void RecordValues::AddField(uint32_t binding, ValueType type, std::string_view value) {
  if (type == ValueType::kArray) AddElements(binding, value);
  else if (type != ValueType::kNull) AddRowValue(binding, value);
}

void RecordValues::AddTime(int64_t ns) {
  time_text_.clear();
  base::AppendRfc3339(&time_text_, ns);
  AddValue(set_.time_field(), time_text_, /*is_own_name=*/false, /*is_steady=*/false);
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
  const bool is_steady = IsSteady(binding);
  for (const RuleSet::Binding& to : bindings_[binding]) {
    if (to.aliases != RouteTable::kNoAliases) continue;
    AddValue(to.field, raw, is_own_name, is_steady);
    is_own_name = false;
  }
  if (is_own_name && set_.needs_all_values()) AddValue(kNoField, raw, is_own_name, is_steady);
}

void RecordValues::AddAliases(int32_t set) {
  if (std::find(alias_sets_.begin(), alias_sets_.end(), set) != alias_sets_.end()) return;
  alias_sets_.push_back(set);
  AddAliases(set, 0);
}

void RecordValues::AddAliases(int32_t set, size_t first) {
  for (size_t i = first; i < row_values_.size(); ++i)
    for (const RuleSet::Binding& to : bindings_[row_values_[i].binding])
      if (to.aliases == set)
        AddValue(to.field, row_values_[i].raw, /*is_own_name=*/false,
                 IsSteady(row_values_[i].binding));
}

void RecordValues::AddValue(uint32_t field, std::string_view raw, bool is_own_name,
                            bool is_steady) {
  const auto value = static_cast<uint32_t>(values_.size());
  const uint32_t next = field == kNoField ? kNone : first(field);
  values_.push_back({raw, field, next, kNone, 0, is_own_name, is_steady});
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
