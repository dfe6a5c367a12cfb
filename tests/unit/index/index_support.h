// What the tests of the index share.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "index/segment.h"

namespace neurallog::index {

// A segment's pages in memory.
struct StoredSegment {
  SegmentDirectory directory;
  std::vector<std::string> pages;
  mutable size_t fetched = 0;

  PutPage Put() {
    return [this](uint32_t page, std::string bytes) {
      NL_CHECK(page == pages.size());
      pages.push_back(std::move(bytes));
      return Status::Ok();
    };
  }
  FetchPage Fetch() const {
    return [this](uint32_t page) -> Result<PageBytes> {
      ++fetched;
      return std::make_shared<const std::string>(pages.at(page));
    };
  }
  std::vector<uint32_t> Find(TokenHash hash) const {
    std::vector<uint32_t> blocks;
    NL_CHECK(FindBlocks(directory, hash, Fetch(), &blocks).ok());
    return blocks;
  }
};

using BlockHashes = std::vector<std::vector<TokenHash>>;

// Blocks with tokens of which some are in one block, some in a few and some in all. A small `spread`
// makes many neighbours.
inline BlockHashes RandomBlocks(std::mt19937* random, size_t blocks, size_t tokens,
                                uint32_t spread) {
  BlockHashes hashes(blocks);
  for (size_t i = 0; i < tokens; ++i) {
    const TokenHash hash = 1 + (*random)() % spread;
    const size_t copies = i % 10 < 7 ? 1 : i % 10 < 9 ? 1 + (*random)() % 5 : blocks;
    for (size_t copy = 0; copy < copies; ++copy)
      hashes[copies == blocks ? copy : (*random)() % blocks].push_back(hash);
  }
  for (auto& block : hashes) {
    std::sort(block.begin(), block.end());
    block.erase(std::unique(block.begin(), block.end()), block.end());
  }
  return hashes;
}

inline std::map<TokenHash, std::vector<uint32_t>> Naive(const BlockHashes& blocks) {
  std::map<TokenHash, std::vector<uint32_t>> index;
  for (uint32_t block = 0; block < blocks.size(); ++block)
    for (TokenHash hash : blocks[block]) index[hash].push_back(block);
  return index;
}

inline StoredSegment Build(const BlockHashes& blocks) {
  std::vector<std::string> encoded;
  for (const auto& hashes : blocks) encoded.push_back(EncodeHashList(hashes));
  std::vector<HashList> lists;
  for (const std::string& bytes : encoded) lists.push_back(HashList::Decode(bytes).value());
  StoredSegment segment;
  segment.directory = BuildSegment(lists, segment.Put()).value();
  return segment;
}

}  // namespace neurallog::index
