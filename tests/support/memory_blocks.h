// Blocks for tests: rows that are not sealed (MemoryBlock), and rows that went through BuildBlock
// and back.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "block/block.h"
#include "block/block_view.h"
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
    INFO(header.status().ToString());
    REQUIRE(header.ok());
    header_ = *header;
    for (auto& chunk : built.chunks) chunks_[chunk.column] = std::move(chunk.bytes);
  }
  const block::BlockHeader& header() const { return *header_; }
  Result<block::Column> Read(size_t index) const {
    const block::ColumnMeta& meta = header_->columns[index];
    const auto chunk = chunks_.find(index);
    return block::DecodeColumn(meta, header_->rows,
                               chunk == chunks_.end() ? meta.inline_chunk : chunk->second);
  }

 private:
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

 private:
  const Stored& stored_;
  std::vector<std::unique_ptr<block::Column>> columns_;
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

 private:
  struct Block {
    std::unique_ptr<SealedStored> sealed;
    std::unique_ptr<MemoryStored> memory;
  };
  std::vector<Block> blocks_;
};

}  // namespace neurallog::testing
