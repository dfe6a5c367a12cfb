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
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/record_batch.h"
#include "rules/rule_set.h"

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
  // Adds what fields are called on routes with this set of aliases; once per row and set.
  void AddAliases(int32_t set);

  size_t size() const { return values_.size(); }
  uint32_t field(uint32_t value) const { return values_[value].field; }
  // False for a second name of a value that was there before.
  bool is_own_name(uint32_t value) const { return values_[value].is_own_name; }
  std::string_view raw(uint32_t value) const { return values_[value].raw; }
  std::string_view folded(uint32_t value);

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

  void BeginRow();
  void AddRowValue(uint32_t binding, std::string_view raw);
  void AddElements(uint32_t binding, std::string_view list);
  void AddValue(uint32_t field, std::string_view raw, bool is_own_name);
  void AddTime(int64_t ns);

  const RuleSet& set_;
  std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> binding_of_name_;
  std::vector<std::vector<RuleSet::Binding>> bindings_;
  std::vector<uint32_t> name_bindings_;  // of the batch's names

  uint32_t epoch_ = 0;
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
