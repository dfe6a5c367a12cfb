#include "block/block.h"

#include <utility>

#include "base/check.h"
#include "block/block_format.h"
#include "block/block_header.h"
#include "block/column_encoder.h"
#include "block/gather.h"

namespace neurallog::block {
namespace {

void PutChunk(std::string chunk, ColumnMeta meta, BlockHeader* header, BuiltBlock* built) {
  const size_t index = header->columns.size();
  if (chunk.size() <= kInlineChunkBytesMax || index > kChunkColumnMax) {
    meta.inline_chunk = std::move(chunk);
  } else {
    BuiltBlock::Chunk& stored = built->chunks.emplace_back();
    stored.column = static_cast<uint16_t>(index);
    stored.bytes = std::move(chunk);
  }
  header->columns.push_back(std::move(meta));
}

BlockHeader DescribeRows(std::span<const RowRef> rows, const BuildOptions& options) {
  BlockHeader header;
  header.rows = static_cast<uint32_t>(rows.size());
  header.min_ns = rows.front().timestamp_ns;
  header.max_ns = rows.back().timestamp_ns;
  header.lsn_min = options.lsn_min;
  header.lsn_max = options.lsn_max;
  return header;
}

}  // namespace

BuiltBlock BuildBlock(std::span<RowRef> rows, const BuildOptions& options) {
  NL_CHECK(!rows.empty() && rows.size() <= kBlockRowsMax);
  SortRows(rows);
  BlockHeader header = DescribeRows(rows, options);
  BuiltBlock built{.header = {},
                   .chunks = {},
                   .rows = header.rows,
                   .min_ns = header.min_ns,
                   .max_ns = header.max_ns};
  ColumnEncoder encoder(header.rows, options.zstd_level);

  std::vector<int64_t> times;
  times.reserve(rows.size());
  for (const RowRef& row : rows) times.push_back(row.timestamp_ns);
  ColumnMeta time_meta;
  time_meta.name = kTimeColumn;
  std::string time_chunk = encoder.EncodeTimes(times, &time_meta);
  PutChunk(std::move(time_chunk), std::move(time_meta), &header, &built);

  const std::vector<GatheredColumn> columns = GatherColumns(rows);
  header.level_counts = CountLevels(columns, rows.size());
  for (const GatheredColumn& column : columns) {
    ColumnMeta meta;
    meta.name = column.name;
    std::string chunk = encoder.EncodeCells(column, &meta);
    PutChunk(std::move(chunk), std::move(meta), &header, &built);
  }
  built.header = EncodeHeader(header);
  return built;
}

}  // namespace neurallog::block
