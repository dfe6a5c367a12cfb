// A few rows of a stream, each row with the same chance of being among them: what Statistics are made of.
//
//   RowSample sample(seed);
//   for (...) if (sample.Wants()) sample.Add(batch, row);       // each row of the stream
//   Statistics statistics = sample.MakeStatistics(BuiltinPipeline());
//
// Wants costs a comparison, and says no ever more often. Keeps at most kRowsMax rows and of each the fields that
// fit into kRowBytesMax. Plain value; not thread-safe.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "model/record_batch.h"
#include "rules/statistics.h"

namespace neurallog::rules {

class RowSample {
 public:
  static constexpr size_t kRowsMax = 512;
  static constexpr size_t kRowBytesMax = 4096;

  explicit RowSample(uint64_t seed) : random_(seed) {}

  // Whether the next row of the stream is to be added.
  bool Wants() { return rows_seen_++ == next_; }
  // `row` points at row_bytes.
  void Add(const model::RecordBatch& batch, const char* row);

  uint64_t rows_seen() const { return rows_seen_; }
  size_t size() const { return rows_.size(); }
  size_t memory_bytes() const;
  Statistics MakeStatistics(const Pipeline& pipeline) const;

 private:
  double Uniform() { return std::uniform_real_distribution<double>(1e-12, 1)(random_); }
  // How many rows are passed over until the next one is taken.
  void ChooseNext();

  std::mt19937_64 random_;
  uint64_t rows_seen_ = 0;
  uint64_t next_ = 0;  // the row that is wanted
  double weight_ =
      1;  // the largest of the kRowsMax smallest of uniform numbers, one for each row seen
  std::vector<std::string> rows_;
};

}  // namespace neurallog::rules
