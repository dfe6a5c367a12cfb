// Rows as NDJSON lines. A writer keeps a plan for the block it writes from: which columns, in which
// order, with keys already quoted and values of dictionaries already rendered. Not thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/buffer.h"
#include "query/batch.h"
#include "query/execution.h"

namespace neurallog::query {

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  // Makes ready for the rows of this batch; decodes what it shows.
  virtual Status Prepare(Batch& batch) = 0;
  // Appends one line.
  virtual void Write(uint32_t row, std::string* out) = 0;
  // Appends lines until `out` has size_max bytes, and returns of how many rows.
  virtual size_t WriteUntil(size_t size_max, std::span<const uint32_t> rows, std::string* out);
};

// Prints whole lines into a buffer, print(row, buffer), and appends them to `out` in one piece, as
// WriteUntil does.
template <typename F>
size_t WriteBuffered(size_t size_max, std::span<const uint32_t> rows, std::string* out,
                     base::Buffer* buffer, F print) {
  constexpr size_t kBytesKept = 1 << 20;
  buffer->Clear();
  size_t written = 0;
  for (; written < rows.size() && out->size() + buffer->size() < size_max; ++written)
    print(rows[written], buffer);
  out->append(buffer->view());
  if (buffer->capacity() > kBytesKept) *buffer = base::Buffer();
  return written;
}

std::unique_ptr<RowWriter> MakeNativeWriter();
std::unique_ptr<RowWriter> MakeVictoriaLogsWriter();
// `record_names` are the stored names of all fields that records may have.
std::unique_ptr<RowWriter> MakeCsvWriter(std::vector<std::string> record_names);
// Leaves out what is beyond the page.
std::unique_ptr<RowWriter> MakePageWriter(std::unique_ptr<RowWriter> writer, Page* page);
std::unique_ptr<RowWriter> MakeIdWriter(std::unique_ptr<RowWriter> writer);

// A column to print, found by its stored name.
struct ShownColumn {
  std::string name;             // stored name
  std::string shown;            // as the query wrote it; empty: the query did not name it
  const block::Column* column;  // null: no row has the field
  bool is_time = false;         // integers to be printed as RFC 3339
};

// The columns of a batch that its projection shows: in the order of the `fields` pipe, else as they
// lie in the block. `with_stream`: also the fields _stream and _stream_id when no `fields` pipe
// decides.
Result<std::vector<ShownColumn>> FindShownColumns(Batch& batch, bool with_stream);

}  // namespace neurallog::query
