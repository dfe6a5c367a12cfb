#include "storage/index_segment.h"

#include "base/bytes.h"

namespace neurallog::storage {

std::string EncodeBlockNames(int level, std::span<const BlockId> blocks) {
  std::string names(1, static_cast<char>(level));
  uint64_t last_lsn = 0;
  for (const BlockId& block : blocks) {
    base::AppendVarint(&names, base::ZigZag(static_cast<int64_t>(block.end.lsn - last_lsn)));
    base::AppendVarint(&names, block.end.row);
    base::AppendVarint(&names, block.rewrite);
    last_lsn = block.end.lsn;
  }
  return names;
}

Result<std::shared_ptr<const IndexSegment>> IndexSegment::Decode(uint64_t id,
                                                                 std::string_view bytes) {
  auto segment = std::make_shared<IndexSegment>();
  segment->id = id;
  NL_TRY(segment->directory, index::SegmentDirectory::Decode(bytes));
  const std::string names = std::move(segment->directory.block_names);
  segment->directory.block_names.clear();
  base::ByteReader reader(names);
  segment->level = reader.ReadLe<uint8_t>();
  segment->blocks.resize(segment->directory.blocks);
  uint64_t lsn = 0;
  for (BlockId& block : segment->blocks) {
    lsn += static_cast<uint64_t>(base::UnZigZag(reader.ReadVarint()));
    block.end.lsn = lsn;
    block.end.row = static_cast<uint32_t>(reader.ReadVarint());
    block.rewrite = static_cast<uint32_t>(reader.ReadVarint());
  }
  if (!reader.ok() || !reader.empty())
    return Corruption("segment " + std::to_string(id) + ": the names of its blocks are " +
                      std::to_string(names.size()) + " bytes");
  return std::shared_ptr<const IndexSegment>(std::move(segment));
}

size_t IndexSegment::memory_bytes() const {
  return sizeof(*this) + blocks.size() * sizeof(BlockId) +
         directory.first_hashes.size() * sizeof(index::TokenHash);
}

size_t IndexSegments::memory_bytes() const {
  size_t bytes = sizeof(*this);
  for (const auto& segment : all) bytes += segment->memory_bytes();
  return bytes;
}

}  // namespace neurallog::storage
