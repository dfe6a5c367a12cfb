#include "engine/merge_plan.h"

#include <algorithm>

namespace neurallog::engine {
namespace {

// More than texts of logs are compressed by.
constexpr uint64_t kExpansionMax = 64;

uint64_t ColumnBytes(const block::ColumnMeta& column, uint32_t rows) {
  const uint64_t per_row = 8ull * rows;  // numbers, codes or offsets
  const uint64_t longest = uint64_t{column.length_max} * column.present_rows;
  const uint64_t likely = kExpansionMax * std::max<uint64_t>(column.chunk_bytes, 64);
  return per_row + std::min(longest, likely);
}

std::vector<BlockGroup> GroupByTime(std::vector<storage::BlockEntry> blocks,
                                    const PlanOptions& options) {
  std::stable_sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
    return std::pair(a.header->min_ns, a.id) < std::pair(b.header->min_ns, b.id);
  });
  std::vector<BlockGroup> groups;
  uint64_t rows = 0, bytes = 0;
  for (storage::BlockEntry& block : blocks) {
    const uint64_t more_rows = block.header->rows, more_bytes = DecodedBytes(*block.header);
    if (groups.empty() || rows + more_rows > options.rows_max ||
        bytes + more_bytes > options.decoded_bytes_max) {
      groups.emplace_back();
      rows = bytes = 0;
    }
    rows += more_rows;
    bytes += more_bytes;
    groups.back().push_back(std::move(block));
  }
  return groups;
}

}  // namespace

size_t DecodedBytes(const block::BlockHeader& header) {
  uint64_t bytes = 0;
  for (const block::ColumnMeta& column : header.columns) bytes += ColumnBytes(column, header.rows);
  return bytes;
}

std::vector<BlockGroup> PlanMerge(const std::vector<storage::BlockEntry>& blocks,
                                  uint32_t small_rows, size_t blocks_min,
                                  const PlanOptions& options) {
  std::vector<storage::BlockEntry> small;
  for (const storage::BlockEntry& block : blocks)
    if (block.header->rows < small_rows && !IsWarm(block.id)) small.push_back(block);
  if (small.size() < blocks_min) return {};
  std::vector<BlockGroup> groups = GroupByTime(std::move(small), options);
  std::erase_if(groups, [](const BlockGroup& group) { return group.size() < 2; });
  return groups;
}

std::vector<BlockGroup> PlanWarm(const std::vector<storage::BlockEntry>& blocks,
                                 const PlanOptions& options) {
  const auto must = [](const storage::BlockEntry& block) {
    return !IsWarm(block.id) || block.deleted != nullptr;
  };
  if (std::none_of(blocks.begin(), blocks.end(), must)) return {};
  std::vector<storage::BlockEntry> taken;
  for (const storage::BlockEntry& block : blocks)
    if (must(block) || block.header->rows < options.rows_max / 2) taken.push_back(block);
  std::vector<BlockGroup> groups = GroupByTime(std::move(taken), options);
  std::erase_if(groups, [&](const BlockGroup& group) {
    return std::none_of(group.begin(), group.end(), must);
  });
  return groups;
}

storage::BlockId NameRewrite(const BlockGroup& group, bool warm) {
  storage::BlockId name;
  for (const storage::BlockEntry& block : group) {
    name.end = std::max(name.end, block.id.end);
    name.rewrite = std::max(name.rewrite, (block.id.rewrite & ~kWarmRewrite) + 1);
  }
  if (warm) name.rewrite |= kWarmRewrite;
  return name;
}

}  // namespace neurallog::engine
