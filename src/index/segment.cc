#include "index/segment.h"

#include <fmt/format.h>

#include <algorithm>

#include "index/elias_fano.h"
#include "index/stored.h"

namespace neurallog::index {
namespace {
constexpr uint8_t kSegmentVersion = 1;
}  // namespace

std::string SegmentDirectory::Encode() const {
  std::string bytes(1, static_cast<char>(kSegmentVersion));
  base::AppendVarint(&bytes, blocks);
  AppendEliasFano(first_hashes, 0, &bytes);
  base::AppendLengthPrefixed(&bytes, block_names);
  Seal(&bytes);
  return bytes;
}

Result<SegmentDirectory> SegmentDirectory::Decode(std::string_view bytes) {
  NL_TRY(const std::string_view body, Unseal(bytes, "segment directory"));
  base::ByteReader reader(body);
  const auto version = reader.ReadLe<uint8_t>();
  const uint64_t blocks = reader.ReadVarint();
  if (!reader.ok() || version != kSegmentVersion || blocks == 0 || blocks > kSegmentBlocksMax)
    return Corruption(fmt::format("segment directory: version {}, {} blocks", version, blocks));
  NL_TRY(const EliasFano first_hashes, EliasFano::Decode(0, &reader));
  SegmentDirectory directory;
  directory.blocks = static_cast<uint32_t>(blocks);
  directory.first_hashes = first_hashes.ToVector();
  directory.block_names = reader.ReadLengthPrefixed();
  if (!reader.ok() || !reader.empty())
    return Corruption("segment directory: the names of its blocks are cut off");
  return directory;
}

std::optional<uint32_t> SegmentDirectory::PageOf(TokenHash hash) const {
  const auto next = std::upper_bound(first_hashes.begin(), first_hashes.end(), hash);
  if (next == first_hashes.begin()) return std::nullopt;
  return static_cast<uint32_t>(next - first_hashes.begin() - 1);
}

Status FindBlocks(const SegmentDirectory& directory, TokenHash hash, const FetchPage& fetch,
                  std::vector<uint32_t>* blocks) {
  const auto number = directory.PageOf(hash);
  if (!number) return Status::Ok();
  NL_TRY(const PageBytes bytes, fetch(*number));
  NL_TRY(const PostingsPage page, PostingsPage::Decode(*bytes, directory.blocks));
  return page.Find(hash, blocks);
}

Result<uint32_t> CountBlocks(const SegmentDirectory& directory, TokenHash hash,
                             const FetchPage& fetch) {
  const auto number = directory.PageOf(hash);
  if (!number) return 0u;
  NL_TRY(const PageBytes bytes, fetch(*number));
  NL_TRY(const PostingsPage page, PostingsPage::Decode(*bytes, directory.blocks));
  return page.CountOf(hash);
}

}  // namespace neurallog::index
