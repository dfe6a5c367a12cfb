// Fuzzes the body decoders: the first byte picks the decoder and the limits, the rest is the body.
// Whatever comes in, the batch must be well-formed and every record accounted for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/buffer.h"
#include "ingest/decoder_json.h"
#include "ingest/inflate.h"

namespace {

using namespace neurallog;

void Check(bool good) {
  if (!good) std::abort();
}

void CheckResult(const Result<ingest::DecodeResult>& result, const ingest::DecodeLimits& limits) {
  if (!result.ok()) return Check(!result.status().message().empty());
  Check(result->batch->rows() == result->accepted);
  Check(result->errors.size() == std::min<uint64_t>(result->rejected, limits.errors_reported_max));
  for (const ingest::RecordError& error : result->errors) Check(!error.reason.empty());
  std::string payload(model::RecordBatch::kHeaderBytes, '\0');
  result->batch->EncodeHeader(payload.data());
  payload.append(result->batch->names_bytes()).append(result->batch->rows_bytes());
  Check(model::RecordBatch::Decode(payload).ok());
}

ingest::JsonLineParams Params() {
  ingest::JsonLineParams params;
  params.time_fields = {"t", "_time"};
  params.msg_fields = {"m", "a.b"};
  params.stream_fields = {"a", "s"};
  params.ignore_fields = {"i", "p*"};
  params.extra_fields = {{"e", "1"}};
  return params;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  base::Buffer body;
  body.Append(data + 1, size - 1);
  ingest::DecodeLimits limits;
  limits.body_bytes_max = 1u << 20;
  if ((choice & 4) != 0) {
    limits.record_fields_max = 3;
    limits.record_bytes_max = 64;
    limits.field_name_bytes_max = 8;
    limits.errors_reported_max = 2;
  }
  switch (choice & 3) {
    case 0:
      CheckResult(ingest::DecodeNative(body, /*ndjson_hint=*/false, limits, 1), limits);
      break;
    case 1: CheckResult(ingest::DecodeNative(body, /*ndjson_hint=*/true, limits, 1), limits); break;
    case 2: CheckResult(ingest::DecodeJsonLines(body, Params(), limits, 1), limits); break;
    case 3: {
      constexpr const char* kEncodings[] = {"gzip", "deflate", "zstd", "gzip, zstd"};
      const auto inflated = ingest::Inflate(kEncodings[choice >> 4 & 3], std::move(body), limits);
      if (inflated.ok()) Check(inflated->size() <= limits.body_bytes_max);
      break;
    }
  }
  return 0;
}
