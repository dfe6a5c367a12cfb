// The distinct tokens of one block, as sorted hashes; reused from block to block.
//
//   set.Clear();
//   for (std::string_view value : values) set.Add(value);
//   EncodeHashList(set.SortedHashes(), &list);
//
// Costs about 14 ns per token, new or not (bench/micro/index_bench.cc). The memory follows the text:
// at most one hash (12 to 24 bytes of table) for each two bytes; Clear() gives back what goes beyond
// kKeptSlots.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "index/token.h"
#include "index/token_scan.h"

namespace neurallog::index {

class TokenSet {
 public:
  // Texts must lie in buffers with this many readable bytes behind their end.
  static constexpr size_t kPadding = 64;
  static constexpr size_t kKeptSlots = 1 << 18;

  TokenSet() : TokenSet(ScanWindow()) {}
  // With a way to scan, for the test that compares them.
  explicit TokenSet(ScanFunction scan);

  // Adds all tokens of the text. Tokens do not go on from one text to the next.
  void Add(std::string_view text);
  // Adds one hash (of HashToken).
  void AddHash(TokenHash hash);
  void Clear();

  size_t size() const { return size_; }
  // Ascending, distinct. Valid until the next call of any method.
  std::span<const TokenHash> SortedHashes();

 private:
  void InsertAll(std::span<const TokenHash> hashes);
  void Grow();
  // Adds the token of more than 64 bytes at `at`; returns its end.
  const char* AddLongToken(const char* at, const char* end);

  const ScanFunction scan_;
  const uint32_t multiplier_;
  ScannedWindow window_;
  std::vector<TokenHash> slots_;  // open addressing; 0: empty; a power of two of them
  int shift_ = 0;                 // 32 - log2(slots_.size())
  size_t size_ = 0;
  std::vector<TokenHash> sorted_;
  std::vector<TokenHash> scratch_;
};

}  // namespace neurallog::index
