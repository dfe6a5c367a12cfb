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
constexpr size_t kPrefetchWrites = 448;
constexpr size_t kPrefetchBytes = 320;

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

// Buffers of columns that are done with, the last one given is the first one taken: columns mostly
// come in the same order.
class BufferPool {
 public:
  base::Buffer Take() {
    if (buffers_.empty()) return {};
    base::Buffer taken = std::move(buffers_.back());
    buffers_.pop_back();
    bytes_ -= taken.capacity();
    taken.Clear();
    return taken;
  }
  void Give(base::Buffer buffer) {
    if (buffers_.size() == kBuffersMax || bytes_ + buffer.capacity() > kBytesMax) return;
    bytes_ += buffer.capacity();
    buffers_.push_back(std::move(buffer));
  }

 private:
  static constexpr size_t kBuffersMax = 128;
  static constexpr size_t kBytesMax = 16 << 20;
  std::vector<base::Buffer> buffers_;
  size_t bytes_ = 0;
};

BufferPool& ThreadPool() {
  thread_local BufferPool pool;
  return pool;
}

// Keeps what the loop over all fields touches in a few words per column, and what is rare out of
// its way. While values are copied, a cell's `data` is an offset into its column's bytes: these move
// when they grow.
template <bool kCopy>
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
      Sink* const sink = &sinks_[column];
      if (sink->last_row == row) [[unlikely]]
        Forget(sink);
      const size_t size = field.value.size();
      if (sink->end == sink->limit ||
          (kCopy && size + kCopySlop > static_cast<size_t>(sink->bytes_limit - sink->bytes)))
          [[unlikely]]
        Grow(column, size, row);
      Cell* const cell = sink->end;
      char* const to = sink->bytes;
      sink->last_row = row;
      sink->end = cell + 1;
      const char* data = field.value.data();
      if (kCopy) {
        CopyText(data, size, to);
        sink->bytes = to + size;
        data = reinterpret_cast<const char*>(to - sink->bytes_begin);
        __builtin_prefetch(to + kPrefetchWrites, 1);
        __builtin_prefetch(reinterpret_cast<const char*>(cell) + kPrefetchWrites, 1);
      }
      *cell = {data, static_cast<uint32_t>(size), row, field.type};
    }
  }

  std::vector<GatheredColumn> Finish() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      columns_[i].cells = {Cells(i), sinks_[i].end};
      if (kCopy) PointIntoBytes(&columns_[i], sinks_[i]);
      Measure(&columns_[i]);
    }
    return std::move(columns_);
  }

 private:
  struct Sink {
    Cell* end = nullptr;
    Cell* limit = nullptr;
    uint32_t last_row = UINT32_MAX;
    char* bytes = nullptr;  // where the next value goes
    char* bytes_begin = nullptr;
    char* bytes_limit = nullptr;
  };

  // The row's earlier value of the same field.
  void Forget(Sink* sink) {
    --sink->end;
    if (kCopy) sink->bytes -= sink->end->length;
  }

  Cell* Cells(size_t column) { return reinterpret_cast<Cell*>(columns_[column].storage.data()); }

  void PointIntoBytes(GatheredColumn* column, const Sink& sink) {
    char* const begin = column->bytes.data();
    column->bytes.Resize(static_cast<size_t>(sink.bytes - begin));
    for (Cell& cell :
         std::span(reinterpret_cast<Cell*>(column->storage.data()), column->cells.size()))
      cell.data = begin + reinterpret_cast<uintptr_t>(cell.data);
  }

  [[gnu::noinline]] uint32_t AddName(const model::RecordBatch* batch, uint32_t name_id) {
    const uint32_t column = names_.FindOrAdd(batch->names()[name_id], &columns_);
    if (column == sinks_.size()) AddSink(&columns_[column]);
    batches_.Find(batch)[name_id] = column;
    return column;
  }

  void AddSink(GatheredColumn* column) {
    Sink& sink = sinks_.emplace_back();
    if (!kCopy) return;
    column->storage = ThreadPool().Take();
    column->bytes = ThreadPool().Take();
    sink.end = reinterpret_cast<Cell*>(column->storage.data());
    sink.limit = sink.end + column->storage.capacity() / sizeof(Cell);
    sink.bytes = sink.bytes_begin = column->bytes.data();
    sink.bytes_limit = sink.bytes + column->bytes.capacity();
  }

  // Makes room for as many cells as the rows to come will bring when they are like those before.
  [[gnu::noinline]] void Grow(uint32_t column, size_t value_bytes, size_t row) {
    if (sinks_[column].end == sinks_[column].limit) GrowCells(column, row);
    if (kCopy) GrowBytes(column, value_bytes, row);
  }

  void GrowCells(uint32_t column, size_t row) {
    Sink& sink = sinks_[column];
    base::Buffer& storage = columns_[column].storage;
    const auto size = static_cast<size_t>(sink.end - Cells(column));
    const size_t expected = size * rows_ / (row + 1) + size / 4 + 16;
    const size_t capacity =
        row < kGrowFromRow ? std::max<size_t>(2 * size, 8) : std::min(expected, rows_);
    storage.Resize(size * sizeof(Cell));
    storage.Reserve(capacity * sizeof(Cell));
    sink.end = Cells(column) + size;
    sink.limit = Cells(column) + storage.capacity() / sizeof(Cell);
  }

  // Likewise for bytes.
  void GrowBytes(uint32_t column, size_t value_bytes, size_t row) {
    Sink& sink = sinks_[column];
    if (value_bytes + kCopySlop <= static_cast<size_t>(sink.bytes_limit - sink.bytes)) return;
    base::Buffer& bytes = columns_[column].bytes;
    const auto size = static_cast<size_t>(sink.bytes - bytes.data());
    NL_CHECK(size + value_bytes <= kColumnBytesMax);
    const size_t expected = size * rows_ / (row + 1) + size / 8;
    bytes.Resize(size);
    bytes.Reserve(std::max(2 * size, row < kGrowFromRow ? 0 : expected) + value_bytes + 1024);
    sink.bytes_begin = bytes.data();
    sink.bytes = sink.bytes_begin + size;
    sink.bytes_limit = bytes.data() + bytes.capacity();
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

void Measure(GatheredColumn* column) {
  const ValueType type = column->cells.front().type;
  uint64_t bytes = 0;
  uint32_t length_min = UINT32_MAX;
  uint32_t length_max = 0;
  bool one_type = true;
  for (const Cell& cell : column->cells) {
    bytes += cell.length;
    length_min = std::min(length_min, cell.length);
    length_max = std::max(length_max, cell.length);
    one_type &= cell.type == type;
  }
  NL_CHECK(bytes <= kColumnBytesMax);
  column->value_bytes = bytes;
  column->length_min = length_min;
  column->length_max = length_max;
  column->one_type = one_type;
}

namespace {

// Logs mostly come in order: sets the late ones aside, sorts these and merges them in.
void SortKeys(std::vector<uint64_t>* keys) {
  std::vector<uint64_t> late;
  size_t in_order = 0;
  for (const uint64_t key : *keys) {
    if (in_order > 0 && key < (*keys)[in_order - 1]) {
      late.push_back(key);
    } else {
      (*keys)[in_order++] = key;
    }
  }
  std::sort(late.begin(), late.end());
  // From the back, so that no key in order is overwritten before it has moved.
  for (size_t to = keys->size(); !late.empty();) {
    if (in_order > 0 && (*keys)[in_order - 1] > late.back()) {
      (*keys)[--to] = (*keys)[--in_order];
    } else {
      (*keys)[--to] = late.back();
      late.pop_back();
    }
  }
}

}  // namespace

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
  SortKeys(&keys);
  const std::vector<RowRef> unsorted(rows.begin(), rows.end());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = unsorted[keys[i] & kSortRowMask];
}

