// Splits a text into static pieces and variables.
//
//   TemplateParser parser;
//   if (parser.Parse("took 12.5 ms, id=7", &parsed)) ...   // variables "12.5" and "7"
//
// A variable is a maximal run of word bytes (A-Z a-z 0-9 _ and from 0x80 on) with a digit among
// them. Runs are joined to one by a point between two digits (12.5, 10.0.0.1), by a colon between
// pairs of digits (08:15:59), by a dash before a pair of digits (2025-06-30) and by those of a UUID.
// So no word lies partly in static text. Two texts are of one template when their static
// pieces are equal; the hash covers these. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "block/template_scan.h"
#include "block/text_hash.h"

namespace neurallog::block {

inline constexpr size_t kVariablesMax = 128;  // texts with more are not split

// In template texts each variable is one kVariableMark. Texts that hold one of the two themselves
// are not split.
inline constexpr char kVariableMark = '\0';
inline constexpr char kTemplateEnd = '\1';

struct Variable {
  uint16_t begin;  // in the text
  uint16_t size;
};

class TemplateParser {
 public:
  TemplateParser() : TemplateParser(ScanText()) {}
  explicit TemplateParser(ScanTextFunction scan);

  // Writes the text's variables to `variables`, which has room for kVariablesMax, and returns how
  // many there are; sets the hash of the static pieces. -1 when the text is not to be split. Reads
  // up to 63 bytes past the text.
  int Parse(std::string_view text, Variable* variables, uint64_t* hash);

 private:
  void JoinRuns(size_t words);

  const ScanTextFunction scan_;
  const TextHashKeys keys_;
  TextMasks masks_;
  TextMasks::Mask run_{};  // of the same words as the masks
};

// The text of the template that `text` belongs to.
std::string TemplateText(std::string_view text, const Variable* variables, size_t count);

}  // namespace neurallog::block
