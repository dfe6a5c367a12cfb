#include "query/selection.h"

#include <algorithm>

#include "base/bytes.h"

namespace neurallog::query {
namespace {

// Larger partials are not worth their place: making them anew costs little more than merging them.
constexpr size_t kSmallBytesMax = 64 << 10;
// Rows of a block are kept when they are few and to find them took a multiple of what it takes to keep them.
constexpr size_t kRowsKeptMax = 64;
constexpr int64_t kDearNs = 5'000;

}  // namespace

Selector::Selector(const SelectorParts& parts)
    : parts_(parts),
      knows_rows_(parts.partials != nullptr && !parts.rows_key.empty() &&
                  parts.partials->GetRows(parts.rows_key) != nullptr) {}

Selection Selector::Select(uint32_t block, const TimeRange& range, bool makes_partials) const {
  Selection selection;
  const std::string key =
      makes_partials ? CacheKey(block, range, parts_.partial_key) : std::string();
  if (!key.empty()) {
    if (auto cached = parts_.partials->Get(key)) {
      selection.partial = std::move(cached->partial);
      selection.is_small = true;
      selection.rows_matched = cached->rows_matched;
      return selection;
    }
  }
  const int64_t begin_ns = parts_.clock.MonotonicNs();
  selection.status = SelectRows(block, range, &selection);
  const int64_t selected_ns = parts_.clock.MonotonicNs();
  selection.filter_ns = selected_ns - begin_ns;
  if (!selection.status.ok() || !makes_partials) return selection;
  if (selection.rows_matched > 0) {
    selection.status = MakePartial(&selection);
    selection.pipes_ns = parts_.clock.MonotonicNs() - selected_ns;
    if (!selection.status.ok()) return selection;
  }
  selection.is_small =
      selection.partial != nullptr && selection.partial->memory_bytes() <= kSmallBytesMax;
  if (!key.empty() && (selection.is_small || selection.rows_matched == 0))
    parts_.partials->Put(key, {selection.partial, selection.rows_matched});
  return selection;
}

std::string Selector::CacheKey(uint32_t block, const TimeRange& range,
                               const std::string& of_query) const {
  if (parts_.partials == nullptr || of_query.empty()) return {};
  const block::BlockHeader& header = parts_.blocks.header(block);
  const bool is_inside = range.Contains(header.min_ns) && range.Contains(header.max_ns);
  if (!is_inside) return {};
  const std::string name = parts_.blocks.Name(block);
  if (name.empty()) return {};
  std::string key;
  base::AppendLengthPrefixed(&key, name);
  return key + of_query;
}

Status Selector::MakePartial(Selection* selection) const {
  NL_TRY(selection->partial, parts_.first_stage.MakePartial(selection->batch));
  if (selection->partial != nullptr) selection->batch = Batch();
  return {};
}

Status Selector::SelectRows(uint32_t block, const TimeRange& range, Selection* selection) const {
  const block::BlockHeader& header = parts_.blocks.header(block);
  selection->is_pruned =
      header.max_ns < range.start_ns || header.min_ns >= range.end_ns || range.empty();
  if (selection->is_pruned) return {};
  Batch& batch = selection->batch;
  batch.rows = std::make_shared<Rows>(
      std::make_unique<CheckedView>(parts_.blocks.Open(block), block, parts_.monitor),
      filter::Columns::Kind::kBlock, parts_.budget);
  filter::Columns& columns = batch.rows->columns();
  selection->is_pruned = parts_.program.Judge(columns) == filter::Verdict::kNone;
  if (selection->is_pruned) return {};
  selection->rows_scanned = header.rows;
  batch.matched.Reset(header.rows, true);
  batch.matched.AndNot(batch.rows->deleted());
  NL_RETURN_IF_ERROR(KeepRange(range, columns, &batch.matched));
  NL_RETURN_IF_ERROR(Refine(block, range, &batch));
  batch.count = batch.matched.Count();
  selection->rows_matched = batch.count;
  for (size_t i = 0; i < header.columns.size() && batch.count > 0; ++i)
    if (parts_.checked_columns.contains(header.columns[i].name))
      NL_RETURN_IF_ERROR(columns.GetAt(i).status());
  return batch.rows->Charge();
}

Status Selector::Refine(uint32_t block, const TimeRange& range, Batch* batch) const {
  filter::Columns& columns = batch->rows->columns();
  if (knows_rows_) {
    const std::string key = CacheKey(block, range, parts_.rows_key);
    if (const auto known = key.empty() ? nullptr : parts_.partials->GetRows(key)) {
      batch->matched.ClearAll();
      for (const uint32_t row : *known) batch->matched.Set(row);
      return {};
    }
  }
  const int64_t begin_ns = parts_.clock.MonotonicNs();
  NL_RETURN_IF_ERROR(parts_.program.Refine(columns, &batch->matched));
  const bool is_kept =
      parts_.clock.MonotonicNs() - begin_ns >= kDearNs && batch->matched.Count() <= kRowsKeptMax;
  const std::string key = is_kept ? CacheKey(block, range, parts_.rows_key) : std::string();
  if (key.empty()) return {};
  PartialCache::RowList rows;
  batch->matched.ForEach([&rows](uint32_t row) { rows.push_back(row); });
  parts_.partials->PutRows(key, std::move(rows));
  parts_.partials->PutRows(parts_.rows_key, {});
  return {};
}

Status Selector::KeepRange(const TimeRange& range, filter::Columns& columns,
                           filter::Bitmap* rows) const {
  const block::BlockHeader& header = columns.header();
  if (range.Contains(header.min_ns) && range.Contains(header.max_ns)) return {};
  NL_TRY(const std::span<const int64_t> times, columns.Times());
  const auto begin = std::lower_bound(times.begin(), times.end(), range.start_ns);
  const auto end = std::lower_bound(begin, times.end(), range.end_ns);
  rows->KeepRange(static_cast<uint32_t>(begin - times.begin()),
                  static_cast<uint32_t>(end - times.begin()));
  return {};
}

}  // namespace neurallog::query
