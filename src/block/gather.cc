#include "block/gather.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <random>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "block/block_format.h"
#include "block/text_hash.h"

namespace neurallog::block {
namespace {

constexpr uint32_t kNoColumn = UINT32_MAX;
constexpr int kSortTimeBits = 48;
constexpr uint64_t kSortRowMask = (uint64_t{1} << (64 - kSortTimeBits)) - 1;
static_assert(kBlockRowsMax <= kSortRowMask + 1);
constexpr size_t kGrowFromRow = 128;  // enough to tell how often a field comes
constexpr size_t kPrefetchRows = 4;
constexpr size_t kPrefetchBytes = 256;

// Column names to indexes, open addressing.
class NameTable {
 public:
  uint32_t FindOrAdd(std::string_view name, std::vector<GatheredColumn>* columns) {
    if (columns->size() * 2 >= slots_.size()) Grow(*columns);
    for (size_t slot = HashText(name, seed_) & mask_;; slot = (slot + 1) & mask_) {
      const uint32_t index = slots_[slot];
      if (index == kNoColumn) {
        slots_[slot] = static_cast<uint32_t>(columns->size());
        columns->emplace_back().name = name;
        return slots_[slot];
      }
      if ((*columns)[index].name == name) return index;
    }
  }

 private:
  void Grow(const std::vector<GatheredColumn>& columns) {
    slots_.assign(std::max<size_t>(64, slots_.size() * 2), kNoColumn);
    mask_ = slots_.size() - 1;
    for (uint32_t i = 0; i < columns.size(); ++i) {
      size_t slot = HashText(columns[i].name, seed_) & mask_;
      while (slots_[slot] != kNoColumn) slot = (slot + 1) & mask_;
      slots_[slot] = i;
    }
  }

  const uint64_t seed_ = TextHashSeed();
  std::vector<uint32_t> slots_;
  size_t mask_ = 0;
};

// One array of column indexes per batch, filled as its names turn up. Never larger than the names
// that the batches hold.
class BatchTable {
 public:
  // The batch's array, kNoColumn where a name has not turned up. Valid until the next call.
  uint32_t* Find(const model::RecordBatch* batch) {
    if (batch != last_) Locate(batch);
    return columns_.data() + last_offset_;
  }

 private:
  void Locate(const model::RecordBatch* batch) {
    const auto [at, added] = offsets_.try_emplace(batch, columns_.size());
    if (added) columns_.resize(columns_.size() + batch->names().size(), kNoColumn);
    last_ = batch;
    last_offset_ = at->second;
  }

  std::unordered_map<const model::RecordBatch*, size_t> offsets_;
  std::vector<uint32_t> columns_;
  const model::RecordBatch* last_ = nullptr;
  size_t last_offset_ = 0;
};

// Sorting by time shuffles rows beyond what the hardware foresees.
void PrefetchRow(const char* row) {
  for (size_t at = 0; at < kPrefetchBytes; at += 64) __builtin_prefetch(row + at);
}

void Measure(GatheredColumn* column) {
  const ValueType type = column->cells.front().type;
  for (const Cell& cell : column->cells) {
    column->value_bytes += cell.length;
    column->length_min = std::min(column->length_min, cell.length);
    column->length_max = std::max(column->length_max, cell.length);
    column->one_type &= cell.type == type;
  }
  NL_CHECK(column->value_bytes <= kColumnBytesMax);
}

// Keeps what the loop over all fields touches in a few words per column, and what is rare out of
// its way.
class Gatherer {
 public:
  explicit Gatherer(size_t rows) : rows_(rows) {}

  void AddRow(const RowRef& ref, uint16_t row) {
    const uint32_t* const column_of_name = batches_.Find(ref.batch);
    model::RowReader reader(ref.row);
    for (model::Field field; reader.Next(&field);) {
      uint32_t column = column_of_name[field.name_id];
      if (column == kNoColumn) [[unlikely]]
        column = AddName(ref.batch, field.name_id);
      Sink& sink = sinks_[column];
      if (sink.last_row == row) [[unlikely]]
        --sink.end;
      if (sink.end == sink.limit) [[unlikely]]
        Grow(column, row);
      sink.last_row = row;
      Cell* const cell = sink.end++;
      cell->data = field.value.data();
      cell->length = static_cast<uint32_t>(field.value.size());
      cell->row = row;
      cell->type = field.type;
    }
  }

  std::vector<GatheredColumn> Finish() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      columns_[i].cells = {columns_[i].storage.get(), sinks_[i].end};
      Measure(&columns_[i]);
    }
    return std::move(columns_);
  }

 private:
  struct Sink {
    Cell* end = nullptr;
    Cell* limit = nullptr;
    uint32_t last_row = UINT32_MAX;
  };

  [[gnu::noinline]] uint32_t AddName(const model::RecordBatch* batch, uint32_t name_id) {
    const uint32_t column = names_.FindOrAdd(batch->names()[name_id], &columns_);
    if (column == sinks_.size()) sinks_.emplace_back();
    batches_.Find(batch)[name_id] = column;
    return column;
  }

