// Blocks for tests: rows that are not sealed (MemoryBlock), and rows that went through BuildBlock
// and back.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "block/block.h"
#include "block/block_view.h"
#include "block/code_index.h"
#include "block/row_decoder.h"
#include "block/template_texts.h"
#include "filter/number.h"
#include "model/record_batch.h"

namespace neurallog::testing {

struct TestField {
  std::string name;
  ValueType type;
  std::string value;
};
struct TestRecord {
  int64_t timestamp_ns = 0;
  std::vector<TestField> fields;
};

inline std::shared_ptr<const model::RecordBatch> MakeBatch(const std::vector<TestRecord>& records) {
  model::RecordBatchBuilder builder(64 << 10);
  for (const TestRecord& record : records) {
    builder.BeginRow();
    for (const TestField& field : record.fields)
      builder.AddField(builder.NameId(field.name), field.type, field.value);
    builder.EndRow(record.timestamp_ns);
  }
  return builder.Finish();
}

inline std::vector<block::RowRef> RowsOf(const model::RecordBatch& batch) {
  std::vector<block::RowRef> rows;
  const char* row = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    const model::RowReader reader(row);
    rows.push_back({&batch, row, reader.timestamp_ns()});
    row = reader.next_row();
  }
  return rows;
}

// Rows as they are before they are sealed.
class MemoryStored {
 public:
  explicit MemoryStored(const std::shared_ptr<const model::RecordBatch>& batch)
      : block_({batch}, RowsOf(*batch)) {}
  const block::BlockHeader& header() const { return block_.header(); }
  Result<block::Column> Read(size_t index) const { return block_.GetColumn(index); }
  std::shared_ptr<const block::TemplateTexts> ReadTemplates(size_t) const { return nullptr; }
  Result<std::optional<block::Column>> ReadRows(size_t, std::span<const uint32_t>) const {
    return std::optional<block::Column>();
  }
  bool has_code_index() const { return false; }

 private:
  block::MemoryBlock block_;
};

// Rows as they are on disk.
class SealedStored {
 public:
  explicit SealedStored(const std::shared_ptr<const model::RecordBatch>& batch) {
    std::vector<block::RowRef> rows = RowsOf(*batch);
    block::BuiltBlock built = block::BuildBlock(rows, {});
    auto header = block::BlockHeader::Decode(built.header);
    NL_CHECK(header.ok());
    header_ = *header;
    for (auto& chunk : built.chunks) chunks_[chunk.column] = std::move(chunk.bytes);
  }
  const block::BlockHeader& header() const { return *header_; }
  Result<block::Column> Read(size_t index) const {
    return block::DecodeColumn(header_->columns[index], header_->rows, ChunkOf(index));
  }
  std::shared_ptr<const block::TemplateTexts> ReadTemplates(size_t index) const {
    const block::ColumnMeta& meta = header_->columns[index];
    if (meta.encoding != block::Encoding::kTemplates) return nullptr;
    auto texts = block::DecodeTemplateTexts(meta, header_->rows, ChunkOf(index));
    NL_CHECK(texts.ok());
    return *texts;
  }
  Result<std::optional<block::Column>> ReadRows(size_t index,
                                                std::span<const uint32_t> rows) const {
    NL_TRY(block::Column column, block::DecodeRows(header_->columns[index], header_->rows,
                                                   ChunkOf(index), rows));
    return std::optional<block::Column>(std::move(column));
  }
  bool has_code_index() const { return true; }

 private:
  std::string_view ChunkOf(size_t index) const {
    const auto chunk = chunks_.find(index);
    return chunk == chunks_.end() ? header_->columns[index].inline_chunk : chunk->second;
  }

  std::shared_ptr<const block::BlockHeader> header_;
  std::map<size_t, std::string> chunks_;
};

