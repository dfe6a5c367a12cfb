#include "block/block_builder.h"

#include <utility>

#include "base/check.h"
#include "block/block_format.h"
#include "block/block_header.h"
#include "block/column_encoder.h"
#include "index/hash_list.h"
#include "index/token_set.h"

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

BlockHeader DescribeRows(std::span<const int64_t> times, const BuildOptions& options) {
  BlockHeader header;
  header.rows = static_cast<uint32_t>(times.size());
  header.min_ns = times.front();
  header.max_ns = times.back();
  header.lsn_min = options.lsn_min;
  header.lsn_max = options.lsn_max;
  return header;
}

// Threads that seal keep their encoder: filling fresh memory costs more than encoding into it.
constexpr size_t kKeptRows = 16'384;

ColumnEncoder& ThreadEncoder() {
  thread_local ColumnEncoder encoder;
  return encoder;
}

BuiltBlock Assemble(std::span<const int64_t> times, std::span<const GatheredColumn> columns,
                    const BuildOptions& options, ColumnEncoder* encoder) {
  BlockHeader header = DescribeRows(times, options);
  BuiltBlock built{.header = {},
                   .chunks = {},
                   .hash_list = {},
                   .rows = header.rows,
                   .min_ns = header.min_ns,
                   .max_ns = header.max_ns};
  if (options.tokens != nullptr) options.tokens->Clear();
  encoder->BeginBlock(header.rows, options);

  ColumnMeta time_meta;
  time_meta.name = kTimeColumn;
  std::string time_chunk = encoder->EncodeTimes(times, &time_meta);
  PutChunk(std::move(time_chunk), std::move(time_meta), &header, &built);

  header.level_counts = NoLevels(times.size());
  header.columns.reserve(columns.size() + 1);
  for (const GatheredColumn& column : columns) {
    ColumnMeta meta;
    meta.name = column.name;
    std::string chunk = encoder->EncodeCells(column, &meta);
    if (column.name == kFieldLevel) header.level_counts = encoder->CountLevels(column, meta);
    PutChunk(std::move(chunk), std::move(meta), &header, &built);
  }
  built.header = EncodeHeader(header);
  if (options.tokens != nullptr)
    built.hash_list = index::EncodeHashList(options.tokens->SortedHashes());
  return built;
}

}  // namespace

BuiltBlock AssembleBlock(std::span<const int64_t> times, std::span<const GatheredColumn> columns,
                         const BuildOptions& options) {
  if (times.size() <= kKeptRows) return Assemble(times, columns, options, &ThreadEncoder());
  ColumnEncoder encoder;
  return Assemble(times, columns, options, &encoder);
}

BuiltBlock BuildBlock(std::span<RowRef> rows, const BuildOptions& options) {
  NL_CHECK(!rows.empty() && rows.size() <= kBlockRowsMax);
  SortRows(rows);
  std::vector<int64_t> times;
  times.reserve(rows.size());
  for (const RowRef& row : rows) times.push_back(row.timestamp_ns);
  std::vector<GatheredColumn> columns = GatherColumns(rows, /*copy=*/true);
  BuiltBlock built = AssembleBlock(times, columns, options);
  Recycle(std::move(columns));
  return built;
}

}  // namespace neurallog::block
