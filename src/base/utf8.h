// UTF-8 (RFC 3629), written code point by code point.
#pragma once

#include <cstdint>
#include <string>

namespace neurallog::base {

// Appends the one to four bytes of a code point up to U+10FFFF. Surrogates are the caller's to replace.
inline void AppendUtf8(std::string* to, uint32_t code) {
  if (code < 0x80) {
    to->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    to->push_back(static_cast<char>(0xc0 | code >> 6));
    to->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    to->push_back(static_cast<char>(0xe0 | code >> 12));
    to->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    to->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    to->push_back(static_cast<char>(0xf0 | code >> 18));
    to->push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    to->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    to->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

}  // namespace neurallog::base
