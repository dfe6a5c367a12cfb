// How often a test passes, estimated from a sample of rows: it decides which of a rule's tests the
// index watches. Without a sample, estimates go by the kind of test and the length of its text.
//
//   Statistics statistics;
//   statistics.AddRow(batch, row, pipeline);   // one of a few hundred rows that come in
//   RuleSet::Compile(rules, {.statistics = &statistics});
//
// Keeps at most kRowsMax rows and kValueBytesMax of a value; more are ignored. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/record_batch.h"
#include "rules/expression.h"
#include "rules/pipeline.h"

namespace neurallog::rules {

class Statistics {
 public:
  static constexpr uint32_t kRowsMax = 2048;
  static constexpr size_t kValueBytesMax = 4096;

  // `row` points at row_bytes.
  void AddRow(const model::RecordBatch& batch, const char* row, const Pipeline& pipeline);
  // The same field by field. False: no more rows are taken.
  bool BeginRow();
  void AddField(std::string_view name, ValueType type, std::string_view value,
                const Pipeline& pipeline);
  uint32_t rows() const { return rows_; }

  // The share of records that pass, in (0, 1].
  double Estimate(const Test& test) const;
  // How often these four folded bytes stand in values, per row. Below 1e-3 where never seen.
  double GramsPerRow(const char* gram) const;

 private:
  void Add(std::string_view field, std::string_view value);
  double EstimateText(const Test& test, const std::string& text) const;
  double CountInField(const Test& test, const std::string& text) const;
  double Contained(std::string_view text) const;

  uint32_t rows_ = 0;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;  // folded, by field
  std::vector<uint32_t> grams_ = std::vector<uint32_t>(1 << 16);         // counts by hash
};

}  // namespace neurallog::rules
