// Merging sorts references to the rows that are left, then walks them once per column, so that
// each column's cells come in row order. Cells point into the decoded columns; only integers get
// texts made for them.
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/check.h"
#include "block/block_builder.h"
#include "block/block_format.h"

namespace neurallog::block {
namespace {

constexpr size_t kIntTextBytes = 20;
// Cells point at readable bytes, also behind their end. A column of empty texts has none.
constexpr char kNoText[base::Buffer::kPadding] = {};

struct SourceRow {
  int64_t time_ns;
  uint32_t input;
  uint32_t row;
};

bool IsDeleted(const MergeInput& input, uint32_t row) {
  return !input.deleted.empty() && (input.deleted[row >> 6] >> (row & 63) & 1) != 0;
}

std::vector<SourceRow> SortedRows(std::span<const MergeInput> inputs) {
  std::vector<SourceRow> rows;
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    const std::vector<int64_t>& times = inputs[i].columns.front().ints;
    NL_CHECK(times.size() == inputs[i].header->rows);
    for (uint32_t row = 0; row < times.size(); ++row)
      if (!IsDeleted(inputs[i], row)) rows.push_back({times[row], i, row});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const SourceRow& a, const SourceRow& b) { return a.time_ns < b.time_ns; });
  return rows;
}

// A column of the block to be: for each input, its column of that name or null.
struct MergedColumn {
  std::string_view name;
  std::vector<const Column*> sources;
  size_t present_max = 0;
};

std::vector<MergedColumn> CollectColumns(std::span<const MergeInput> inputs) {
  std::vector<MergedColumn> merged;
  std::unordered_map<std::string_view, size_t> index_of_name;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const BlockHeader& header = *inputs[i].header;
    NL_CHECK(inputs[i].columns.size() == header.columns.size());
    for (size_t c = 1; c < header.columns.size(); ++c) {
      const auto [at, added] = index_of_name.try_emplace(header.columns[c].name, merged.size());
      if (added) merged.push_back({header.columns[c].name, {}, 0});
      MergedColumn& column = merged[at->second];
      column.sources.resize(inputs.size());
      column.sources[i] = &inputs[i].columns[c];
      column.present_max += header.columns[c].present_rows;
    }
  }
  for (MergedColumn& column : merged) column.sources.resize(inputs.size());
  return merged;
}

// Points at the value of a row that has one. The digits of integers go to `digits`, whose capacity
// suffices.
std::string_view CellText(const Column& column, uint32_t row, base::Buffer* digits) {
  if (column.encoding != Encoding::kInts) return column.TextAt(row, nullptr);
  char* const to = digits->data() + digits->size();
  const char* const end = std::to_chars(to, to + kIntTextBytes, column.ints[row]).ptr;
  digits->Commit(static_cast<size_t>(end - to));
  return {to, static_cast<size_t>(end - to)};
}

GatheredColumn GatherMerged(const MergedColumn& merged, std::span<const SourceRow> rows,
                            base::Buffer* digits) {
  const bool has_ints =
      std::any_of(merged.sources.begin(), merged.sources.end(), [](const Column* source) {
        return source != nullptr && source->encoding == Encoding::kInts;
      });
  if (has_ints) digits->Reserve(merged.present_max * kIntTextBytes);
  GatheredColumn gathered;
  gathered.name = merged.name;
  gathered.storage.Reserve(std::min(merged.present_max, rows.size()) * sizeof(Cell));
  Cell* const cells = reinterpret_cast<Cell*>(gathered.storage.data());
  size_t count = 0;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const Column* const source = merged.sources[rows[i].input];
    if (source == nullptr || !source->Has(rows[i].row)) continue;
    const std::string_view text = CellText(*source, rows[i].row, digits);
    const char* const data = text.empty() ? kNoText : text.data();
    cells[count++] = {data, static_cast<uint32_t>(text.size()), static_cast<uint16_t>(i),
                      source->TypeAt(rows[i].row)};
  }
  gathered.cells = {cells, count};
  if (count > 0) Measure(&gathered);
  return gathered;
}

}  // namespace

BuiltBlock MergeBlocks(std::span<const MergeInput> inputs, const BuildOptions& options) {
  const std::vector<SourceRow> rows = SortedRows(inputs);
  NL_CHECK(!rows.empty() && rows.size() <= kBlockRowsMax);
  std::vector<int64_t> times;
  times.reserve(rows.size());
  for (const SourceRow& row : rows) times.push_back(row.time_ns);

  const std::vector<MergedColumn> merged = CollectColumns(inputs);
  std::vector<base::Buffer> digits(merged.size());
  std::vector<GatheredColumn> columns;
  columns.reserve(merged.size());
  for (size_t i = 0; i < merged.size(); ++i) {
    columns.push_back(GatherMerged(merged[i], rows, &digits[i]));
    if (columns.back().cells.empty()) columns.pop_back();
  }
  return AssembleBlock(times, columns, options);
}

}  // namespace neurallog::block