template <typename Stored>
class StoredView : public block::BlockView {
 public:
  explicit StoredView(const Stored& stored)
      : stored_(stored), columns_(stored.header().columns.size()) {}
  const block::BlockHeader& header() const override { return stored_.header(); }
  Result<const block::Column*> GetColumn(size_t index) override {
    if (columns_[index] == nullptr) {
      NL_TRY(block::Column column, stored_.Read(index));
      columns_[index] = std::make_unique<block::Column>(std::move(column));
    }
    return static_cast<const block::Column*>(columns_[index].get());
  }
  Result<const block::TemplateTexts*> GetTemplates(size_t index) override {
    if (templates_[index] == nullptr) templates_[index] = stored_.ReadTemplates(index);
    return templates_[index].get();
  }
  Result<std::optional<block::Column>> TakeRows(size_t index,
                                                std::span<const uint32_t> rows) override {
    NL_TRY(const block::TemplateTexts* texts, GetTemplates(index));
    if (texts == nullptr) return stored_.ReadRows(index, rows);
    NL_TRY(block::Column column, texts->TakeWithGaps(rows));
    return std::optional<block::Column>(std::move(column));
  }
  const block::CodeIndex* GetCodeIndex(size_t index) override {
    const bool has_index = stored_.has_code_index() && columns_[index] != nullptr &&
                           columns_[index]->encoding == block::Encoding::kDict;
    if (!has_index) return nullptr;
    if (!indexes_[index]) indexes_[index].emplace(block::CodeIndex::Of(*columns_[index]));
    return &*indexes_[index];
  }
  const filter::EntryNumbers* GetEntryNumbers(size_t index) override {
    if (GetCodeIndex(index) == nullptr) return nullptr;
    if (!numbers_[index]) numbers_[index].emplace(columns_[index]->entries);
    return &*numbers_[index];
  }

 private:
  const Stored& stored_;
  std::map<size_t, std::optional<filter::EntryNumbers>> numbers_;
  std::vector<std::unique_ptr<block::Column>> columns_;
  std::map<size_t, std::shared_ptr<const block::TemplateTexts>> templates_;
  std::map<size_t, std::optional<block::CodeIndex>> indexes_;
};

// Records in blocks of `rows_per_block`, in the order given; every second block sealed, or all, or
// none.
class TestBlockSet : public block::BlockSet {
 public:
  enum class Form { kMemory, kSealed, kMixed };

  TestBlockSet(const std::vector<TestRecord>& records, size_t rows_per_block, Form form) {
    for (size_t begin = 0; begin < records.size(); begin += rows_per_block) {
      const size_t end = std::min(records.size(), begin + rows_per_block);
      const auto batch = MakeBatch({records.begin() + static_cast<ptrdiff_t>(begin),
                                    records.begin() + static_cast<ptrdiff_t>(end)});
      const bool is_sealed =
          form == Form::kSealed || (form == Form::kMixed && blocks_.size() % 2 == 0);
      Block block;
      if (is_sealed) {
        block.sealed = std::make_unique<SealedStored>(batch);
      } else {
        block.memory = std::make_unique<MemoryStored>(batch);
      }
      blocks_.push_back(std::move(block));
    }
  }
  size_t size() const override { return blocks_.size(); }
  const block::BlockHeader& header(size_t i) const override {
    return blocks_[i].sealed ? blocks_[i].sealed->header() : blocks_[i].memory->header();
  }
  std::unique_ptr<block::BlockView> Open(size_t i) const override {
    if (blocks_[i].sealed) return std::make_unique<StoredView<SealedStored>>(*blocks_[i].sealed);
    return std::make_unique<StoredView<MemoryStored>>(*blocks_[i].memory);
  }
  std::string Name(size_t i) const override {
    return blocks_[i].sealed ? std::to_string(number_) + "/" + std::to_string(i) : std::string();
  }

 private:
  struct Block {
    std::unique_ptr<SealedStored> sealed;
    std::unique_ptr<MemoryStored> memory;
  };
  static uint64_t NextNumber() {
    static std::atomic<uint64_t> next{0};
    return next++;
  }
  const uint64_t number_ = NextNumber();  // of all sets of the process
  std::vector<Block> blocks_;
};

}  // namespace neurallog::testing
