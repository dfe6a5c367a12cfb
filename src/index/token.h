// What a token is and how it is hashed: the one definition that the index is built and asked with.
//
// A token is a maximal run of word bytes: A-Z, a-z, 0-9, '_' and all bytes from 0x80 on. Its ASCII
// letters are lower-cased before hashing. Tokens of any length are hashed as a whole. A token hash
// has 32 bits, is never 0, and is stored on disk: the function below may not change
// (docs/formats/index.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace neurallog::index {

using TokenHash = uint32_t;

constexpr bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The hash of a text that is one token. Needs no padding behind it.
TokenHash HashToken(std::string_view token);

// Calls visit(std::string_view) for each token of the text, in order. Needs no padding.
template <typename Visit>
void ForEachToken(std::string_view text, Visit visit) {
  size_t begin = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && IsWordByte(text[at])) continue;
    if (at > begin) visit(text.substr(begin, at - begin));
    begin = at + 1;
  }
}

}  // namespace neurallog::index
