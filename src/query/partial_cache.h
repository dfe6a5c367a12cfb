// What stats made of single blocks, and which few rows of them match a filter that is dear, kept for
// queries that ask the same again: a dashboard that is refreshed looks only at blocks that are new, and a
// regular expression is looked for once.
//
// A key names a block, whose rows never change, and the query or its filter as far as it matters for rows
// that lie wholly in its time range. Thread-safe. Bounded by its budget: beyond it what was used least
// recently goes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/pipe.h"
#include "query/query.h"
#include "storage/lru_cache.h"

namespace neurallog::query {

struct CachedPartial {
  std::shared_ptr<Partial> partial;  // null: no row of the block matches
  uint32_t rows_matched = 0;
};

class PartialCache {
 public:
  explicit PartialCache(size_t bytes_max) : cache_(bytes_max) {}

  std::optional<CachedPartial> Get(const std::string& key);
  void Put(const std::string& key, CachedPartial cached);

  using RowList = std::vector<uint32_t>;  // ascending
  // Null: not known.
  std::shared_ptr<const RowList> GetRows(const std::string& key) {
    return cache_.Get<RowList>(key);
  }
  void PutRows(const std::string& key, RowList rows);
  size_t bytes() const { return cache_.bytes(); }

 private:
  storage::LruCache cache_;
};

// The query's part of a key; nothing when its result for a block may change: it refers to the present
// time beyond its range, or to other queries.
std::optional<std::string> PartialKey(const Query& query);
// The same for its filter alone, which PartialKey is never equal to.
std::optional<std::string> RowsKey(const Query& query);

}  // namespace neurallog::query
