#include "index/token_query.h"

#include <algorithm>

namespace neurallog::index {

TokenQuery RequireAll(std::vector<TokenQuery> children) {
  std::erase_if(children, [](const TokenQuery& child) { return child.is_always(); });
  if (children.empty()) return {};
  if (children.size() == 1) return std::move(children[0]);
  TokenQuery query;
  query.kind = TokenQuery::Kind::kAnd;
  query.children = std::move(children);
  return query;
}

TokenQuery RequireAny(std::vector<TokenQuery> children) {
  const bool is_always = std::any_of(children.begin(), children.end(),
                                     [](const TokenQuery& child) { return child.is_always(); });
  if (is_always) return {};
  if (children.size() == 1) return std::move(children[0]);
  TokenQuery query;
  query.kind = TokenQuery::Kind::kOr;
  query.children = std::move(children);
  return query;
}

TokenQuery RequireTokens(std::string field, std::vector<TokenHash> tokens) {
  if (tokens.empty()) return {};
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  TokenQuery query;
  query.kind = TokenQuery::Kind::kTokens;
  query.field = std::move(field);
  query.tokens = std::move(tokens);
  return query;
}

}  // namespace neurallog::index
