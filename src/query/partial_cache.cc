#include "query/partial_cache.h"

#include <algorithm>

#include "base/bytes.h"

namespace neurallog::query {
namespace {

using filter::Filter;

bool IsAlwaysTheSame(const Filter& filter) {
  return filter.kind != Filter::Kind::kTime && filter.subquery == nullptr &&
         std::all_of(filter.children.begin(), filter.children.end(),
                     [](const auto& child) { return IsAlwaysTheSame(*child); });
}

// The time filters that make up the query's range say nothing of rows inside of it.
bool AppendFilter(const Filter& filter, std::string* key) {
  if (filter.kind == Filter::Kind::kTime || filter.kind == Filter::Kind::kAll) return true;
  if (filter.kind == Filter::Kind::kAnd)
    return std::all_of(filter.children.begin(), filter.children.end(), [key](const auto& child) {
      const bool is_range = child->kind == Filter::Kind::kTime;
      if (!is_range) base::AppendLengthPrefixed(key, filter::ToText(*child));
      return is_range || IsAlwaysTheSame(*child);
    });
  base::AppendLengthPrefixed(key, filter::ToText(filter));
  return IsAlwaysTheSame(filter);
}

bool CanBeKept(const Query& query) {
  return query.nested.empty() && query.options.time_offset_ns == 0;
}

}  // namespace

std::optional<CachedPartial> PartialCache::Get(const std::string& key) {
  const auto cached = cache_.Get<CachedPartial>(key);
  return cached == nullptr ? std::nullopt : std::optional(*cached);
}

void PartialCache::Put(const std::string& key, CachedPartial cached) {
  const size_t bytes =
      sizeof(CachedPartial) + (cached.partial == nullptr ? 0 : cached.partial->memory_bytes());
  cache_.Put(key, std::make_shared<const CachedPartial>(std::move(cached)), bytes);
}

void PartialCache::PutRows(const std::string& key, RowList rows) {
  rows.shrink_to_fit();
  const size_t bytes = sizeof(RowList) + rows.size() * sizeof(rows[0]);
  cache_.Put(key, std::make_shared<const RowList>(std::move(rows)), bytes);
}

std::optional<std::string> PartialKey(const Query& query) {
  if (query.pipes.empty() || !CanBeKept(query)) return std::nullopt;
  std::string pipe;
  query.pipes[0]->Print(&pipe);
  std::string key;
  base::AppendLengthPrefixed(&key, pipe);
  return AppendFilter(*query.filter, &key) ? std::optional(std::move(key)) : std::nullopt;
}

std::optional<std::string> RowsKey(const Query& query) {
  std::string key;
  base::AppendLengthPrefixed(&key, {});  // no pipe prints nothing
  const size_t size = key.size();
  const bool is_kept = CanBeKept(query) && AppendFilter(*query.filter, &key) && key.size() > size;
  return is_kept ? std::optional(std::move(key)) : std::nullopt;
}

}  // namespace neurallog::query
