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
  // LSNs must grow from call to call; `now_ns` is any clock. Returns the bytes that the buffer holds more.
  size_t Append(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn, SkippedRows skipped,
                int64_t now_ns);

  // The first rows: at most `rows_max`, and not much more than `bytes_max` bytes of rows; at least one if there is one. None of LSN
  // `until` or later.
  RowSlice Front(size_t rows_max, size_t bytes_max, uint64_t until = UINT64_MAX) const;
  // The first rows up to a position that an earlier Front ended at.
  RowSlice FrontUntil(storage::LogPosition end) const;
  // All rows as slices of at most `rows_max` rows and about `bytes_max` bytes, oldest first.
  std::vector<RowSlice> All(size_t rows_max, size_t bytes_max) const;
  // Forgets the rows before `end`. Returns the bytes that the buffer holds less.
  size_t Drop(storage::LogPosition end);

  // All rows as one new batch, in the same order. Null when there are none, when some batch has skipped rows (then partitions stand at
  // different places of the log), or when the names of all batches are too many for one.
  std::shared_ptr<const model::RecordBatch> ToBatch() const;
  // Puts that batch, which is frame `lsn` of the log now, in the place of all rows. Returns the bytes that the buffer held.
  size_t Replace(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn);

  size_t rows() const { return rows_; }
  size_t bytes() const { return bytes_; }
  bool empty() const { return entries_.empty(); }
  // The buffer must not be empty: LSN of the oldest batch, place of the first row, when the oldest batch was appended, and a time that no
  // row is older than.
  uint64_t oldest_lsn() const { return entries_.front().lsn; }
  storage::LogPosition begin() const { return {entries_.front().lsn, entries_.front().begin}; }
  int64_t oldest_append_ns() const { return entries_.front().append_ns; }
  int64_t min_ns() const { return min_ns_; }

 private:
  struct Entry {
    std::shared_ptr<const model::RecordBatch> batch;
    uint64_t lsn;
    SkippedRows skipped;
    int64_t append_ns;
    uint32_t begin = 0;     // first row that is still here
    const char* begin_row;  // its bytes
    uint32_t left;          // rows from begin on that are not skipped
  };

  // A walk over rows from the front.
  class Cursor;

  std::deque<Entry> entries_;
  size_t rows_ = 0;
  size_t bytes_ = 0;
  int64_t min_ns_ = INT64_MAX;
};

}  // namespace neurallog::ingest
