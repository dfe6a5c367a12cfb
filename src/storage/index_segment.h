// A postings segment as it is stored: its directory, whose block names are the ids of its blocks and
// its level.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "index/segment.h"
#include "neurallog/status.h"
#include "storage/keyspace.h"

namespace neurallog::storage {

// Immutable once made, so thread-safe.
struct IndexSegment {
  uint64_t id = 0;
  int level = 0;  // how often its blocks have been merged
  index::SegmentDirectory directory;
  std::vector<BlockId> blocks;  // by number

  static Result<std::shared_ptr<const IndexSegment>> Decode(uint64_t id, std::string_view bytes);
  size_t memory_bytes() const;
};

// The segments of one tenant in one partition, by id.
struct IndexSegments {
  std::vector<std::shared_ptr<const IndexSegment>> all;
  std::vector<uint64_t> damaged;  // whose directory cannot be read
  size_t memory_bytes() const;
};

// names := level:u8 { lsn:zigzag varint, less the one before  row:varint rewrite:varint }
std::string EncodeBlockNames(int level, std::span<const BlockId> blocks);

}  // namespace neurallog::storage
