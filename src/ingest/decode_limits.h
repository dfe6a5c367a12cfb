// What a request body may hold at most, and what comes out of decoding one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/record_batch.h"

namespace neurallog::ingest {

struct DecodeLimits {
  size_t body_bytes_max = 64u << 20;   // after decompression; beyond: TooLarge
  size_t record_bytes_max = 2u << 20;  // JSON text of one record; beyond: that record is rejected
  // Leaves of one record; beyond: its nested objects are kept as JSON text.
  uint32_t record_fields_max = 1000;
  size_t field_name_bytes_max = 512;     // flattened; beyond: that record is rejected
  int64_t timestamp_max_ns = INT64_MAX;  // later records are rejected
  int64_t timestamp_min_ns = INT64_MIN;  // earlier ones too
  uint32_t errors_reported_max = 100;    // beyond: only counted
};

struct RecordError {
  uint64_t index;  // position in the array, or among the lines that are not blank, from 0
  std::string reason;
};

struct DecodeResult {
  std::shared_ptr<const model::RecordBatch> batch;  // may hold no rows
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  std::vector<RecordError> errors;  // the first errors_reported_max of the rejected
};

}  // namespace neurallog::ingest
