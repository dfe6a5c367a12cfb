// The rows of one tenant that are in the log but not yet in a block, in log order.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "block/block.h"
#include "model/record_batch.h"
#include "storage/keyspace.h"

namespace neurallog::ingest {

// Rows of a batch that replay found in blocks already; empty: none.
using SkippedRows = std::shared_ptr<const std::vector<bool>>;

// A run of rows at the front of a buffer. Keeps its batches alive.
struct RowSlice {
  std::vector<std::shared_ptr<const model::RecordBatch>> batches;
  std::vector<block::RowRef> rows;
  uint64_t lsn_min = 0;
  uint64_t lsn_max = 0;
  storage::LogPosition end;  // behind the last row
};

// Not thread-safe; guarded by its TenantLog.
class RowBuffer {
 public:
  // LSNs must grow from call to call. Returns the bytes that the buffer holds more.
  size_t Append(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn, SkippedRows skipped);

  // The first rows: at most `rows_max`, and not much more than `bytes_max` bytes of rows; at least one if there is one.
  RowSlice Front(size_t rows_max, size_t bytes_max) const;
  // The first rows up to a position that an earlier Front ended at.
  RowSlice FrontUntil(storage::LogPosition end) const;
  // All rows as slices of at most `rows_max` rows and about `bytes_max` bytes, oldest first.
  std::vector<RowSlice> All(size_t rows_max, size_t bytes_max) const;
  // Forgets the rows before `end`. Returns the bytes that the buffer holds less.
  size_t Drop(storage::LogPosition end);

  size_t rows() const { return rows_; }
  size_t bytes() const { return bytes_; }
  bool empty() const { return entries_.empty(); }
  // LSN of the oldest batch; the buffer must not be empty.
  uint64_t oldest_lsn() const { return entries_.front().lsn; }

 private:
  struct Entry {
    std::shared_ptr<const model::RecordBatch> batch;
    uint64_t lsn;
    SkippedRows skipped;
    uint32_t begin = 0;     // first row that is still here
    const char* begin_row;  // its bytes
    uint32_t left;          // rows from begin on that are not skipped
  };

  // A walk over rows from the front.
  class Cursor;

  std::deque<Entry> entries_;
  size_t rows_ = 0;
  size_t bytes_ = 0;
};

}  // namespace neurallog::ingest
