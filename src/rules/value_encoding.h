// The modifiers that rewrite a value before it is searched: windash, wide, utf16*, base64*.
#pragma once

#include <vector>

#include "rules/item_key.h"
#include "rules/pattern.h"

namespace neurallog::rules {

// The patterns that stand for `pattern`; base64offset makes three of one. Empty when base64 meets a
// wildcard.
std::vector<Pattern> EncodeValue(Encoding encoding, const Pattern& pattern);

}  // namespace neurallog::rules
