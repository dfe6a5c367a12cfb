// The rows of one block that a query wants, or what its first stage made of them: all that can be done
// for a block without looking at any other.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "block/block_view.h"
#include "filter/program.h"
#include "query/checked_view.h"
#include "query/partial_cache.h"
#include "query/pipe.h"

namespace neurallog::query {

struct Selection {
  Status status;
  Batch batch;                       // of the rows that match, unless there is a partial
  std::shared_ptr<Partial> partial;  // what the first stage made of them
  bool is_small = false;             // the partial
  bool is_pruned = false;            // by the header
  uint32_t rows_scanned = 0;
  uint32_t rows_matched = 0;
  int64_t filter_ns = 0;
  int64_t pipes_ns = 0;  // for the partial
};

// Constant after construction, and all of it outlives the selector.
struct SelectorParts {
  const filter::Program& program;
  const block::BlockSet& blocks;
  MemoryBudget* budget;
  ReadMonitor* monitor;
  const base::Clock& clock;
  const Stage& first_stage;
  // Columns that are read before a block's rows go on, so that they go on whole or not at all.
  const std::set<std::string>& checked_columns;
  PartialCache* partials = nullptr;  // null: nothing is kept
  // Of the query; of blocks that lie wholly in its range. Empty: none are kept.
  std::string partial_key{};
  std::string rows_key{};
};

// Thread-safe: blocks can be selected from side by side.
class Selector {
 public:
  explicit Selector(const SelectorParts& parts);

  // Looks at rows of `range` only. `makes_partials`: gives a partial where the first stage makes one.
  Selection Select(uint32_t block, const TimeRange& range, bool makes_partials) const;

 private:
  Status SelectRows(uint32_t block, const TimeRange& range, Selection* selection) const;
  Status KeepRange(const TimeRange& range, filter::Columns& columns, filter::Bitmap* rows) const;
  Status MakePartial(Selection* selection) const;
  // What is left of batch->matched.
  Status Refine(uint32_t block, const TimeRange& range, Batch* batch) const;
  // With one of the keys of the query. Empty when nothing of the block is to be kept.
  std::string CacheKey(uint32_t block, const TimeRange& range, const std::string& of_query) const;

  const SelectorParts parts_;
  const bool knows_rows_;  // of some blocks, probably
};

}  // namespace neurallog::query
