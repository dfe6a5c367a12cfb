// The distinct tokens of one block, as sorted hashes; reused from block to block.
//
//   set.Clear();
//   for (std::string_view value : values) set.Add(value);
//   EncodeHashList(set.SortedHashes(), &list);
//
// A token costs the same, new or not (bench/micro/index_bench.cc). The memory follows the distinct
// tokens, at most 32 bytes each and 512 KiB at least; Clear() gives back what goes beyond kKeptHashes.
// Not thread-safe.
#pragma once

#include <array>
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
  static constexpr size_t kKeptHashes = 1 << 18;

  TokenSet() : TokenSet(ScanWindow()) {}
  // With a way to scan, for the test that compares them.
  explicit TokenSet(ScanFunction scan);

  // Adds all tokens of the text. Tokens do not go on from one text to the next.
  void Add(std::string_view text);
  // Adds one hash (of HashToken).
  void AddHash(TokenHash hash);
  void Clear();

  // Ascending, distinct. Valid until the next call of any method.
  std::span<const TokenHash> SortedHashes();

 private:
  static constexpr size_t kHashesMin = 1 << 16;
  static constexpr int kRecentBits = 12;

  void AddShort(std::string_view text);
  void AddLong(std::string_view text);
  // Adds the token of more than 64 bytes at `at`; returns its end.
  const char* AddLongToken(const char* at, const char* end);
  void Put(TokenHash hash);
  void MakeRoom(size_t hashes);
  void SortAndUnique();

  const ScanFunction scan_;
  ScannedWindow window_;
  ScannedShort short_;
  std::array<TokenHash, size_t{1} << kRecentBits> recent_;  // by their first bits; 0: none
  std::vector<TokenHash> hashes_;  // the first count_ of them, in any order, some of them repeated
  std::vector<TokenHash> scratch_;
  size_t count_ = 0;
};

}  // namespace neurallog::index
