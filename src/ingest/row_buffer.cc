#include "ingest/row_buffer.h"

#include <algorithm>

namespace neurallog::ingest {

// Visits the rows of the entries one by one and can stop anywhere.
class RowBuffer::Cursor {
 public:
  explicit Cursor(const std::deque<Entry>& entries) : entries_(entries) { EnterEntry(); }

  bool done() const { return entry_ == entries_.size(); }

  // Takes the next rows into a slice; stops at `until` too.
  RowSlice Take(size_t rows_max, size_t bytes_max,
                storage::LogPosition until = {UINT64_MAX, UINT32_MAX}) {
    return Take(rows_max, bytes_max, UINT64_MAX, until);
  }
  // Also at the first row of LSN `lsn_end`.
  RowSlice Take(size_t rows_max, size_t bytes_max, uint64_t lsn_end,
                storage::LogPosition until = {UINT64_MAX, UINT32_MAX}) {
    RowSlice slice;
    size_t bytes = 0;
    const model::RecordBatch* last_batch = nullptr;
    while (!done() && slice.end < until && entries_[entry_].lsn < lsn_end &&
           slice.rows.size() < rows_max &&
           (bytes < bytes_max || slice.rows.empty())) {
      const Entry& entry = entries_[entry_];
      PrefetchRows(at_);
      const model::RowReader row(at_);
      if (!entry.skipped || !(*entry.skipped)[index_]) {
        if (entry.batch.get() != last_batch) {
          last_batch = entry.batch.get();
          slice.batches.push_back(entry.batch);
          if (slice.lsn_min == 0) slice.lsn_min = entry.lsn;
          slice.lsn_max = entry.lsn;
        }
        slice.rows.push_back({entry.batch.get(), at_, row.timestamp_ns()});
        bytes += static_cast<size_t>(row.next_row() - at_);
      }
      slice.end = {entry.lsn, index_ + 1};
      at_ = row.next_row();
      if (++index_ == entry.batch->rows()) {
        ++entry_;
        EnterEntry();
      }
    }
    return slice;
  }

 private:
  // The rows were written by another core long ago: about one row's bytes, some rows ahead.
  static void PrefetchRows(const char* row) {
    constexpr size_t kAhead = 1024, kRowBytes = 256, kLine = 64;
    for (size_t at = kAhead; at < kAhead + kRowBytes; at += kLine) __builtin_prefetch(row + at);
  }

  void EnterEntry() {
    if (done()) return;
    index_ = entries_[entry_].begin;
    at_ = entries_[entry_].begin_row;
  }

  const std::deque<Entry>& entries_;
  size_t entry_ = 0;
  uint32_t index_ = 0;
  const char* at_ = nullptr;
};

size_t RowBuffer::Append(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn,
                         SkippedRows skipped, int64_t now_ns) {
  uint32_t left = batch->rows();
  if (skipped)
    for (const bool skip : *skipped) left -= skip;
  if (left == 0) return 0;
  const size_t bytes = batch->memory_bytes();
  rows_ += left;
  bytes_ += bytes;
  min_ns_ = std::min(min_ns_, batch->min_ns());
  const char* first_row = batch->first_row();
  entries_.push_back({std::move(batch), lsn, std::move(skipped), now_ns, 0, first_row, left});
  return bytes;
}

RowSlice RowBuffer::Front(size_t rows_max, size_t bytes_max, uint64_t until) const {
  return Cursor(entries_).Take(rows_max, bytes_max, until);
}

RowSlice RowBuffer::FrontUntil(storage::LogPosition end) const {
  return Cursor(entries_).Take(SIZE_MAX, SIZE_MAX, end);
}

std::vector<RowSlice> RowBuffer::All(size_t rows_max, size_t bytes_max) const {
  std::vector<RowSlice> slices;
  for (Cursor cursor(entries_); !cursor.done();) {
    slices.push_back(cursor.Take(rows_max, bytes_max));
    if (slices.back().rows.empty()) slices.pop_back();
  }
  return slices;
}

size_t RowBuffer::Drop(storage::LogPosition end) {
  size_t freed = 0;
  while (!entries_.empty()) {
    Entry& entry = entries_.front();
    if (entry.lsn > end.lsn) break;
    const bool whole = entry.lsn < end.lsn || end.row >= entry.batch->rows();
    if (whole) {
      rows_ -= entry.left;
      freed += entry.batch->memory_bytes();
      entries_.pop_front();
      continue;
    }
    while (entry.begin < end.row) {
      if (!entry.skipped || !(*entry.skipped)[entry.begin]) {
        --entry.left;
        --rows_;
      }
      entry.begin_row = model::RowReader(entry.begin_row).next_row();
      ++entry.begin;
    }
    break;
  }
  bytes_ -= freed;
  if (entries_.empty()) min_ns_ = INT64_MAX;
  return freed;
}

std::shared_ptr<const model::RecordBatch> RowBuffer::ToBatch() const {
  if (entries_.empty()) return nullptr;
  size_t rows_bytes = 0;
  for (const Entry& entry : entries_) {
    if (entry.skipped) return nullptr;
    rows_bytes += entry.batch->rows_bytes().size();
  }
  model::RecordBatchBuilder builder(rows_bytes);
  for (const Entry& entry : entries_) {
    std::vector<uint32_t> ids;  // of the entry's names in the new batch
    for (const std::string_view name : entry.batch->names()) ids.push_back(builder.NameId(name));
    if (std::find(ids.begin(), ids.end(), model::RecordBatchBuilder::kNamesMax) != ids.end())
      return nullptr;
    const char* at = entry.begin_row;
    for (uint32_t i = entry.begin; i < entry.batch->rows(); ++i) {
      model::RowReader row(at);
      builder.BeginRow();
      for (model::Field field; row.Next(&field);)
        builder.AddField(ids[field.name_id], field.type, field.value);
      builder.EndRow(row.timestamp_ns());
      at = row.next_row();
    }
  }
  return builder.Finish();
}

size_t RowBuffer::Replace(std::shared_ptr<const model::RecordBatch> batch, uint64_t lsn) {
  const size_t freed = bytes_;
  const int64_t append_ns = oldest_append_ns();
  entries_.clear();
  rows_ = bytes_ = 0;
  min_ns_ = INT64_MAX;
  Append(std::move(batch), lsn, nullptr, append_ns);
  return freed;
}

}  // namespace neurallog::ingest
