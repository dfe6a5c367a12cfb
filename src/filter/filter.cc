#include "filter/filter.h"

#include <algorithm>

namespace neurallog::filter {

std::string_view StoredName(std::string_view name) {
  if (name == "_msg") return kFieldMessage;
  if (name == kFieldTimestamp) return kFieldTime;
  return name;
}

std::unique_ptr<Filter> MakeFilter(Filter::Kind kind) {
  auto filter = std::make_unique<Filter>();
  filter->kind = kind;
  return filter;
}

std::unique_ptr<Filter> CloneFilter(const Filter& filter) {
  auto clone = MakeFilter(filter.kind);
  clone->ignore_case = filter.ignore_case;
  clone->place = filter.place;
  clone->field = filter.field;
  clone->text = filter.text;
  clone->values = filter.values;
  clone->subquery = filter.subquery;
  clone->min = filter.min;
  clone->max = filter.max;
  clone->time_start = filter.time_start;
  clone->time_end = filter.time_end;
  clone->offset_ns = filter.offset_ns;
  clone->stream = filter.stream;
  for (const auto& child : filter.children) clone->children.push_back(CloneFilter(*child));
  return clone;
}

bool Equal(const Filter& a, const Filter& b) {
  const bool same_subquery =
      a.subquery == b.subquery || (a.subquery != nullptr && b.subquery != nullptr &&
                                   a.subquery->ToText() == b.subquery->ToText());
  const bool same_node = a.kind == b.kind && a.ignore_case == b.ignore_case && a.place == b.place &&
                         a.field == b.field && a.text == b.text && a.values == b.values &&
                         same_subquery && a.min == b.min && a.max == b.max &&
                         a.time_start == b.time_start && a.time_end == b.time_end &&
                         a.offset_ns == b.offset_ns && a.stream == b.stream;
  return same_node &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                    [](const auto& x, const auto& y) { return Equal(*x, *y); });
}

bool HasSubquery(const Filter& filter) {
  return filter.subquery != nullptr ||
         std::any_of(filter.children.begin(), filter.children.end(),
                     [](const auto& child) { return HasSubquery(*child); });
}

}  // namespace neurallog::filter
