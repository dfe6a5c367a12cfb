// The values of a row's fields that rules with state group by or look at.
//
//   RowFields fields(plan->fields());
//   fields.Bind(*batch);
//   fields.Load(row);
//   fields.value(0)              // of the first name, as text
//
// A record's field is found by its own name and by those that the built-in pipeline gives it; of several
// the first in the row counts, one that stands in only when there is no other. Null is no value. Not thread-safe;
// borrows batch and row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "model/record_batch.h"

namespace neurallog::rules {

// A field that is looked for, and fields that stand in for it.
struct WantedField {
  std::string name;
  std::vector<std::string> instead;
  bool operator<(const WantedField& other) const {
    return std::tie(name, instead) < std::tie(other.name, other.instead);
  }
};

class RowFields {
 public:
  // Names of batches that are remembered; at so many all are forgotten.
  static constexpr size_t kNamesMax = 16'384;

  explicit RowFields(const std::vector<WantedField>& wanted);

  void Bind(const model::RecordBatch& batch);
  void Load(const char* row);

  bool has(uint32_t field) const { return values_[field].epoch == epoch_; }
  // Empty when the row has none.
  std::string_view value(uint32_t field) const {
    return has(field) ? values_[field].text : std::string_view();
  }

 private:
  struct Value {
    std::string_view text;
    uint64_t epoch = 0;
    bool stands_in = false;
  };
  struct Place {
    uint32_t field;
    bool stands_in;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Fields = std::vector<Place>;

  Fields FieldsOf(std::string_view name) const;

  std::unordered_map<std::string, Fields, TextHash, std::equal_to<>> places_of_name_;
  std::unordered_map<std::string, Fields, TextHash, std::equal_to<>> known_;
  std::vector<const Fields*> bound_;  // by name of the batch; none: of no use
  std::vector<Value> values_;
  uint64_t epoch_ = 0;
};

}  // namespace neurallog::rules
