// Durable rows of one tenant in log order, seen as a block: what filters and pipes run over. And a
// filter that runs over chunks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "block/block.h"
#include "filter/filter.h"
#include "filter/program.h"
#include "query/batch.h"
#include "query/memory_budget.h"
#include "tail/cursor.h"
#include "tail/feed.h"

namespace neurallog::tail {

// Columns are decoded once, for all filters and pipes. Not thread-safe.
class Chunk {
 public:
  static constexpr size_t kRowsMax = 8192;
  static constexpr size_t kBytesMax = 16u << 20;  // of rows; one row may be larger

  // Calls visit(chunk) for the rows behind `after`, cut into chunks; stops at an error.
  static Status ForEach(const std::vector<LoggedBatch>& batches, const Cursor& after,
                        const std::function<Status(Chunk&)>& visit);

  const std::shared_ptr<query::Rows>& rows() { return rows_; }
  // The rows of the set, in log order.
  std::vector<uint32_t> InLogOrder(const filter::Bitmap& set) const;
  const Cursor& cursor(uint32_t row) const { return cursors_[Place(row)]; }

 private:
  Chunk(std::vector<std::shared_ptr<const model::RecordBatch>> batches,
        std::vector<block::RowRef> rows, std::vector<Cursor> cursors);

  // Of a row of the block in the log.
  uint32_t Place(uint32_t row) const { return places_.empty() ? row : places_[row]; }

  query::MemoryBudget budget_{SIZE_MAX};
  std::vector<Cursor> cursors_;   // in log order
  std::vector<uint32_t> places_;  // per row of the block; empty: log order is order of time
  std::unique_ptr<const block::MemoryBlock> memory_;
  std::shared_ptr<query::Rows> rows_;
};

// A compiled filter. Not thread-safe.
class Matcher {
 public:
  Matcher(const filter::Filter& filter, std::shared_ptr<const filter::Program> program);

  // What `_time:5m` means moves on with the clock.
  void SetNow(int64_t now_ns);
  // The rows that match, in log order.
  Result<std::vector<uint32_t>> Match(Chunk& chunk) const;

 private:
  std::unique_ptr<const filter::Filter> relative_;  // null: the clock does not matter
  std::shared_ptr<const filter::Program> program_;
};

}  // namespace neurallog::tail
