// Rows as plain values, the blocks made of them, and what reading the blocks must give back.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "block/block.h"
#include "model/record_batch.h"
#include "support/seed.h"

namespace neurallog::block {

struct TestField {
  std::string name;
  ValueType type;
  std::string value;
};

struct TestRow {
  int64_t timestamp_ns = 0;
  std::vector<TestField> fields;
};

struct TestRows {
  std::vector<std::shared_ptr<const model::RecordBatch>> batches;
  std::vector<RowRef> refs;
};

// Puts every `rows_per_batch` rows into a batch of their own.
inline TestRows MakeRows(const std::vector<TestRow>& rows, size_t rows_per_batch = 1000) {
  TestRows made;
  for (size_t start = 0; start < rows.size(); start += rows_per_batch) {
    const size_t end = std::min(rows.size(), start + rows_per_batch);
    model::RecordBatchBuilder builder(1024);
    for (size_t i = start; i < end; ++i) {
      builder.BeginRow();
      for (const TestField& field : rows[i].fields)
        builder.AddField(builder.NameId(field.name), field.type, field.value);
      builder.EndRow(rows[i].timestamp_ns);
    }
    made.batches.push_back(builder.Finish());
    const char* row = made.batches.back()->first_row();
    for (size_t i = start; i < end; ++i) {
      made.refs.push_back({made.batches.back().get(), row, rows[i].timestamp_ns});
      row = model::RowReader(row).next_row();
    }
  }
  return made;
}

using TypedValue = std::pair<ValueType, std::string>;

// The brute-force answer: rows stably sorted by time, the last value of a name wins.
inline std::vector<std::map<std::string, TypedValue>> ExpectedRows(std::vector<TestRow> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const TestRow& a, const TestRow& b) {
    return a.timestamp_ns < b.timestamp_ns;
  });
  std::vector<std::map<std::string, TypedValue>> expected(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    expected[i]["_time"] = {ValueType::kNumber, std::to_string(rows[i].timestamp_ns)};
    for (const TestField& field : rows[i].fields)
      expected[i][field.name] = {field.type, field.value};
  }
  return expected;
}

struct OpenedBlock {
  BuiltBlock built;
  std::shared_ptr<const BlockHeader> header;

  const std::string& chunk(size_t column) const {
    if (!header->columns[column].inline_chunk.empty()) return header->columns[column].inline_chunk;
    for (const BuiltBlock::Chunk& each : built.chunks)
      if (each.column == column) return each.bytes;
    static const std::string none;
    return none;
  }
  Column Read(size_t column) const {
    Result<Column> read = DecodeColumn(header->columns[column], header->rows, chunk(column));
    INFO(read.status().ToString());
    REQUIRE(read.ok());
    return std::move(read).value();
  }
  Column Read(const std::string& name) const {
    const int column = header->FindColumn(name);
    REQUIRE(column >= 0);
    return Read(static_cast<size_t>(column));
  }
};

inline OpenedBlock Build(const std::vector<TestRow>& rows, size_t rows_per_batch = 1000) {
  TestRows made = MakeRows(rows, rows_per_batch);
  OpenedBlock opened;
  opened.built = BuildBlock(made.refs, {.lsn_min = 7, .lsn_max = 9});
  auto header = BlockHeader::Decode(opened.built.header);
  INFO(header.status().ToString());
  REQUIRE(header.ok());
  opened.header = std::move(header).value();
  return opened;
}

// Compares a decoded column with what the rows hold; returns the number of rows that have a value.
// Plain ifs, as it runs over millions of values.
inline size_t CheckColumn(const Column& column, const ColumnMeta& meta,
                          const std::vector<std::map<std::string, TypedValue>>& expected) {
  size_t present = 0;
  char scratch[24];
  if (column.rows != expected.size()) FAIL("wrong number of rows");
  for (uint32_t row = 0; row < column.rows; ++row) {
    const auto value = expected[row].find(meta.name);
    if (column.Has(row) != (value != expected[row].end()))
      FAIL("row " << row << " of " << meta.name << ": presence differs");
    const std::string_view text = column.TextAt(row, scratch);
    if (!column.Has(row)) {
      if (!text.empty()) FAIL("row " << row << " of " << meta.name << ": text of an absent value");
      continue;
    }
    ++present;
    if (column.TypeAt(row) != value->second.first)
      FAIL("row " << row << " of " << meta.name << ": type differs");
    if (text != value->second.second)
      FAIL("row " << row << " of " << meta.name << ": '" << text << "' instead of '"
                  << value->second.second << "'");
    if (text.size() < meta.length_min || text.size() > meta.length_max)
      FAIL("row " << row << ": length range of " << meta.name);
    if (meta.has_int_range && (std::stoll(std::string(text)) < meta.int_min ||
                               std::stoll(std::string(text)) > meta.int_max))
      FAIL("row " << row << ": integer range of " << meta.name);
  }
  if (present != meta.present_rows)
    FAIL(meta.name << ": " << present << " rows instead of " << meta.present_rows);
  return present;
}

// Builds a block of `rows`, reads everything back and compares; the same for the block in memory.
inline OpenedBlock RoundTrip(const std::vector<TestRow>& rows, size_t rows_per_batch = 1000) {
  const auto expected = ExpectedRows(rows);
  size_t values = 0;
  for (const auto& row : expected) values += row.size();

  OpenedBlock opened = Build(rows, rows_per_batch);
  size_t read = 0;
  for (size_t i = 0; i < opened.header->columns.size(); ++i)
    read += CheckColumn(opened.Read(i), opened.header->columns[i], expected);
  REQUIRE(read == values);

  TestRows made = MakeRows(rows, rows_per_batch);
  const MemoryBlock memory(std::move(made.batches), std::move(made.refs));
  const BlockHeader& header = memory.header();
  REQUIRE(header.columns.size() == opened.header->columns.size());
  REQUIRE(header.level_counts == opened.header->level_counts);
  REQUIRE(std::tuple(header.rows, header.min_ns, header.max_ns) ==
          std::tuple(opened.header->rows, opened.header->min_ns, opened.header->max_ns));
  for (size_t i = 0; i < header.columns.size(); ++i) {
    const ColumnMeta& stored = opened.header->columns[i];
    const ColumnMeta& meta = header.columns[i];
    if (meta.name != stored.name || meta.present_rows != stored.present_rows ||
        meta.length_min != stored.length_min || meta.length_max != stored.length_max)
      FAIL("the headers differ in column " << i);
    CheckColumn(memory.GetColumn(i), meta, expected);
  }
  return opened;
}

using testing::RandomSeed;

}  // namespace neurallog::block
