// What a filter requires of the tokens of a block, for the token index.
//
// Only tokens that every match must hold whole: those of words, phrases and exact values; of prefixes
// all but a last one that may go on; of regular expressions those inside a literal that every match
// holds. A negation requires nothing. Case does not matter, since the index has none.
#pragma once

#include "filter/filter.h"
#include "index/token_query.h"

namespace neurallog::filter {

index::TokenQuery MakeTokenQuery(const Filter& filter);

}  // namespace neurallog::filter
