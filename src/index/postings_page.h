// One page of a postings segment: a range of token hashes, each with the blocks that hold it.
//
//   page := first_hash:u32 hashes:elias_fano several:bitmap blocks:packed lists:bits crc32c:u32
//
// A token of one block has the block's number in `blocks`; the others are marked in `several`, have
// their count there, and their numbers, as Rice-coded gaps, in `lists`. docs/formats/index.md
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/elias_fano.h"
#include "index/token.h"
#include "neurallog/status.h"

namespace neurallog::index {

// Collects tokens in ascending order until a page is full. Not thread-safe.
class PostingsPageBuilder {
 public:
  // Stays below the 4 KiB from which on RocksDB would put pages into blob files.
  static constexpr size_t kPageBytes = 3900;

  // For a segment of `blocks` blocks.
  explicit PostingsPageBuilder(uint32_t blocks);

  // `hash` is above the last one; `blocks` ascending, distinct and not empty.
  void Add(TokenHash hash, std::span<const uint32_t> blocks);
  bool empty() const { return hashes_.empty(); }
  // True when the page would take kPageBytes. One more token may add a bit per block of the segment.
  bool full() const;
  TokenHash first_hash() const { return hashes_.front(); }
  // The page; the builder is empty then.
  std::string Finish();

 private:
  const uint32_t blocks_;
  std::vector<TokenHash> hashes_;
  std::vector<uint32_t> fields_;  // block number, or count - 2
  std::vector<bool> several_;
  size_t list_bits_ = 0;
  std::vector<uint32_t> list_blocks_;  // the lists of `several_`, one after the other
};

// Points into the encoded bytes, which must outlive it. Immutable, thread-safe.
class PostingsPage {
 public:
  // Checks the checksum and trusts no byte: Corruption says what is wrong.
  static Result<PostingsPage> Decode(std::string_view bytes, uint32_t blocks);

  // How many blocks hold the token: 0 when none does.
  uint32_t CountOf(TokenHash hash) const;
  // Appends the numbers of the blocks that hold the token.
  Status Find(TokenHash hash, std::vector<uint32_t>* blocks) const;

  // All tokens with their blocks.
  struct Entries {
    std::vector<TokenHash> hashes;
    std::vector<uint32_t> blocks;  // of all tokens, one after the other
    std::vector<uint32_t> ends;    // where each token's blocks end
  };
  Result<Entries> ReadAll() const;

 private:
  PostingsPage(const EliasFano& hashes, uint32_t blocks) : hashes_(hashes), blocks_(blocks) {}
  uint32_t FieldAt(size_t index) const;
  bool IsSeveral(size_t index) const;

  EliasFano hashes_;
  uint32_t blocks_;
  int field_bits_ = 0;
  std::string_view several_;
  std::string_view fields_;
  std::string_view lists_;
};

}  // namespace neurallog::index
