// A running query. The caller pulls: no thread waits for a slow client, and nothing is computed
// that nobody reads.
//
//   Execution execution(std::move(query), snapshot, {.limit = 100, .clock = &clock});
//   std::string out;
//   for (bool more = true; more;) {
//     out.clear();
//     NL_TRY(more, execution.Next(64 << 10, &out));     // NDJSON lines
//     send(out);
//   }
//
// Order of rows when the query has no sort pipe: block by block, oldest first; newest first when a
// limit is given (option or pipe) and newest_first is set. With the option `limit` and pipes that
// keep rows as they are, the answer is exactly the newest `limit` rows. Memory: the blocks in use
// plus what sort, stats, top and uniq keep; past memory_bytes_max the query ends with
// ResourceExhausted. A damaged block is left out and counted in stats().blocks_damaged; the rest of the
// answer is as if it did not exist. Not thread-safe, but Next may be called from different threads one after the
// other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "block/block_view.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "query/memory_budget.h"
#include "query/query.h"

namespace neurallog::query {

enum class OutputFormat : uint8_t {
  kNative,        // typed JSON as the client sent it, names nested again
  kVictoriaLogs,  // every value a string, names dotted
  kCsv,           // a line of names, then every value as text
};

// The rows of an answer up to a bound, and then those of the same time as the last one: what is beyond is exactly what is newer.
struct Page {
  uint64_t rows_wanted = 0;  // at least so many, if there are
  uint64_t rows = 0;         // written
  int64_t last_ns = 0;       // of the last one
  bool is_full = false;      // there is more
};

class PartialCache;
class RowVisitor;

struct ExecuteOptions {
  TimeRange range;                // besides the query's own _time filters, unless it ignores it
  TimeRange visible;              // rows outside of it do not exist
  std::optional<uint64_t> limit;  // at most so many rows; 0 means none
  uint64_t offset = 0;            // rows to leave out before the limit counts
  bool newest_first = true;
  int64_t deadline_monotonic_ns = std::numeric_limits<int64_t>::max();
  size_t memory_bytes_max = 256 << 20;
  MemoryPool* memory_pool = nullptr;  // of all queries; null: none
  OutputFormat format = OutputFormat::kNative;
  bool with_ids = false;  // adds query::RecordId as _id to the lines of records
  bool in_order = false;  // rows are merged in the order of time also without a limit
  Page* page = nullptr;   // of rows in order; must outlive the execution
  // Takes the rows in place of lines; must outlive the execution.
  RowVisitor* visitor = nullptr;
  // Next returns after about so long even if it has found nothing, so that queries can take turns.
  int64_t slice_ns = std::numeric_limits<int64_t>::max();
  uint64_t bytes_scanned_max = std::numeric_limits<uint64_t>::max();
  const base::Clock* clock = &base::Clock::System();
  PartialCache* partials = nullptr;     // of all queries; null: nothing is kept
  base::WorkerPool* helpers = nullptr;  // work on blocks ahead of the query; null: it is alone
  // May be set by another thread at any time; null: never.
  const std::atomic<bool>* cancelled = nullptr;
};

struct ExecuteStats {
  uint64_t blocks_total = 0;           // in the snapshot
  uint64_t blocks_pruned = 0;          // by their header alone
  uint64_t blocks_pruned_by_time = 0;  // among them
  uint64_t blocks_pruned_by_index = 0;
  uint64_t index_pages_read = 0;  // parts of the token index that were looked into
  uint64_t blocks_damaged = 0;    // left out because a column that is needed cannot be read
  uint64_t blocks_scanned = 0;
  uint64_t rows_scanned = 0;  // of the blocks scanned
  uint64_t bytes_scanned =
      0;                      // of the columns read, as they are stored; of unsealed rows in memory
  uint64_t rows_matched = 0;  // by the filter
  uint64_t rows_returned = 0;
  uint64_t bytes_returned = 0;
  uint64_t memory_bytes_peak = 0;
  // Results of stats that were estimated to stay within the memory, and how wrong they can be:
  // "p95: 0.5 % of the value".
  std::vector<std::string> estimates;
  // Where the time went.
  int64_t index_ns = 0;
  int64_t filter_ns = 0;  // choosing rows of blocks, with the reading of what the filter needs
  int64_t pipes_ns = 0;
  int64_t write_ns = 0;
};

// What a query would have to look at, as far as headers and the token index know.
struct ExecutePlan {
  uint64_t blocks_total = 0;
  uint64_t blocks_pruned_by_time = 0;
  uint64_t blocks_pruned_by_index = 0;
  uint64_t blocks_pruned_by_header = 0;
  uint64_t blocks_matching_whole = 0;  // the header says that all rows match
  uint64_t blocks_left = 0;            // to be looked into
  uint64_t rows_left = 0;              // in them
  uint64_t bytes_left = 0;             // of all their columns, as stored: at most so much is read
  uint64_t index_pages_read = 0;
};

class Execution {
 public:
  Execution(Query query, std::shared_ptr<const block::BlockSet> blocks,
            const ExecuteOptions& options);
  Execution(Execution&&) noexcept;
  ~Execution();

  // Appends lines to *out until it has about `bytes_target` bytes more or the slice is over, and
  // returns whether there is more to come. After an error or false the execution is over. DeadlineExceeded and Cancelled
  // are checked per block and inside long loops.
  Result<bool> Next(size_t bytes_target, std::string* out);

  // Instead of Next: asks the headers and the index, and reads no column.
  ExecutePlan Plan();

  const ExecuteStats& stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace neurallog::query