  // Makes room for as many cells as the rows to come will bring when they are like those before.
  [[gnu::noinline]] void Grow(uint32_t column, size_t row) {
    Sink& sink = sinks_[column];
    Cell* const begin = columns_[column].storage.get();
    const auto size = static_cast<size_t>(sink.end - begin);
    const size_t expected = size * rows_ / (row + 1) + size / 4 + 16;
    const size_t capacity =
        row < kGrowFromRow ? std::max<size_t>(2 * size, 8) : std::min(expected, rows_);
    auto grown = std::make_unique_for_overwrite<Cell[]>(capacity);
    std::copy(begin, sink.end, grown.get());
    columns_[column].storage = std::move(grown);
    sink.end = columns_[column].storage.get() + size;
    sink.limit = columns_[column].storage.get() + capacity;
  }

  const size_t rows_;
  NameTable names_;
  BatchTable batches_;
  std::vector<GatheredColumn> columns_;
  std::vector<Sink> sinks_;  // of the columns
};

uint32_t DecimalLength(int64_t value) {
  char digits[24];
  return static_cast<uint32_t>(std::to_chars(digits, digits + sizeof(digits), value).ptr - digits);
}

const GatheredColumn* FindLevel(std::span<const GatheredColumn> columns) {
  for (const GatheredColumn& column : columns)
    if (column.name == kFieldLevel) return &column;
  return nullptr;
}

}  // namespace

uint64_t TextHashSeed() {
  static const uint64_t seed = [] {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
  }();
  return seed;
}

void SortRows(std::span<RowRef> rows) {
  const auto earlier = [](const RowRef& a, const RowRef& b) {
    return a.timestamp_ns < b.timestamp_ns;
  };
  if (std::is_sorted(rows.begin(), rows.end(), earlier)) return;
  const auto [least, greatest] = std::minmax_element(rows.begin(), rows.end(), earlier);
  const int64_t start_ns = least->timestamp_ns;
  const uint64_t range =
      static_cast<uint64_t>(greatest->timestamp_ns) - static_cast<uint64_t>(start_ns);
  if (range >= uint64_t{1} << kSortTimeBits || rows.size() > kBlockRowsMax) {
    std::stable_sort(rows.begin(), rows.end(), earlier);
    return;
  }
  // The time since the first row and the row's number fit one word: 3.2 days.
  std::vector<uint64_t> keys(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    keys[i] = (static_cast<uint64_t>(rows[i].timestamp_ns) - static_cast<uint64_t>(start_ns))
                  << (64 - kSortTimeBits) |
              i;
  std::sort(keys.begin(), keys.end());
  const std::vector<RowRef> unsorted(rows.begin(), rows.end());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = unsorted[keys[i] & kSortRowMask];
}

std::vector<GatheredColumn> GatherColumns(std::span<const RowRef> rows) {
  NL_CHECK(rows.size() <= kBlockRowsMax);
  Gatherer gatherer(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    if (row + kPrefetchRows < rows.size()) PrefetchRow(rows[row + kPrefetchRows].row);
    gatherer.AddRow(rows[row], static_cast<uint16_t>(row));
  }
  return gatherer.Finish();
}

// Values of one sign get longer away from zero.
void MeasureDecimalLengths(std::span<const int64_t> sorted, ColumnMeta* meta) {
  const auto [low, high] =
      std::minmax({DecimalLength(sorted.front()), DecimalLength(sorted.back())});
  meta->length_min = low;
  meta->length_max = high;
  if (sorted.front() >= 0 || sorted.back() < 0) return;
  for (const int64_t value : sorted)
    meta->length_min = std::min(meta->length_min, DecimalLength(value));
}

std::array<uint32_t, kLevels> CountLevels(std::span<const GatheredColumn> columns, size_t rows) {
  std::array<uint32_t, kLevels> counts{};
  const GatheredColumn* column = FindLevel(columns);
  const size_t present = column == nullptr ? 0 : column->cells.size();
  counts[static_cast<size_t>(Level::kNone)] = static_cast<uint32_t>(rows - present);
  if (column == nullptr) return counts;

  // There are few spellings: remember the last one of each length.
  std::array<const Cell*, 16> seen{};
  std::array<Level, 16> levels{};
  for (size_t i = 0; i < present; ++i) {
    const Cell& cell = column->cells[i];
    PrefetchCell(column->cells, i);
    const size_t slot = cell.length % seen.size();
    const Cell* last = seen[slot];
    if (last == nullptr || last->length != cell.length ||
        !SameText(last->data, cell.data, cell.length)) {
      levels[slot] = ParseLevel(cell.text());
      seen[slot] = &cell;
    }
    ++counts[static_cast<size_t>(levels[slot])];
  }
  return counts;
}

}  // namespace neurallog::block
