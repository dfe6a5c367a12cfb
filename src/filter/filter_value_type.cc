// `value_type(uint64)`: what kind of value it is. Every value is judged by itself, so that the answer
// does not depend on the block that holds it.
#include <array>
#include <charconv>
#include <limits>

#include "base/time_format.h"
#include "filter/ip_address.h"
#include "filter/predicate.h"

namespace neurallog::filter {
namespace {

// Whole numbers without sign, leading zeros or anything else that printing them would not give back.
template <typename Int>
bool IsInt(std::string_view text) {
  Int value;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end && std::to_string(value) == text;
}

bool IsDecimal(std::string_view text) {
  Number number;
  const bool has_digits_only = text.find_first_not_of("0123456789.-+eE") == std::string_view::npos;
  return has_digits_only && ParseNumber(text, &number);
}

bool IsTime(std::string_view text) {
  constexpr size_t kDateBytes = 10;
  return text.size() > kDateBytes && (text[kDateBytes] == 'T' || text[kDateBytes] == 't') &&
         base::ParseRfc3339(text).has_value();
}

struct TypeRow {
  std::string_view name;
  bool (*matches)(std::string_view text);
};
constexpr TypeRow kTypes[] = {
    {"string", [](std::string_view) { return true; }},
    {"uint8", IsInt<uint8_t>},
    {"uint16", IsInt<uint16_t>},
    {"uint32", IsInt<uint32_t>},
    {"uint64", IsInt<uint64_t>},
    {"int64", IsInt<int64_t>},
    {"float64", IsDecimal},
    {"ipv4", [](std::string_view text) { return ParseIpv4(text).has_value(); }},
    {"iso8601", IsTime},
};

class ValueTypePredicate : public FieldPredicate {
 public:
  ValueTypePredicate(std::string field, const TypeRow& type)
      : FieldPredicate(std::move(field)), type_(type) {}

  int cost() const override { return 25; }

 protected:
  bool MatchText(std::string_view text) const override {
    return !text.empty() && type_.matches(text);
  }

 private:
  const TypeRow& type_;
};

}  // namespace

std::vector<std::string_view> ValueTypeNames() {
  std::vector<std::string_view> names;
  for (const TypeRow& type : kTypes) names.push_back(type.name);
  return names;
}

PredicatePtr MakeValueType(const Filter& filter) {
  for (const TypeRow& type : kTypes)
    if (type.name == filter.text) return std::make_unique<ValueTypePredicate>(filter.field, type);
  return MakeNone();
}

}  // namespace neurallog::filter
