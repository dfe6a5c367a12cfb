// A postings segment: for up to 65,536 blocks, which of them hold a token. Written once, in pages of
// about 4 KiB, and a directory that tells the page of a token, so that a token that is in no block
// costs one page.
//
//   NL_TRY(SegmentDirectory directory, BuildSegment(lists, put_page));   // from 256 hash lists
//   NL_TRY(SegmentDirectory directory, MergeSegments(inputs, put_page, &bad));    // from 16 segments
//   NL_RETURN_IF_ERROR(FindBlocks(directory, HashToken("timeout"), fetch_page, &blocks));
//
// Blocks are numbers 0, 1, ... here. The caller keeps their names in `block_names`, in whatever form
// it likes. Segments hold whole hashes, so merging needs nothing else. docs/formats/index.md
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/hash_list.h"
#include "index/postings_page.h"
#include "index/token.h"
#include "neurallog/status.h"

namespace neurallog::index {

inline constexpr uint32_t kSegmentBlocksMax = 1 << 16;

// Thread-safe when it is not changed.
struct SegmentDirectory {
  uint32_t blocks = 0;
  std::vector<TokenHash> first_hashes;  // one per page, ascending
  std::string block_names;              // the caller's

  std::string Encode() const;
  // Trusts no byte: Corruption says what is wrong.
  static Result<SegmentDirectory> Decode(std::string_view bytes);

  uint32_t pages() const { return static_cast<uint32_t>(first_hashes.size()); }
  // The only page that can hold the token.
  std::optional<uint32_t> PageOf(TokenHash hash) const;
};

// Reads page 0, 1, ... of a segment.
using PageBytes = std::shared_ptr<const std::string>;
using FetchPage = std::function<Result<PageBytes>(uint32_t page)>;
// Takes page 0, 1, ... of a segment that is being written.
using PutPage = std::function<Status(uint32_t page, std::string bytes)>;

// Appends the numbers of the blocks that hold the token, or another one with its hash (one token in
// 2^32 for each token of the segment). Fetches at most one page.
Status FindBlocks(const SegmentDirectory& directory, TokenHash hash, const FetchPage& fetch,
                  std::vector<uint32_t>* blocks);
// How many blocks those are.
Result<uint32_t> CountBlocks(const SegmentDirectory& directory, TokenHash hash,
                             const FetchPage& fetch);

// Block i has the tokens of lists[i]. Takes little memory beside the lists. The directory's block_names are empty.
Result<SegmentDirectory> BuildSegment(std::span<const HashList> lists, const PutPage& put);

struct MergeInput {
  static constexpr uint32_t kDropped = UINT32_MAX;

  const SegmentDirectory* directory;
  FetchPage fetch;
  // The number of each block in the new segment, ascending from input to input; kDropped for those
  // that it shall not have.
  std::vector<uint32_t> new_numbers;
};

// Reads each page once and holds one page per input. When an input is damaged `*bad` is its index.
Result<SegmentDirectory> MergeSegments(std::span<const MergeInput> inputs, const PutPage& put,
                                       size_t* bad);

}  // namespace neurallog::index
