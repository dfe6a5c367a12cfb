#include "index/segment.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/check.h"
#include "index/stored.h"
#include "unit/index/index_support.h"

namespace neurallog::index {
namespace {

void CheckFinds(const StoredSegment& segment, const BlockHashes& blocks, std::mt19937* random,
                uint32_t spread) {
  const auto expected = Naive(blocks);
  for (const auto& [hash, numbers] : expected)
    if (segment.Find(hash) != numbers) FAIL("token " << hash);
  for (int i = 0; i < 1000; ++i) {
    const TokenHash probe = 1 + (*random)() % spread;
    const auto found = expected.find(probe);
    CHECK(segment.Find(probe) == (found == expected.end() ? std::vector<uint32_t>() : found->second));
    CHECK(CountBlocks(segment.directory, probe, segment.Fetch()).value() ==
          (found == expected.end() ? 0 : found->second.size()));
  }
}

// Merges segments whose blocks are numbered on from each other; `dropped` blocks go.
StoredSegment Merge(const std::vector<StoredSegment>& inputs, const std::vector<bool>& dropped) {
  std::vector<MergeInput> merge;
  uint32_t number = 0;
  size_t block = 0;
  for (const StoredSegment& input : inputs) {
    merge.push_back({&input.directory, input.Fetch(), {}});
    for (uint32_t i = 0; i < input.directory.blocks; ++i)
      merge.back().new_numbers.push_back(dropped[block++] ? MergeInput::kDropped : number++);
  }
  StoredSegment merged;
  size_t bad = 0;
  merged.directory = MergeSegments(merge, merged.Put(), &bad).value();
  return merged;
}

}  // namespace

TEST_CASE("a segment finds the blocks of every token, and none for absent tokens") {
  std::mt19937 random(1);
  for (size_t blocks : {1, 2, 3, 16, 17, 255, 256})
    for (uint32_t spread : {40u, 3000u, UINT32_MAX}) {
      const BlockHashes hashes = RandomBlocks(&random, blocks, 5000, spread);
      CheckFinds(Build(hashes), hashes, &random, spread);
    }
}

TEST_CASE("an absent token costs at most one page") {
  std::mt19937 random(2);
  const StoredSegment segment = Build(RandomBlocks(&random, 64, 100'000, UINT32_MAX));
  REQUIRE(segment.directory.pages() > 10);
  for (int i = 0; i < 100; ++i) (void)segment.Find(random());
  CHECK(segment.fetched <= 100);
}

TEST_CASE("pages stay near 4 KiB, but for lists that are longer than that") {
  std::mt19937 random(3);
  for (const std::string& page : Build(RandomBlocks(&random, 256, 50'000, UINT32_MAX)).pages)
    CHECK(page.size() < 4300);
}

TEST_CASE("a segment of blocks without tokens has no pages") {
  const StoredSegment segment = Build(BlockHashes(5));
  CHECK(segment.directory.pages() == 0);
  CHECK(segment.Find(HashToken("a")).empty());
}

TEST_CASE("merged segments find what a segment of all their blocks finds") {
  std::mt19937 random(4);
  for (uint32_t spread : {500u, UINT32_MAX}) {
    BlockHashes all;
    std::vector<StoredSegment> inputs;
    for (size_t blocks : {16, 1, 40, 16}) {
      const BlockHashes hashes = RandomBlocks(&random, blocks, 8000, spread);
      all.insert(all.end(), hashes.begin(), hashes.end());
      inputs.push_back(Build(hashes));
    }
    inputs.push_back(Build(BlockHashes(2)));
    all.resize(all.size() + 2);
    const StoredSegment merged = Merge(inputs, std::vector<bool>(all.size()));
    CHECK(merged.pages == Build(all).pages);
    CheckFinds(merged, all, &random, spread);
  }
}

TEST_CASE("blocks that are dropped in a merge are gone, and their numbers used by others") {
  std::mt19937 random(5);
  std::vector<StoredSegment> inputs;
  BlockHashes left;
  std::vector<bool> dropped;
  for (int i = 0; i < 3; ++i) {
    const BlockHashes hashes = RandomBlocks(&random, 20, 4000, UINT32_MAX);
    inputs.push_back(Build(hashes));
    for (const auto& block : hashes) {
      dropped.push_back(random() % 3 == 0);
      if (!dropped.back()) left.push_back(block);
    }
  }
  const StoredSegment merged = Merge(inputs, dropped);
  CHECK(merged.directory.blocks == left.size());
  CHECK(merged.pages == Build(left).pages);
}

TEST_CASE("a page with a flipped bit or a cut is corrupt") {
  std::mt19937 random(6);
  const StoredSegment segment = Build(RandomBlocks(&random, 100, 3000, UINT32_MAX));
  const std::string& page = segment.pages[0];
  for (size_t i = 0; i < page.size(); ++i) {
    std::string damaged = page;
    damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 8);
    CHECK(PostingsPage::Decode(damaged, 100).status().code() == Code::kCorruption);
    CHECK(PostingsPage::Decode(page.substr(0, i), 100).status().code() == Code::kCorruption);
  }
}

TEST_CASE("a page that lies under a good checksum does no harm") {
  std::mt19937 random(7);
  const StoredSegment segment = Build(RandomBlocks(&random, 100, 3000, UINT32_MAX));
  const std::string body = segment.pages[0].substr(0, segment.pages[0].size() - 4);
  size_t refused = 0;
  for (size_t i = 0; i < 3 * body.size(); ++i) {
    std::string damaged = body;
    damaged[i % body.size()] = static_cast<char>(random());
    if (i % 5 == 0) damaged.resize(random() % body.size());
    Seal(&damaged);
    const auto page = PostingsPage::Decode(damaged, 100);
    if (!page.ok()) {
      ++refused;
      continue;
    }
    const auto entries = page->ReadAll();
    if (entries.ok()) CHECK(entries->ends.back() == entries->blocks.size());
    for (int probe = 0; probe < 5; ++probe) {
      std::vector<uint32_t> blocks;
      if (page->Find(random(), &blocks).ok())
        for (uint32_t block : blocks) CHECK(block < 100);
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("a merge names the input that is damaged") {
  std::mt19937 random(8);
  std::vector<StoredSegment> inputs;
  for (int i = 0; i < 3; ++i) inputs.push_back(Build(RandomBlocks(&random, 4, 5000, UINT32_MAX)));
  inputs[1].pages.back()[100] ^= 1;
  std::vector<MergeInput> merge;
  for (uint32_t i = 0; i < 3; ++i)
    merge.push_back({&inputs[i].directory, inputs[i].Fetch(), {4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3}});
  StoredSegment merged;
  size_t bad = 0;
  CHECK(MergeSegments(merge, merged.Put(), &bad).status().code() == Code::kCorruption);
  CHECK(bad == 1);
}

TEST_CASE("a merge refuses pages that overlap") {
  std::mt19937 random(9);
  StoredSegment segment = Build(RandomBlocks(&random, 4, 20'000, UINT32_MAX));
  REQUIRE(segment.pages.size() > 2);
  std::swap(segment.pages[0], segment.pages[1]);
  StoredSegment merged;
  size_t bad = 7;
  const std::vector<MergeInput> merge = {{&segment.directory, segment.Fetch(), {0, 1, 2, 3}}};
  CHECK(MergeSegments(merge, merged.Put(), &bad).status().code() == Code::kCorruption);
  CHECK(bad == 0);
}

TEST_CASE("a directory comes back, and with a flipped bit or a cut it is corrupt") {
  std::mt19937 random(10);
  SegmentDirectory directory = Build(RandomBlocks(&random, 30, 20'000, UINT32_MAX)).directory;
  directory.block_names = "the names of thirty blocks";
  const std::string bytes = directory.Encode();
  const auto decoded = SegmentDirectory::Decode(bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded->blocks == 30);
  CHECK(decoded->first_hashes == directory.first_hashes);
  CHECK(decoded->block_names == directory.block_names);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1 << i % 8);
    CHECK(SegmentDirectory::Decode(damaged).status().code() == Code::kCorruption);
    CHECK(SegmentDirectory::Decode(bytes.substr(0, i)).status().code() == Code::kCorruption);
  }
}

}  // namespace neurallog::index
