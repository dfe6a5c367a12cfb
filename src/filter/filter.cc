#include "filter/filter.h"

#include <algorithm>
#include <array>

#include "base/time_format.h"
#include "filter/lexer.h"

namespace neurallog::filter {
namespace {

void AppendField(std::string* to, const Filter& filter) {
  if (filter.field == kFieldMessage) return;
  AppendFieldName(to, filter.field);
  to->push_back(':');
}

void AppendText(std::string* to, const Filter& filter, std::string_view suffix) {
  AppendField(to, filter);
  if (filter.ignore_case) to->append("i(");
  AppendQuoted(to, filter.text);
  to->append(suffix);
  if (filter.ignore_case) to->push_back(')');
}

void AppendRange(std::string* to, const Filter& filter) {
  AppendField(to, filter);
  if (filter.min.text.empty() || filter.max.text.empty()) {
    const bool is_min = filter.max.text.empty();
    const RangeBound& bound = is_min ? filter.min : filter.max;
    to->append(is_min ? ">" : "<").append(bound.inclusive ? "=" : "");
    return AppendQuoted(to, bound.text);
  }
  to->append("range").append(filter.min.inclusive ? "[" : "(");
  AppendQuoted(to, filter.min.text);
  to->append(", ");
  AppendQuoted(to, filter.max.text);
  to->append(filter.max.inclusive ? "]" : ")");
}

void AppendBounds(std::string* to, const Filter& filter, std::string_view function) {
  AppendField(to, filter);
  to->append(function).append("(");
  AppendQuoted(to, filter.min.text);
  to->append(", ");
  AppendQuoted(to, filter.max.text);
  to->push_back(')');
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
  if (has_start && has_end) {
    to->append("_time:[");
    AppendTimeBound(to, filter.time_start);
    to->append(", ");
    AppendTimeBound(to, filter.time_end);
    to->push_back(')');
    return;
  }
  to->append(has_start ? "_time:>=" : "_time:<");
  AppendTimeBound(to, has_start ? filter.time_start : filter.time_end);
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

// Recursion is as deep as the parser's kDepthMax.
void Append(std::string* to, const Filter& filter) {
  switch (filter.kind) {
    case Filter::Kind::kAll: to->push_back('*'); return;
    case Filter::Kind::kAnd: return AppendChildren(to, filter, " ");
    case Filter::Kind::kOr: return AppendChildren(to, filter, " or ");
    case Filter::Kind::kNot: to->push_back('!'); return AppendNested(to, *filter.children[0]);
    case Filter::Kind::kPhrase: return AppendText(to, filter, "");
    case Filter::Kind::kPrefix: return AppendText(to, filter, "*");
    case Filter::Kind::kExact:
    case Filter::Kind::kExactPrefix:
      AppendField(to, filter);
      to->push_back('=');
      AppendQuoted(to, filter.text);
      if (filter.kind == Filter::Kind::kExactPrefix) to->push_back('*');
      return;
    case Filter::Kind::kIn:
      AppendField(to, filter);
      to->append("in");
      return AppendQuotedList(to, filter.values);
    case Filter::Kind::kRange: return AppendRange(to, filter);
    case Filter::Kind::kTextRange: return AppendBounds(to, filter, "string_range");
    case Filter::Kind::kLength: return AppendBounds(to, filter, "len_range");
    case Filter::Kind::kRegexp:
      AppendField(to, filter);
      to->push_back('~');
      return AppendQuoted(to, filter.text);
    case Filter::Kind::kTime: return AppendTime(to, filter);
    case Filter::Kind::kStream: return AppendStream(to, filter);
    case Filter::Kind::kAny:
      AppendFieldName(to, filter.field);
      to->append(":*");
      return;
    case Filter::Kind::kEmpty:
      AppendFieldName(to, filter.field);
      to->append(":\"\"");
      return;
  }
}

}  // namespace

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
  clone->field = filter.field;
  clone->text = filter.text;
  clone->values = filter.values;
  clone->min = filter.min;
  clone->max = filter.max;
  clone->time_start = filter.time_start;
  clone->time_end = filter.time_end;
  clone->stream = filter.stream;
  for (const auto& child : filter.children) clone->children.push_back(CloneFilter(*child));
  return clone;
}

bool Equal(const Filter& a, const Filter& b) {
  const bool same_node = a.kind == b.kind && a.ignore_case == b.ignore_case && a.field == b.field &&
                         a.text == b.text && a.values == b.values && a.min == b.min &&
                         a.max == b.max && a.time_start == b.time_start &&
                         a.time_end == b.time_end && a.stream == b.stream;
  return same_node &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                    [](const auto& x, const auto& y) { return Equal(*x, *y); });
}

std::string ToText(const Filter& filter) {
  std::string text;
  Append(&text, filter);
  return text;
}

}  // namespace neurallog::filter
