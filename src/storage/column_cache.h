// Decoded columns of sealed blocks, of all tenants. Blocks never change, so that nothing here can be
// out of date: a column of a block that is gone is never asked for again and makes room for others.
//
//   NL_TRY(const auto column, store.columns().Get(entry, keyspace, 3, view));
//
// Thread-safe. Bounded by its budget and the memory that others leave unused: beyond it the columns that
// were used least recently go.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "block/block.h"
#include "block/code_index.h"
#include "block/template_texts.h"
#include "filter/number.h"
#include "storage/lru_cache.h"

namespace neurallog::storage {

class Keyspace;
class ReadView;
class Store;
struct BlockEntry;

// Thread-safe.
class DecodedColumn {
 public:
  explicit DecodedColumn(block::Column column) : column_(std::move(column)) {}

  const block::Column& column() const { return column_; }
  // Of a kDict column; made when it is asked for first.
  const block::CodeIndex& code_index() const {
    std::call_once(index_once_, [this] { index_.emplace(block::CodeIndex::Of(column_)); });
    return *index_;
  }
  // Likewise.
  const filter::EntryNumbers& entry_numbers() const {
    std::call_once(numbers_once_, [this] { numbers_.emplace(column_.entries); });
    return *numbers_;
  }
  // With the index and some numbers, made or not.
  size_t memory_bytes() const;

 private:
  const block::Column column_;
  mutable std::once_flag index_once_;
  mutable std::optional<const block::CodeIndex> index_;
  mutable std::once_flag numbers_once_;
  mutable std::optional<const filter::EntryNumbers> numbers_;
};

// Of a block of any tenant: never given again.
std::string NameOf(const BlockEntry& entry, const Keyspace& keyspace);

class ColumnCache {
 public:
  // `store` and `spare`, which may be null, must outlive this.
  ColumnCache(const Store* store, size_t bytes_max, base::SpareMemory* spare)
      : store_(store), cache_(bytes_max, spare) {
    if (spare != nullptr) spare->set_on_taken([this] { cache_.Shrink(); });
  }

  struct Found {
    std::shared_ptr<const DecodedColumn> column;
    bool was_cached = false;
  };
  // Reads and decodes the column unless it is here. Corruption says what is wrong with it.
  Result<Found> Get(const BlockEntry& entry, const Keyspace& keyspace, size_t column,
                    const ReadView& view);

  // The same of a kTemplates column. Texts that are made of it are kept when they are short.
  Result<std::shared_ptr<const block::TemplateTexts>> GetTemplates(const BlockEntry& entry,
                                                                   const Keyspace& keyspace,
                                                                   size_t column,
                                                                   const ReadView& view);

  // These rows, which ascend, of a column that is not here. Nothing when it is, or shall be: it was asked
  // for before and there is room.
  Result<std::optional<block::Column>> TakeRows(const BlockEntry& entry, const Keyspace& keyspace,
                                                size_t column, std::span<const uint32_t> rows,
                                                const ReadView& view);

  size_t bytes() const { return cache_.bytes(); }

 private:
  Result<Found> GetTexts(const BlockEntry& entry, const Keyspace& keyspace, size_t column,
                         const ReadView& view);
  bool ShallBeHere(const std::string& key, size_t rows);
  // Calls decode(chunk) with the stored column.
  template <typename F>
  auto Decode(const BlockEntry& entry, const Keyspace& keyspace, size_t column,
              const ReadView& view, F decode);

  const Store* const store_;
  LruCache cache_;
};

}  // namespace neurallog::storage
