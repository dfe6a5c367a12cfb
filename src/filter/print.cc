// Trees as text. Each construct has one spelling.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/time_format.h"
#include "filter/filter.h"
#include "filter/number.h"

namespace neurallog::filter {
namespace {

void AppendField(std::string* to, const Filter& filter) {
  if (filter.field == kFieldMessage) return;
  AppendFieldName(to, filter.field);
  to->push_back(':');
}

void AppendText(std::string* to, const Filter& filter, std::string_view suffix) {
  if (filter.ignore_case) to->append("i(");
  AppendQuoted(to, filter.text);
  to->append(suffix);
  if (filter.ignore_case) to->push_back(')');
}

void AppendCall(std::string* to, std::string_view function, std::string_view argument) {
  to->append(function).push_back('(');
  AppendQuoted(to, argument);
  to->push_back(')');
}

void AppendValues(std::string* to, const Filter& filter, std::string_view function) {
  to->append(function);
  if (filter.subquery == nullptr) return AppendQuotedList(to, filter.values);
  to->append("(").append(filter.subquery->ToText()).append(")");
}

void AppendBounds(std::string* to, const Filter& filter, std::string_view function) {
  to->append(function).append(filter.min.inclusive ? "[" : "(");
  AppendQuoted(to, filter.min.text);
  to->append(", ");
  AppendQuoted(to, filter.max.text);
  to->append(filter.max.inclusive ? "]" : ")");
}

// Functions whose parentheses say nothing of what is included.
void AppendPair(std::string* to, const Filter& filter, std::string_view function) {
  to->append(function);
  AppendQuotedList(to, {filter.min.text, filter.max.text});
}

void AppendRange(std::string* to, const Filter& filter) {
  if (!filter.min.text.empty() && !filter.max.text.empty())
    return AppendBounds(to, filter, "range");
  const bool is_min = filter.max.text.empty();
  const RangeBound& bound = is_min ? filter.min : filter.max;
  to->append(is_min ? ">" : "<").append(bound.inclusive ? "=" : "");
  AppendQuoted(to, bound.text);
}

void AppendPattern(std::string* to, const Filter& filter) {
  constexpr std::array<std::string_view, 4> kNames = {
      "pattern_match", "pattern_match_full", "pattern_match_prefix", "pattern_match_suffix"};
  AppendCall(to, kNames[static_cast<size_t>(filter.place)], filter.text);
}

void AppendTimeBound(std::string* to, const TimeBound& bound) {
  constexpr int64_t kRfc3339NsMax =
      9'000'000'000'000'000'000;  // near the ends of int64 only numbers can be read back
  if (bound.kind == TimeBound::Kind::kAbsolute &&
      (bound.ns > kRfc3339NsMax || bound.ns < -kRfc3339NsMax)) {
    to->append(std::to_string(bound.ns));
    return;
  }
  if (bound.kind == TimeBound::Kind::kAbsolute) return base::AppendRfc3339(to, bound.ns);
  to->append("now");
  if (bound.ns > 0) to->push_back('+');
  if (bound.ns != 0) to->append(std::to_string(bound.ns)).append("ns");
}

void AppendTime(std::string* to, const Filter& filter) {
  const bool has_start = filter.time_start.kind != TimeBound::Kind::kUnbounded;
  const bool has_end = filter.time_end.kind != TimeBound::Kind::kUnbounded;
  to->append("_time:");
  if (has_start && has_end) {
    to->push_back('[');
    AppendTimeBound(to, filter.time_start);
    to->append(", ");
    AppendTimeBound(to, filter.time_end);
    to->push_back(')');
    return;
  }
  to->append(has_start ? ">=" : "<");
  AppendTimeBound(to, has_start ? filter.time_start : filter.time_end);
}

// The texts of these bounds hold nothing that needs quotes, and "08:00" would get some.
void AppendPeriod(std::string* to, const Filter& filter, std::string_view function) {
  to->append("_time:").append(function).append(filter.min.inclusive ? "[" : "(");
  to->append(filter.min.text).append(", ").append(filter.max.text);
  to->append(filter.max.inclusive ? "]" : ")");
  if (filter.offset_ns != 0)
    to->append(" offset ").append(std::to_string(filter.offset_ns)).append("ns");
}

void AppendStreamTag(std::string* to, const StreamTag& tag) {
  constexpr std::array<std::string_view, 6> kOps = {"=", "!=", "=~", "!~", " in ", " not_in "};
  AppendQuoted(to, tag.name);
  to->append(kOps[static_cast<size_t>(tag.op)]);
  if (tag.op == StreamTag::Op::kIn || tag.op == StreamTag::Op::kNotIn)
    return AppendQuotedList(to, tag.values);
  AppendQuoted(to, tag.values[0]);
}

void AppendStream(std::string* to, const Filter& filter) {
  to->push_back('{');
  for (size_t i = 0; i < filter.stream.size(); ++i) {
    if (i != 0) to->append(" or ");
    for (size_t j = 0; j < filter.stream[i].size(); ++j) {
      if (j != 0) to->append(", ");
      AppendStreamTag(to, filter.stream[i][j]);
    }
  }
  to->push_back('}');
}

void Append(std::string* to, const Filter& filter);

void AppendNested(std::string* to, const Filter& filter) {
  const bool needs_parentheses =
      filter.kind == Filter::Kind::kAnd || filter.kind == Filter::Kind::kOr;
  if (needs_parentheses) to->push_back('(');
  Append(to, filter);
  if (needs_parentheses) to->push_back(')');
}

void AppendChildren(std::string* to, const Filter& filter, std::string_view between) {
  for (size_t i = 0; i < filter.children.size(); ++i) {
    if (i != 0) to->append(between);
    AppendNested(to, *filter.children[i]);
  }
}

// What stands behind the field's name.
void AppendFieldFilter(std::string* to, const Filter& filter) {
  using Kind = Filter::Kind;
  switch (filter.kind) {
    case Kind::kPhrase: return AppendText(to, filter, "");
    case Kind::kPrefix: return AppendText(to, filter, "*");
    case Kind::kSubstring: to->push_back('*'); return AppendText(to, filter, "*");
    case Kind::kExact: to->push_back('='); return AppendText(to, filter, "");
    case Kind::kExactPrefix: to->push_back('='); return AppendText(to, filter, "*");
    case Kind::kIn: return AppendValues(to, filter, "in");
    case Kind::kContainsAll: return AppendValues(to, filter, "contains_all");
    case Kind::kContainsAny: return AppendValues(to, filter, "contains_any");
    case Kind::kContainsCommonCase: return AppendValues(to, filter, "contains_common_case");
    case Kind::kEqualsCommonCase: return AppendValues(to, filter, "equals_common_case");
    case Kind::kArrayContainsAny: return AppendValues(to, filter, "json_array_contains_any");
    case Kind::kSequence: return AppendValues(to, filter, "seq");
    case Kind::kRange: return AppendRange(to, filter);
    case Kind::kTextRange: return AppendPair(to, filter, "string_range");
    case Kind::kLength: return AppendPair(to, filter, "len_range");
    case Kind::kIpv4Range: return AppendPair(to, filter, "ipv4_range");
    case Kind::kIpv6Range: return AppendPair(to, filter, "ipv6_range");
    case Kind::kRegexp: to->push_back('~'); return AppendQuoted(to, filter.text);
    case Kind::kPattern: return AppendPattern(to, filter);
    case Kind::kValueType: return AppendCall(to, "value_type", filter.text);
    case Kind::kEqualField: return AppendCall(to, "eq_field", filter.text);
    case Kind::kLessOrEqualField: return AppendCall(to, "le_field", filter.text);
    case Kind::kLessField: return AppendCall(to, "lt_field", filter.text);
    default: return;
  }
}

// Recursion is as deep as the parser's kDepthMax.
void Append(std::string* to, const Filter& filter) {
  using Kind = Filter::Kind;
  switch (filter.kind) {
    case Kind::kAll: to->push_back('*'); return;
    case Kind::kAnd: return AppendChildren(to, filter, " ");
    case Kind::kOr: return AppendChildren(to, filter, " or ");
    case Kind::kNot: to->push_back('!'); return AppendNested(to, *filter.children[0]);
    case Kind::kTime: return AppendTime(to, filter);
    case Kind::kDayRange: return AppendPeriod(to, filter, "day_range");
    case Kind::kWeekRange: return AppendPeriod(to, filter, "week_range");
    case Kind::kStream: return AppendStream(to, filter);
    case Kind::kAny:
      AppendFieldName(to, filter.field);
      to->append(":*");
      return;
    case Kind::kEmpty:
      AppendFieldName(to, filter.field);
      to->append(":\"\"");
      return;
    default: AppendField(to, filter); return AppendFieldFilter(to, filter);
  }
}

void SortUnique(std::vector<std::string>* texts) {
  std::sort(texts->begin(), texts->end());
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

// "10KiB" and "10240" mean the same.
void NormalizeBound(RangeBound* bound) {
  constexpr long double kWholeMax = 9e18L;
  Number number;
  const bool is_whole =
      ParseNumber(bound->text, &number) && std::floor(number.value) == number.value;
  if (is_whole && std::abs(number.value) < kWholeMax)
    bound->text = std::to_string(static_cast<int64_t>(number.value));
}

void NormalizeNumbers(Filter* filter) {
  Number number;
  const auto is_number = [&number](const RangeBound& bound) {
    return bound.text.empty() || ParseNumber(bound.text, &number);
  };
  if (!is_number(filter->min) || !is_number(filter->max)) return;
  NormalizeBound(&filter->min);
  NormalizeBound(&filter->max);
}

void SortChildren(Filter* filter) {
  std::vector<std::pair<std::string, std::unique_ptr<Filter>>> keyed;
  for (auto& child : filter->children) {
    std::string key = ToText(*child);
    keyed.emplace_back(std::move(key), std::move(child));
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  filter->children.clear();
  for (size_t i = 0; i < keyed.size(); ++i)
    if (i == 0 || keyed[i].first != keyed[i - 1].first)
      filter->children.push_back(std::move(keyed[i].second));
}

void Normalize(std::unique_ptr<Filter>* node) {
  Filter* filter = node->get();
  using Kind = Filter::Kind;
  for (auto& child : filter->children) Normalize(&child);
  if (filter->kind == Kind::kRange) NormalizeNumbers(filter);
  const bool is_list = filter->kind != Kind::kSequence;
  if (is_list) SortUnique(&filter->values);
  const bool is_logic = filter->kind == Kind::kAnd || filter->kind == Kind::kOr;
  if (!is_logic) return;
  SortChildren(filter);
  if (filter->children.size() == 1) *node = std::move(filter->children[0]);
}

}  // namespace

std::string ToText(const Filter& filter) {
  std::string text;
  Append(&text, filter);
  return text;
}

std::string ToKey(const Filter& filter) {
  std::unique_ptr<Filter> clone = CloneFilter(filter);
  Normalize(&clone);
  return ToText(*clone);
}

}  // namespace neurallog::filter
