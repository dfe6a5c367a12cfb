// Rows of a query as batches of records, for whoever wants to see records in the order of time.
//
//   RowBatcher batcher([&](const model::RecordBatch& batch) { ... });
//   batcher.OnColumns(names);  batcher.OnRow(values); ...      // of a query::RowVisitor
//   batcher.Finish();                                          // the last batch
//
// A batch has at most a thousand rows or about a megabyte. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/record_batch.h"
#include "query/row_visitor.h"

namespace neurallog::detection {

class RowBatcher {
 public:
  using OnBatch = std::function<void(const model::RecordBatch&)>;
  using Value = query::RowVisitor::Value;

  explicit RowBatcher(OnBatch on_batch);

  void OnColumns(std::span<const std::string_view> names);
  void OnRow(std::span<const Value> values);
  void Finish();
  size_t memory_bytes() const { return columns_.size() * kColumnBytes + 2 * kBytesMax; }

 private:
  static constexpr uint32_t kRowsMax = 1'024;
  static constexpr size_t kBytesMax = 1 << 20;
  static constexpr size_t kColumnBytes = 200;  // about what a name takes

  struct Column {
    std::string name;  // as it is stored; empty: the time of the record
    uint32_t id = 0;   // in the batch that was the last to have it
    uint64_t batch = 0;
  };

  uint32_t IdOf(Column* column);
  void EndBatch();

  const OnBatch on_batch_;
  std::map<std::string, Column, std::less<>> columns_;  // by the name that queries have for it
  std::vector<Column*> current_;
  std::unique_ptr<model::RecordBatchBuilder> builder_;
  uint64_t batch_ = 1;
  size_t batch_bytes_ = 0;
  size_t names_ = 0;  // of the batch
};

}  // namespace neurallog::detection
