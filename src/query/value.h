// Values as sort, min and max compare them: empty ones first, then numbers by value, then texts in
// natural order.
#pragma once

#include <string>
#include <string_view>

#include "filter/number.h"
#include "neurallog/log_record.h"

namespace neurallog::query {

struct Value {
  enum class Kind : uint8_t { kEmpty, kNumber, kText };
  Kind kind = Kind::kEmpty;
  ValueType type = ValueType::kString;
  long double number = 0;
  std::string text;

  void Set(std::string_view value, ValueType value_type = ValueType::kString) {
    filter::Number parsed;
    const bool is_number = filter::ParseNumber(value, &parsed);
    kind = value.empty() ? Kind::kEmpty : is_number ? Kind::kNumber : Kind::kText;
    number = is_number ? parsed.value : 0;
    text.assign(value);
    type = value_type;
  }
  void SetInt(int64_t value) {
    kind = Kind::kNumber;
    number = static_cast<long double>(value);
    type = ValueType::kNumber;
    text.clear();
  }
  size_t memory_bytes() const { return sizeof(*this) + (text.size() > 15 ? text.capacity() : 0); }
};

// Byte by byte, but digits by the number that they are: "a2" is before "a10". Zero only for equal texts.
int CompareNatural(std::string_view a, std::string_view b);

// Negative, zero or positive as a is before, beside or behind b.
inline int Compare(const Value& a, const Value& b) {
  if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.kind == Value::Kind::kNumber) return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  return CompareNatural(a.text, b.text);
}

// The shortest text without an exponent that reads back as this number; NaN and infinities as "NaN", "+Inf", "-Inf".
std::string FormatNumber(double number);

}  // namespace neurallog::query
