// Blocks: up to 65,536 rows of one tenant, sorted by time, stored as one header and one chunk per
// column.
//
//   BuiltBlock built = BuildBlock(rows, {.lsn_min = 1, .lsn_max = 9});      // seal
//   NL_TRY(auto header, BlockHeader::Decode(header_bytes));                 // the header first,
//   NL_TRY(Column column, DecodeColumn(header->columns[3], header->rows, chunk));  // then what is needed
//
// The bytes are specified in docs/formats/block.md; header and chunks carry a CRC-32C each, checked
// when they are decoded. Encodings: const, dict, delta/frame-of-reference bit-packed integers,
// strings (zstd-1, or raw when zstd does not pay).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/record_batch.h"
#include "neurallog/log_record.h"
#include "neurallog/status.h"

namespace neurallog::index {
class TokenSet;
}

namespace neurallog::block {

inline constexpr uint32_t kBlockRowsMax = 65'536;      // format limit; the engine seals at 16,384
inline constexpr uint32_t kInlineChunkBytesMax = 512;  // smaller chunks travel inside the header
// Columns with a higher index have inline chunks of any size.
inline constexpr uint32_t kChunkColumnMax = UINT16_MAX;
inline constexpr uint32_t kDictEntriesMax = 4'096;

// How a chunk holds its values. Decoded columns are kConst, kDict, kInts or kStrings: the others
// decode to kStrings.
enum class Encoding : uint8_t {
  kConst = 0,      // one value for all rows that have the column
  kDict = 1,       // distinct values + bit-packed codes
  kInts = 2,       // canonical decimals (no leading zeros, no "-0", at most 18 digits), bit-packed
  kStrings = 3,    // lengths + bytes
  kTemplates = 4,  // static texts with variables between them, columns of their own
  kHex = 5,        // lower-case hexadecimal digits of one length, or UUIDs, as bytes
  kIpv4 = 6,       // dotted quads as integers
  kDecimal = 7,    // decimals with a point, such as 12.50, as integers and scales
};
inline constexpr int kEncodings = 8;

// How often a template occurs. The hash is that of its text, the same in every block and process.
struct TemplateCount {
  uint64_t hash = 0;
  uint32_t rows = 0;
  bool operator==(const TemplateCount&) const = default;
};
inline constexpr uint32_t kTemplatesMax = 4'096;  // distinct ones of a column
inline constexpr uint32_t kTopTemplatesMax = 16;  // counted in the header

// A row to be put into a block: a pointer to its row_bytes inside a batch that outlives the call.
struct RowRef {
  const model::RecordBatch* batch;
  const char* row;
  int64_t timestamp_ns;
};

// What the header knows of one column.
struct ColumnMeta {
  std::string name;
  Encoding encoding = Encoding::kConst;
  uint32_t present_rows = 0;   // rows that have a value
  uint32_t chunk_bytes = 0;    // stored size, inline or not
  std::string inline_chunk;    // empty when the chunk is stored beside the header
  bool has_int_range = false;  // kInts only: all values lie in [int_min, int_max]
  int64_t int_min = 0;
  int64_t int_max = 0;
  uint32_t length_min = 0;  // of the values' bytes
  uint32_t length_max = 0;
  uint64_t value_bytes = 0;    // of all values as texts; 0 when not known
  uint8_t char_classes = 0xff;  // of the values' bytes, char_class.h; all when not known
  bool indexed = false;         // the tokens of the values are in the block's token list
  uint32_t templates = 0;       // kTemplates only: how many are distinct
  std::vector<TemplateCount> top_templates;  // kTemplates only: the most frequent ones, in order
};

// Decoded header of a sealed block. Immutable after Decode, shared between queries.
struct BlockHeader {
  uint32_t rows = 0;
  int64_t min_ns = 0;
  int64_t max_ns = 0;
  uint64_t lsn_min = 0;  // log sequence numbers whose rows are in here
  uint64_t lsn_max = 0;
  std::array<uint32_t, kLevels> level_counts{};
  // Column 0 is the timestamp, named "_time"; the others in order of first appearance.
  std::vector<ColumnMeta> columns;

  static Result<std::shared_ptr<const BlockHeader>> Decode(std::string_view bytes);
  // Index into columns, or -1. Linear for few columns, hashed for many.
  int FindColumn(std::string_view name) const;
  // The same; `guess` is where another block has it, which mostly is right and then costs one comparison.
  int FindColumn(std::string_view name, int guess) const;
  // To be called when the columns are filled by other means than Decode, before FindColumn.
  void IndexNames();
  size_t memory_bytes() const;

 private:
  std::vector<uint32_t> name_slots_;  // open addressing, index + 1; empty for few columns
};

// A column in memory, decoded. Not thread-safe while being filled, then read-only.
//
// Row r has a value iff present is empty or present.test(r). Values of kConst and kDict are looked
// up through codes; kInts keep the numbers; kStrings keep offsets into one buffer, so that a scan
// can run over `bytes` as a whole. Absent rows of kStrings have length 0, absent rows of kInts hold
// 0 and absent rows of kDict have code 0.
struct Column {
  Encoding encoding = Encoding::kConst;
  uint32_t rows = 0;
  std::vector<uint64_t> present;  // bitmap, empty: every row
  ValueType uniform_type = ValueType::kString;
  std::vector<uint8_t> types;  // per row for kInts and kStrings, per entry for kConst and kDict;
                               // empty: all uniform_type

