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
