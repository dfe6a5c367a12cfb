// Quoted texts inside of values, as Go writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace neurallog::query {

// When `text` begins with "..." or `...`: what stands inside, and how long it is with its quotes.
struct Unquoted {
  std::string text;
  size_t length = 0;
};
std::optional<Unquoted> UnquotePrefix(std::string_view text);

}  // namespace neurallog::query
