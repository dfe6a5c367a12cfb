// Record batches for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/record_batch.h"

namespace neurallog::testing {

// `count` rows with the field `seq` from `first` on, the message "row <seq>", and times one millisecond apart from `start_ns` on.
inline std::shared_ptr<const model::RecordBatch> MakeBatch(
    int64_t first, int count, int64_t start_ns = 1'700'000'000'000'000'000) {
  model::RecordBatchBuilder builder(static_cast<size_t>(count) * 64);
  for (int i = 0; i < count; ++i) {
    const std::string seq = std::to_string(first + i);
    builder.BeginRow();
    builder.AddField(builder.NameId("message"), ValueType::kString, "row " + seq);
    builder.AddField(builder.NameId("seq"), ValueType::kNumber, seq);
    builder.EndRow(start_ns + (first + i) * 1'000'000);
  }
  return builder.Finish();
}

// `count` rows with the field `seq` and `bytes` of text each that does not compress.
inline std::shared_ptr<const model::RecordBatch> MakeNoise(int64_t first, int count, size_t bytes,
                                                           int64_t start_ns) {
  static constexpr char kDigits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
  model::RecordBatchBuilder builder(static_cast<size_t>(count) * (bytes + 64));
  uint64_t state = static_cast<uint64_t>(first) * 2 + 1;
  std::string noise(bytes, ' ');
  for (int i = 0; i < count; ++i) {
    for (char& c : noise) {
      state = state * 6364136223846793005 + 1442695040888963407;
      c = kDigits[state >> 58];
    }
    builder.BeginRow();
    builder.AddField(builder.NameId("seq"), ValueType::kNumber, std::to_string(first + i));
    builder.AddField(builder.NameId("noise"), ValueType::kString, noise);
    builder.EndRow(start_ns + (first + i) * 1'000'000);
  }
  return builder.Finish();
}

// The values of `seq` of a batch's rows.
inline std::vector<int64_t> SeqsOf(const model::RecordBatch& batch) {
  std::vector<int64_t> seqs;
  const char* at = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    model::RowReader row(at);
    for (model::Field field; row.Next(&field);)
      if (batch.names()[field.name_id] == "seq")
        seqs.push_back(std::stoll(std::string(field.value)));
    at = row.next_row();
  }
  return seqs;
}

}  // namespace neurallog::testing
