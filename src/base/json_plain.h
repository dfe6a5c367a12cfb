// Texts that JSON strings hold as they are.
#pragma once

#include <cstddef>
#include <string_view>

namespace neurallog::base {

// How many bytes at the front of `text` are ASCII and need no escape.
size_t CountPlainJson(std::string_view text);

}  // namespace neurallog::base
