// What a filter requires of a block: a monotone expression over tokens of fields. A block for which
// it is false holds no row that matches; one for which it is true may hold some.
//
// Plain data, made by filter::MakeTokenQuery, answered by storage::TokenIndex. Read-only once made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "index/token.h"

namespace neurallog::index {

struct TokenQuery {
  enum class Kind : uint8_t {
    kAlways,  // requires nothing
    kTokens,  // a value of `field` holds all tokens
    kAnd,     // children
    kOr,      // children; without any: never
  };

  Kind kind = Kind::kAlways;
  std::string field;
  std::vector<TokenHash> tokens;
  std::vector<TokenQuery> children;

  bool is_always() const { return kind == Kind::kAlways; }
};

// Children that require nothing leave a conjunction and dissolve a disjunction.
TokenQuery RequireAll(std::vector<TokenQuery> children);
TokenQuery RequireAny(std::vector<TokenQuery> children);
// kAlways when there are no tokens.
TokenQuery RequireTokens(std::string field, std::vector<TokenHash> tokens);

}  // namespace neurallog::index
