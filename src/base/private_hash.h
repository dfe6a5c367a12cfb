// A hash of byte strings that nobody outside of this process can foresee, so that nobody finds two that have the same. Not for
// what is stored or sent.
#pragma once

#include <string_view>

#include "base/hash.h"

namespace neurallog::base {

Hash128Value PrivateHash128(std::string_view bytes);

}  // namespace neurallog::base
