#include "storage/column_cache.h"

#include <rocksdb/db.h>

#include "block/row_decoder.h"
#include "storage/store.h"

namespace neurallog::storage {
namespace {

// Columns of templates are kept as such, and as texts where these are short.
constexpr size_t kTexts = size_t{1} << 31;
constexpr size_t kTextBytesMax = 48;  // of a row, with its offset

std::string CacheKey(const BlockEntry& entry, const Keyspace& keyspace, size_t column) {
  std::string key = NameOf(entry, keyspace);
  base::AppendLe(&key, static_cast<uint32_t>(column));
  return key;
}

}  // namespace

// Column families never get an id again, blocks of a tenant never a name.
std::string NameOf(const BlockEntry& entry, const Keyspace& keyspace) {
  std::string name = keyspace.BlockHeaderKey(entry.id);
  base::AppendLe<uint32_t>(&name, entry.partition->handle()->GetID());
  return name;
}

size_t DecodedColumn::memory_bytes() const {
  size_t bytes = sizeof(*this) + column_.memory_bytes();
  if (column_.encoding != block::Encoding::kDict) return bytes;
  bytes += block::CodeIndex::MemoryBytes(column_);
  filter::Number number;
  if (!column_.entries.empty() && filter::ParseNumber(column_.entries[0], &number))
    bytes += column_.entries.size() * filter::EntryNumbers::kBytesPerEntry;
  return bytes;
}

template <typename F>
auto ColumnCache::Decode(const BlockEntry& entry, const Keyspace& keyspace, size_t column,
                         const ReadView& view, F decode) {
  const block::ColumnMeta& meta = entry.header->columns[column];
  if (!meta.inline_chunk.empty()) return decode(meta, std::string_view(meta.inline_chunk));
  const auto chunk = store_->ReadColumn(entry, keyspace, static_cast<uint16_t>(column), view);
  using Decoded = decltype(decode(meta, std::string_view()));
  return chunk.ok() ? decode(meta, std::string_view(*chunk)) : Decoded(chunk.status());
}

Result<ColumnCache::Found> ColumnCache::Get(const BlockEntry& entry, const Keyspace& keyspace,
                                            size_t column, const ReadView& view) {
  if (entry.header->columns[column].encoding == block::Encoding::kTemplates)
    return GetTexts(entry, keyspace, column, view);
  const std::string key = CacheKey(entry, keyspace, column);
  if (auto cached = cache_.Get<DecodedColumn>(key)) return Found{std::move(cached), true};
  NL_TRY(block::Column decoded,
         Decode(entry, keyspace, column, view,
                [&entry](const block::ColumnMeta& meta, std::string_view chunk) {
                  return block::DecodeColumn(meta, entry.header->rows, chunk);
                }));
  auto made = std::make_shared<const DecodedColumn>(std::move(decoded));
  cache_.Put(key, made, made->memory_bytes());
  return Found{std::move(made), false};
}

// Nothing has to go for columns of which single rows are wanted.
bool ColumnCache::ShallBeHere(const std::string& key, size_t rows) {
  constexpr size_t kRowBytes = 16;  // about
  if (cache_.bytes() + rows * kRowBytes > cache_.bytes_max()) return false;
  const std::string mark = key + "?";
  if (cache_.Get<bool>(mark) != nullptr) return true;
  cache_.Put(mark, std::make_shared<const bool>(true), sizeof(bool));
  return false;
}

Result<std::optional<block::Column>> ColumnCache::TakeRows(const BlockEntry& entry,
                                                           const Keyspace& keyspace, size_t column,
                                                           std::span<const uint32_t> rows,
                                                           const ReadView& view) {
  using Taken = std::optional<block::Column>;
  if (entry.header->columns[column].encoding == block::Encoding::kTemplates) {
    NL_TRY(const auto texts, GetTemplates(entry, keyspace, column, view));
    NL_TRY(block::Column some, texts->TakeWithGaps(rows));
    return Taken(std::move(some));
  }
  const std::string key = CacheKey(entry, keyspace, column);
  if (cache_.Get<DecodedColumn>(key) != nullptr || ShallBeHere(key, entry.header->rows))
    return Taken();
  NL_TRY(block::Column some, Decode(entry, keyspace, column, view,
                                    [&](const block::ColumnMeta& meta, std::string_view chunk) {
                                      return block::DecodeRows(meta, entry.header->rows, chunk,
                                                               rows);
                                    }));
  return Taken(std::move(some));
}

Result<ColumnCache::Found> ColumnCache::GetTexts(const BlockEntry& entry, const Keyspace& keyspace,
                                                 size_t column, const ReadView& view) {
  const std::string key = CacheKey(entry, keyspace, column | kTexts);
  if (auto cached = cache_.Get<DecodedColumn>(key)) return Found{std::move(cached), true};
  NL_TRY(const auto texts, GetTemplates(entry, keyspace, column, view));
  NL_TRY(block::Column all, texts->TakeAll());
  auto made = std::make_shared<const DecodedColumn>(std::move(all));
  if (made->memory_bytes() <= entry.header->rows * kTextBytesMax)
    cache_.Put(key, made, made->memory_bytes());
  return Found{std::move(made), false};
}

Result<std::shared_ptr<const block::TemplateTexts>> ColumnCache::GetTemplates(
    const BlockEntry& entry, const Keyspace& keyspace, size_t column, const ReadView& view) {
  const std::string key = CacheKey(entry, keyspace, column);
  if (auto cached = cache_.Get<block::TemplateTexts>(key)) return cached;
  NL_TRY(auto texts, Decode(entry, keyspace, column, view,
                            [&entry](const block::ColumnMeta& meta, std::string_view chunk) {
                              return block::DecodeTemplateTexts(meta, entry.header->rows, chunk);
                            }));
  cache_.Put(key, texts, texts->memory_bytes());
  return texts;
}

}  // namespace neurallog::storage