  std::vector<std::string_view> entries;  // kConst: one; kDict: the distinct values
  std::vector<uint16_t> codes;            // kDict: per row
  std::vector<int64_t> ints;              // kInts: per row; decimals: times 10^places
  uint8_t places = 0;                     // kStrings that were stored as decimals: not 0
  std::vector<uint32_t> offsets;          // kStrings: rows + 1
  base::Buffer bytes;  // owns what entries and kStrings point to; its heap address survives moves

  bool Has(uint32_t row) const {
    return present.empty() || (present[row >> 6] >> (row & 63) & 1) != 0;
  }
  ValueType TypeAt(uint32_t row) const {
    if (types.empty()) return uniform_type;
    if (encoding == Encoding::kConst) return static_cast<ValueType>(types[0]);
    return static_cast<ValueType>(encoding == Encoding::kDict ? types[codes[row]] : types[row]);
  }
  // The value's text; empty when absent. `scratch` (at least 24 bytes) holds the digits of kInts.
  std::string_view TextAt(uint32_t row, char* scratch) const;

  size_t memory_bytes() const;

  Column() = default;
  Column(Column&&) = default;
  Column& operator=(Column&&) = default;
  Column(const Column&) = delete;
};

struct BuildOptions {
  uint64_t lsn_min = 0;
  uint64_t lsn_max = 0;
  int zstd_level = 1;
  // When given, is cleared and takes the tokens of all columns but the timestamp and those stored as
  // integers; the block comes with its hash list.
  index::TokenSet* tokens = nullptr;
};

struct BuiltBlock {
  std::string header;
  struct Chunk {
    uint16_t column;
    std::string bytes;
  };
  std::vector<Chunk> chunks;  // only those that are not inline
  std::string hash_list;      // of the tokens, index/hash_list.h; empty when none were asked for
  uint32_t rows = 0;
  int64_t min_ns = 0;
  int64_t max_ns = 0;
};

// Builds a block from 1..kBlockRowsMax rows, whose values may take 512 MiB per column. Sorts `rows`
// by time (stable). A field that a row holds twice keeps its last value. The number of columns is
// only bounded by what the rows hold.
BuiltBlock BuildBlock(std::span<RowRef> rows, const BuildOptions& options);

// Decodes a chunk (an inline one too) for a block of `rows` rows. Never trusts it: Corruption says
// what is wrong.
Result<Column> DecodeColumn(const ColumnMeta& meta, uint32_t rows, std::string_view chunk);

// The templates of a column and which row has which, without the variables.
struct TemplateColumn {
  static constexpr uint16_t kNone = UINT16_MAX;  // the row has no value, or one stored whole

  std::vector<std::string_view> texts;  // each variable is one byte 0; in bytes
  std::vector<uint16_t> ids;            // per row
  base::Buffer bytes;
};

// Reads that much of a kTemplates chunk; costs a fraction of DecodeColumn.
Result<TemplateColumn> DecodeTemplates(const ColumnMeta& meta, uint32_t rows,
                                       std::string_view chunk);

// A block to be merged with others: its header and all columns, decoded.
struct MergeInput {
  const BlockHeader* header;
  std::span<const Column> columns;    // one per column of the header; the first is the timestamp
  std::span<const uint64_t> deleted;  // bitmap of rows to leave out; empty: none
};

// Builds one block from the rows of several, sorted by time, rows of the same time in the order of
// `inputs`; 1..kBlockRowsMax rows must be left. Texts and types stay exactly as they are. The
// log sequence numbers are those of `options`.
BuiltBlock MergeBlocks(std::span<const MergeInput> inputs, const BuildOptions& options);

struct GatheredColumn;

// Rows that are not sealed yet, seen as a block: the constructor finds the cells of each column (16
// bytes per value), GetColumn copies their bytes as a kStrings column; nothing is compressed. Keeps
// the batches alive. Thread-safe after construction: immutable.
class MemoryBlock {
 public:
  MemoryBlock(std::vector<std::shared_ptr<const model::RecordBatch>> batches,
              std::vector<RowRef> rows);  // sorts rows by time

  ~MemoryBlock();
  MemoryBlock(MemoryBlock&&) noexcept;
  MemoryBlock& operator=(MemoryBlock&&) noexcept;

  // Columns carry names, presence and length ranges; chunk_bytes is 0, only the timestamp has an
  // integer range.
  const BlockHeader& header() const { return header_; }
  Column GetColumn(size_t index) const;

 private:
  std::vector<std::shared_ptr<const model::RecordBatch>> batches_;
  std::vector<int64_t> times_;
  std::vector<GatheredColumn> columns_;  // header_.columns without the timestamp
  BlockHeader header_;
};

}  // namespace neurallog::block
