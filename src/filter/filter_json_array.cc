// `json_array_contains_any(a, "b c")`: the value is a JSON array, and one of its elements is a string
// with this text, or a number, true, false or null that is written so.
#include <algorithm>

#include "base/json_value.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

class ArrayPredicate : public FieldPredicate {
 public:
  explicit ArrayPredicate(const Filter& filter)
      : FieldPredicate(filter.field), values_(filter.values) {
    std::sort(values_.begin(), values_.end());
  }

  int cost() const override { return 400; }

 protected:
  bool MatchText(std::string_view text) const override {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || text[begin] != '[') return false;
    const auto array = base::ParseJson(text);
    if (!array.ok() || array->kind() != base::JsonValue::Kind::kArray) return false;
    return std::any_of(array->items().begin(), array->items().end(),
                       [this](const base::JsonValue& item) { return Holds(item); });
  }
  void RefineInts(const block::Column&, Bitmap* rows) const override { rows->ClearAll(); }

 private:
  bool Holds(const base::JsonValue& item) const {
    using Kind = base::JsonValue::Kind;
    if (item.kind() == Kind::kArray || item.kind() == Kind::kObject) return false;
    const std::string text = item.kind() == Kind::kNull ? "null" : item.text();
    return std::binary_search(values_.begin(), values_.end(), text);
  }

  std::vector<std::string> values_;  // sorted
};

}  // namespace

PredicatePtr MakeArrayContainsAny(const Filter& filter) {
  return std::make_unique<ArrayPredicate>(filter);
}

}  // namespace neurallog::filter
