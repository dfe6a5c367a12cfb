#include "block/template_parser.h"

#include <bit>

#include "base/bytes.h"
#include "block/text_hash.h"

namespace neurallog::block {
namespace {

// Bits of the neighbours: bit i of Before(m, w, n) is bit i - n, of After(m, w, n) bit i + n.
using Mask = TextMasks::Mask;
uint64_t Before(const Mask& mask, size_t word, int n) {
  return mask[word] << n | mask[word - 1] >> (64 - n);
}
uint64_t After(const Mask& mask, size_t word, int n) {
  return mask[word] >> n | mask[word + 1] << (64 - n);
}

// Goes on from `hash`, so that the borders of pieces count.
inline uint64_t HashPiece(const char* at, size_t size, uint64_t hash, const TextHashKeys& keys) {
  for (; size > 32; at += 32, size -= 32) hash = MixWords(hash, HashShort(at, 32, keys) | 1);
  return MixWords(hash ^ keys.second, HashShort(at, size, keys) + size);
}

}  // namespace

TemplateParser::TemplateParser(ScanTextFunction scan) : scan_(scan), keys_(TextHashSeed()) {}

void TemplateParser::JoinRuns(size_t words) {
  const TextMasks& m = masks_;
  for (size_t w = 1; w <= words; ++w) {
    run_[w] = m.word[w];
    const uint64_t before = Before(m.digit, w, 1);
    const uint64_t after = After(m.digit, w, 1);
    run_[w] |= m.dot[w] & before & after;
    if ((m.colon[w] | m.dash[w]) == 0) continue;
    const uint64_t pairs =
        before & Before(m.digit, w, 2) & after & After(m.digit, w, 2) & ~After(m.word, w, 3);
    run_[w] |= m.colon[w] & pairs & ~Before(m.word, w, 3) & ~Before(m.dot, w, 3);
    run_[w] |= m.dash[w] & pairs;
    const uint64_t fours = m.dash[w] & Before(m.hex, w, 1) & Before(m.hex, w, 4) &
                           After(m.hex, w, 1) & After(m.hex, w, 4) &
                           (Before(m.dash, w, 5) | After(m.dash, w, 5));
    if (fours == 0) continue;
    run_[w] |=
        fours & Before(m.hex, w, 2) & Before(m.hex, w, 3) & After(m.hex, w, 2) & After(m.hex, w, 3);
  }
}

int TemplateParser::Parse(std::string_view text, Variable* variables, uint64_t* hash) {
  if (text.size() > kTemplateTextMax) return -1;
  scan_(text.data(), text.size(), &masks_);
  if (masks_.marks != 0) return -1;
  const size_t words = (text.size() + 63) / 64;
  if (masks_.joint != 0) JoinRuns(words);
  Mask& run = masks_.joint != 0 ? run_ : masks_.word;
  run[words + 1] = 0;

  int count = 0;
  uint64_t sum = keys_.first;
  size_t piece = 0;  // where the static piece begins
  uint64_t digits = masks_.digit[1];
  for (size_t w = 1; w <= words;) {
    if (digits == 0) {
      digits = masks_.digit[++w];
      continue;
    }
    const int at = std::countr_zero(digits);
    // The run around the digit begins after the last byte outside, and ends at the next one.
    size_t begin_word = w;
    uint64_t outside = ~run[w] & ((uint64_t{1} << at) - 1);
    while (outside == 0) outside = ~run[--begin_word];
    const size_t begin = begin_word * 64 - static_cast<size_t>(std::countl_zero(outside));
    outside = ~run[w] & ~uint64_t{0} << at;
    while (outside == 0) outside = ~run[++w];
    const int end_bit = std::countr_zero(outside);
    const size_t end = (w - 1) * 64 + static_cast<size_t>(end_bit);
    digits = masks_.digit[w] & ~uint64_t{0} << end_bit;

    if (count == static_cast<int>(kVariablesMax)) return -1;
    variables[count++] = {static_cast<uint16_t>(begin), static_cast<uint16_t>(end - begin)};
    sum = HashPiece(text.data() + piece, begin - piece, sum, keys_);
    piece = end;
  }
  *hash = HashPiece(text.data() + piece, text.size() - piece, sum, keys_);
  return count;
}

std::string TemplateText(std::string_view text, const Variable* variables, size_t count) {
  std::string made;
  size_t piece = 0;
  for (size_t i = 0; i < count; ++i) {
    made.append(text.substr(piece, variables[i].begin - piece));
    made.push_back(kVariableMark);
    piece = variables[i].begin + size_t{variables[i].size};
  }
  made.append(text.substr(piece));
  return made;
}

}  // namespace neurallog::block
