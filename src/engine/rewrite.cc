#include "engine/rewrite.h"

#include <algorithm>

#include "index/token_set.h"

namespace neurallog::engine {
namespace {

struct DecodedBlock {
  std::vector<block::Column> columns;
  storage::DeletedRows left_out;  // empty: no row
  uint64_t bytes = 0;             // as stored
};

Result<DecodedBlock> ReadBlock(const storage::Store& store, const ingest::TenantLog& log,
                               const storage::BlockEntry& entry, const storage::ReadView& view) {
  DecodedBlock decoded;
  const block::BlockHeader& header = *entry.header;
  for (size_t i = 0; i < header.columns.size(); ++i) {
    const block::ColumnMeta& meta = header.columns[i];
    std::string chunk;
    if (meta.inline_chunk.empty()) {
      NL_TRY(chunk, store.ReadColumn(entry, log.keyspace(), static_cast<uint16_t>(i), view));
    }
    const std::string_view bytes = meta.inline_chunk.empty() ? chunk : meta.inline_chunk;
    decoded.bytes += bytes.size();
    NL_TRY(block::Column column, block::DecodeColumn(meta, header.rows, bytes));
    decoded.columns.push_back(std::move(column));
  }
  if (entry.deleted) decoded.left_out = *entry.deleted;
  return decoded;
}

// Rows stand in order of time.
void LeaveOutBefore(int64_t expiry_ns, const block::BlockHeader& header, DecodedBlock* block) {
  if (header.min_ns >= expiry_ns) return;
  block->left_out.resize((header.rows + 63) / 64);
  const std::vector<int64_t>& times = block->columns[0].ints;
  const auto first_kept = std::lower_bound(times.begin(), times.end(), expiry_ns) - times.begin();
  for (int64_t row = 0; row < first_kept; ++row)
    block->left_out[static_cast<size_t>(row) / 64] |= 1ull << (row % 64);
}

uint32_t RowsLeft(const block::BlockHeader& header, const DecodedBlock& block) {
  return header.rows - storage::CountDeleted(block.left_out);
}

}  // namespace

Result<RewriteResult> RewriteBlocks(storage::Store* store, ingest::TenantLog* log,
                                    const BlockGroup& group, const RewriteOptions& options,
                                    int* unreadable) {
  *unreadable = -1;
  RewriteResult result;
  const auto view = store->TakeView();
  std::vector<DecodedBlock> decoded;
  index::TokenSet tokens;
  block::BuildOptions build{
      .lsn_min = UINT64_MAX, .zstd_level = options.zstd_level, .tokens = &tokens};
  for (size_t i = 0; i < group.size(); ++i) {
    auto block = ReadBlock(*store, *log, group[i], *view);
    if (!block.ok()) {
      *unreadable = static_cast<int>(i);
      return block.status();
    }
    const block::BlockHeader& header = *group[i].header;
    LeaveOutBefore(options.expiry_ns, header, &*block);
    result.rows += RowsLeft(header, *block);
    result.bytes_read += block->bytes;
    build.lsn_min = std::min(build.lsn_min, header.lsn_min);
    build.lsn_max = std::max(build.lsn_max, header.lsn_max);
    decoded.push_back(std::move(block).value());
  }

  storage::Change change(group.front().partition, log->keyspace());
  std::vector<storage::BlockId> removed;
  for (const storage::BlockEntry& entry : group) {
    change.RemoveBlock(entry);
    removed.push_back(entry.id);
  }
  std::vector<storage::BlockEntry> added;
  if (result.rows > 0) {
    std::vector<block::MergeInput> inputs;
    for (size_t i = 0; i < group.size(); ++i)
      inputs.push_back({group[i].header.get(), decoded[i].columns, decoded[i].left_out});
    const block::BuiltBlock built = block::MergeBlocks(inputs, build);
    const storage::BlockId name = NameRewrite(group, options.warm);
    change.PutBlock(name, built);
    NL_TRY(auto header, block::BlockHeader::Decode(built.header));
    result.bytes_written = storage::StoredBytes(*header);
    added.push_back({group.front().partition, name, std::move(header)});
  }
  NL_RETURN_IF_ERROR(log->Rewrite(&change, std::move(removed), added));
  return result;
}

}  // namespace neurallog::engine
