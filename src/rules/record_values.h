// The values of one record by the fields of a rule set: what a matcher asks its tests about.
//
//   RecordValues values(set);
//   values.Bind(batch);                 // once per batch
//   values.Load(row);
//   for (uint32_t v = values.first(field); v != RecordValues::kNone; v = values.next(v)) ...
//
// A list's elements are values of their own. Null is no value. Folded texts are made when first asked
// for. Reuses its memory from row to row: no allocation once it has grown to the largest row. Not
// thread-safe; borrows the batch.
//
// Names whose values repeat (SteadyNames) are set apart: their values make the row's key, and are loaded only when
// LoadSteady is called. When it changes which names these are, everything that was known by keys is to be forgotten:
// steadiness() is another number then.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/record_batch.h"
#include "rules/rule_set.h"
#include "rules/steady_names.h"

namespace neurallog::rules {

class RecordValues {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kNoField = UINT32_MAX;
  // Names whose bindings are remembered; at so many all are forgotten.
  static constexpr size_t kNamesMax = 16'384;

  explicit RecordValues(const RuleSet& set);

  void Bind(const model::RecordBatch& batch);
  // `row` points at row_bytes, in the batch that was bound.
  void Load(const char* row);
  // Adds what fields are called on routes with this set of aliases, unless it was done for the row.
  void AddAliases(int32_t set);
  const std::vector<int32_t>& alias_sets() const { return alias_sets_; }

  // The steady values of the row, with their names: rows with the same key have the same ones.
  std::string_view steady_key() const { return {key_.data(), key_used_}; }
  // Adds the steady values to the others; once per row is enough.
  void LoadSteady();
  // Whether a value of the field may come from a name that is not steady.
  bool may_vary(uint32_t field) const { return varied_feeds_[field] > 0; }
  bool may_be_steady(uint32_t field) const { return steady_feeds_[field] > 0; }
  bool is_steady(uint32_t value) const { return values_[value].is_steady; }
  // Counts changes of which names are steady.
  uint64_t steadiness() const { return steadiness_; }
  // The keys are too many: makes one name less steady. False: none is left that could be.
  bool DemoteOne();

  size_t size() const { return values_.size(); }
  uint32_t field(uint32_t value) const { return values_[value].field; }
  // False for a second name of a value that was there before.
  bool is_own_name(uint32_t value) const { return values_[value].is_own_name; }
  std::string_view raw(uint32_t value) const { return values_[value].raw; }
  std::string_view folded(uint32_t value);
  // A note about the value, kNone at first.
  uint32_t note(uint32_t value) const { return values_[value].note; }
  void set_note(uint32_t value, uint32_t note) { values_[value].note = note; }

  // The values of a field, newest first.
  uint32_t first(uint32_t field) const {
    return heads_[field].epoch == epoch_ ? heads_[field].value : kNone;
  }
  uint32_t next(uint32_t value) const { return values_[value].next; }

 private:
  struct Value {
    std::string_view raw;
    uint32_t field;
    uint32_t next;
    uint32_t folded_at;  // kNone: not made
    uint32_t folded_bytes;
    bool is_own_name;
    bool is_steady;
    uint32_t note = kNone;
  };
  struct Head {
    uint32_t epoch = 0;
    uint32_t value = 0;
  };
  // A value of the row before it got its fields.
  struct RowValue {
    std::string_view raw;
    uint32_t binding;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  // A value that is set apart.
  struct SteadyValue {
    uint32_t binding;
    ValueType type;
    std::string_view value;
  };

  void BeginRow();
  uint32_t AddBinding(std::string_view name);
  void Count(uint32_t binding, SteadyNames::Use use, uint32_t by);
  void MakeSteady(uint32_t binding);
  void MakeVaried(uint32_t binding);
  void AddSteady(uint32_t binding, const model::Field& field);
  void AddField(uint32_t binding, ValueType type, std::string_view value);
  void AddRowValue(uint32_t binding, std::string_view raw);
  void AddElements(uint32_t binding, std::string_view list);
  void AddAliases(int32_t set, size_t first);
  void AddValue(uint32_t field, std::string_view raw, bool is_own_name, bool is_steady);
  bool IsSteady(uint32_t binding) const { return names_.use(binding) == SteadyNames::Use::kSteady; }
  void AddTime(int64_t ns);

  const RuleSet& set_;
  std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> binding_of_name_;
  std::vector<std::vector<RuleSet::Binding>> bindings_;
  std::vector<uint32_t> name_bindings_;  // of the batch's names

  SteadyNames names_;                   // by binding
  std::vector<uint32_t> varied_feeds_;  // by field: names of each kind that may give it a value
  std::vector<uint32_t> steady_feeds_;
  uint64_t steadiness_ = 0;

  uint32_t epoch_ = 0;
  std::vector<SteadyValue> steady_;
  std::vector<uint32_t> to_be_steady_;  // bindings, from the next row on
  bool is_steady_loaded_ = false;
  std::vector<char> key_;
  size_t key_used_ = 0;
  std::vector<int32_t> alias_sets_;  // that were added
  std::vector<RowValue> row_values_;
  std::vector<Value> values_;
  std::vector<Head> heads_;  // by field
  std::vector<char> folded_;
  size_t folded_used_ = 0;
  std::vector<std::unique_ptr<std::string>> unescaped_;  // elements whose text had to be rewritten
  size_t unescaped_used_ = 0;
  std::string time_text_;
};

}  // namespace neurallog::rules