namespace {

template <bool kCopy>
std::vector<GatheredColumn> Gather(std::span<const RowRef> rows) {
  Gatherer<kCopy> gatherer(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    if (row + kPrefetchRows < rows.size()) PrefetchRow(rows[row + kPrefetchRows].row);
    gatherer.AddRow(rows[row], static_cast<uint16_t>(row));
  }
  return gatherer.Finish();
}

}  // namespace

std::vector<GatheredColumn> GatherColumns(std::span<const RowRef> rows, bool copy) {
  NL_CHECK(rows.size() <= kBlockRowsMax);
  return copy ? Gather<true>(rows) : Gather<false>(rows);
}

void Recycle(std::vector<GatheredColumn> columns) {
  for (; !columns.empty(); columns.pop_back()) {
    ThreadPool().Give(std::move(columns.back().bytes));
    ThreadPool().Give(std::move(columns.back().storage));
  }
}

// Values of one sign get longer away from zero.
void MeasureDecimalLengths(std::span<const int64_t> sorted, ColumnMeta* meta) {
  const auto [low, high] =
      std::minmax({DecimalLength(sorted.front()), DecimalLength(sorted.back())});
  meta->length_min = low;
  meta->length_max = high;
  meta->value_bytes = uint64_t{low} * sorted.size();
  const bool one_sign = sorted.front() >= 0 || sorted.back() < 0;
  if (low == high && one_sign) return;
  meta->value_bytes = 0;
  for (const int64_t value : sorted) {
    meta->length_min = std::min(meta->length_min, DecimalLength(value));
    meta->value_bytes += DecimalLength(value);
  }
}

std::array<uint32_t, kLevels> CountLevels(std::span<const GatheredColumn> columns, size_t rows) {
  const GatheredColumn* column = FindLevel(columns);
  return column == nullptr ? NoLevels(rows) : CountLevels(column->cells, rows);
}

std::array<uint32_t, kLevels> NoLevels(size_t rows) {
  std::array<uint32_t, kLevels> counts{};
  counts[static_cast<size_t>(Level::kNone)] = static_cast<uint32_t>(rows);
  return counts;
}

std::array<uint32_t, kLevels> CountLevels(std::span<const Cell> cells, size_t rows) {
  std::array<uint32_t, kLevels> counts = NoLevels(rows - cells.size());
  // There are few spellings: remember the last one of each length.
  std::array<const Cell*, 16> seen{};
  std::array<Level, 16> levels{};
  for (size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    PrefetchCell(cells, i);
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
