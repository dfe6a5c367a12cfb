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

// Ignoring the case of letters beyond ASCII may also change ASCII letters to others.
bool FoldsBeyondAscii(const Filter& filter) {
  return filter.ignore_case && std::any_of(filter.text.begin(), filter.text.end(), [](char c) {
           return static_cast<unsigned char>(c) >= 0x80;
         });
}

TokenQuery RequirePhrase(const Filter& filter, Edge end) {
  if (FoldsBeyondAscii(filter)) return {};
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
  switch (filter.kind) {
    case Filter::Kind::kAnd: return index::RequireAll(OfChildren(filter));
    case Filter::Kind::kOr: return index::RequireAny(OfChildren(filter));
    case Filter::Kind::kPhrase: return RequirePhrase(filter, Edge::kWhole);
    case Filter::Kind::kPrefix: return RequirePhrase(filter, Edge::kOpen);
    case Filter::Kind::kExact: return RequireText(filter.field, filter.text, Edge::kWhole, Edge::kWhole);
    case Filter::Kind::kExactPrefix:
      return RequireText(filter.field, filter.text, Edge::kWhole, Edge::kOpen);
    case Filter::Kind::kIn: return RequireOneOf(filter.field, filter.values, Edge::kWhole);
    case Filter::Kind::kRegexp: return RequireRegexp(filter.field, filter.text);
    case Filter::Kind::kStream: return RequireStream(filter);
    case Filter::Kind::kAll:
    case Filter::Kind::kNot:
    case Filter::Kind::kRange:
    case Filter::Kind::kTextRange:
    case Filter::Kind::kLength:
    case Filter::Kind::kTime:
    case Filter::Kind::kAny:
    case Filter::Kind::kEmpty: return {};
  }
  return {};
}

}  // namespace neurallog::filter
