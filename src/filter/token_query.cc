// A filter's text is cut into tokens just as the values were. A token at an edge of the text is whole
// in every match only if the filter does not let a match cut a word there.
#include "filter/token_query.h"

#include <algorithm>

#include "filter/predicate.h"
#include "index/token.h"

namespace neurallog::filter {
namespace {

using index::TokenQuery;

// Whether a word that touches an edge of the text is known to end there.
enum class Edge : uint8_t { kWhole, kOpen };

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

TokenQuery RequireText(const std::string& field, std::string_view text, Edge begin, Edge end) {
  if (field == kFieldTime || field == kFieldStream || field == kFieldStreamId) return {};
  std::vector<index::TokenHash> tokens;
  index::ForEachToken(text, [&](std::string_view token) {
    const bool is_first = token.data() == text.data();
    const bool is_last = token.data() + token.size() == text.data() + text.size();
    if ((is_first && begin == Edge::kOpen) || (is_last && end == Edge::kOpen)) return;
    tokens.push_back(index::HashToken(token));
  });
  return index::RequireTokens(field, std::move(tokens));
}

TokenQuery RequireOneOf(const std::string& field, const std::vector<std::string>& texts,
                        Edge edges) {
  std::vector<TokenQuery> children;
  for (const std::string& text : texts) children.push_back(RequireText(field, text, edges, edges));
  return index::RequireAny(std::move(children));
}

TokenQuery RequireRegexp(const std::string& field, const std::string& pattern) {
  const std::vector<std::string> literals = FindRequiredLiterals(pattern, CompileOptions());
  return literals.empty() ? TokenQuery() : RequireOneOf(field, literals, Edge::kOpen);
}

TokenQuery RequireAllOf(const std::string& field, const std::vector<std::string>& texts) {
  std::vector<TokenQuery> children;
  for (const std::string& text : texts)
    children.push_back(RequireText(field, text, Edge::kWhole, Edge::kWhole));
  return index::RequireAll(std::move(children));
}

// Ignoring the case of letters beyond ASCII may change ASCII letters to others.
TokenQuery RequireCommonCase(const Filter& filter) {
  const bool is_ascii = std::all_of(filter.values.begin(), filter.values.end(), IsAscii);
  return is_ascii ? RequireOneOf(filter.field, filter.values, Edge::kWhole) : TokenQuery();
}

TokenQuery RequirePhrase(const Filter& filter, Edge end) {
  if (filter.ignore_case && !IsAscii(filter.text)) return {};
  return RequireText(filter.field, filter.text, Edge::kWhole, end);
}

TokenQuery RequireTag(const StreamTag& tag) {
  const std::string field(StoredName(tag.name));
  switch (tag.op) {
    case StreamTag::Op::kEqual:
    case StreamTag::Op::kIn: return RequireOneOf(field, tag.values, Edge::kWhole);
    case StreamTag::Op::kMatch: return RequireRegexp(field, tag.values[0]);
    case StreamTag::Op::kNotEqual:
    case StreamTag::Op::kNotIn:
    case StreamTag::Op::kNotMatch: return {};
  }
  return {};
}

TokenQuery RequireStream(const Filter& filter) {
  std::vector<TokenQuery> alternatives;
  for (const auto& tags : filter.stream) {
    std::vector<TokenQuery> conditions;
    for (const StreamTag& tag : tags) conditions.push_back(RequireTag(tag));
    alternatives.push_back(index::RequireAll(std::move(conditions)));
  }
  return index::RequireAny(std::move(alternatives));
}

std::vector<TokenQuery> OfChildren(const Filter& filter) {
  std::vector<TokenQuery> children;
  for (const auto& child : filter.children) children.push_back(MakeTokenQuery(*child));
  return children;
}

}  // namespace

// Recursion is as deep as the parser's kDepthMax.
TokenQuery MakeTokenQuery(const Filter& filter) {
  if (filter.subquery != nullptr && filter.subquery->values() == nullptr) return {};
  const std::vector<std::string>& values =
      filter.subquery ? *filter.subquery->values() : filter.values;
  switch (filter.kind) {
    case Filter::Kind::kAnd: return index::RequireAll(OfChildren(filter));
    case Filter::Kind::kOr: return index::RequireAny(OfChildren(filter));
    case Filter::Kind::kPhrase: return RequirePhrase(filter, Edge::kWhole);
    case Filter::Kind::kPrefix: return RequirePhrase(filter, Edge::kOpen);
    case Filter::Kind::kExact:
      return RequireText(filter.field, filter.text, Edge::kWhole, Edge::kWhole);
    case Filter::Kind::kExactPrefix:
      return RequireText(filter.field, filter.text, Edge::kWhole, Edge::kOpen);
    case Filter::Kind::kSubstring:
      return RequireText(filter.field, filter.text, Edge::kOpen, Edge::kOpen);
    case Filter::Kind::kIn:
    case Filter::Kind::kContainsAny: return RequireOneOf(filter.field, values, Edge::kWhole);
    case Filter::Kind::kContainsAll:
    case Filter::Kind::kSequence: return RequireAllOf(filter.field, values);
    case Filter::Kind::kContainsCommonCase:
    case Filter::Kind::kEqualsCommonCase: return RequireCommonCase(filter);
    case Filter::Kind::kPattern:
      return RequireRegexp(filter.field, RegexpOfPattern(filter.text, filter.place));
    case Filter::Kind::kRegexp: return RequireRegexp(filter.field, filter.text);
    case Filter::Kind::kStream: return RequireStream(filter);
    case Filter::Kind::kAll:
    case Filter::Kind::kNot:
    case Filter::Kind::kRange:
    case Filter::Kind::kTextRange:
    case Filter::Kind::kLength:
    case Filter::Kind::kIpv4Range:
    case Filter::Kind::kIpv6Range:
    case Filter::Kind::kArrayContainsAny:
    case Filter::Kind::kValueType:
    case Filter::Kind::kEqualField:
    case Filter::Kind::kLessOrEqualField:
    case Filter::Kind::kLessField:
    case Filter::Kind::kDayRange:
    case Filter::Kind::kWeekRange:
    case Filter::Kind::kTime:
    case Filter::Kind::kAny:
    case Filter::Kind::kEmpty: return {};
  }
  return {};
}

}  // namespace neurallog::filter
