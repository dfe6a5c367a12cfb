// JSON bodies to record batches.
//
//   NL_TRY(DecodeResult result, DecodeNative(body, /*ndjson_hint=*/false, limits, clock.WallNs()));
//   // result.batch goes into the ring; result.errors into the answer
//
// A record is a JSON object. Nested objects are flattened with dots; every value keeps its type (ValueType): numbers as they were
// written, arrays as JSON text without white space. All of RFC 8259 is checked: a record with any fault is rejected with a reason,
// and its neighbours are kept. Where the RFC leaves room: an escaped lone surrogate (\uD800) becomes U+FFFD, \u0000 is kept as a NUL
// byte, a name that is given twice is kept twice (blocks show the last one), and containers nest up to 256 deep.
// A record with more than record_fields_max leaves keeps each nested object as one JSON text.
//
// Cost: one pass of simdjson's stage 1 over windows of 64 KiB, then one walk over its structural characters; linear in the body
// whatever it holds. Memory beside the batch: about 5 bytes per byte of the largest record, at least 320 KiB, per thread.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "ingest/decode_limits.h"
#include "neurallog/status.h"

namespace neurallog::ingest {

// POST /v1/logs: one object, an array of objects, {"logs": [...]}, or objects one after the other, each on its line or not.
// With `ndjson_hint` the client says that each line is a record: then {"logs": [...]} is a record like any other, and a broken record
// never reaches past its line.
// The time is the field `timestamp`, else `_time`, else `@timestamp` (which stays as a field too), else `arrival_ns`; RFC 3339 or an
// epoch number. A bad `timestamp` or `_time` rejects the record; null and "" count as absent. `_msg` is stored as `message`.
// InvalidArgument when the body holds nothing to read.
Result<DecodeResult> DecodeNative(const base::Buffer& body, bool ndjson_hint,
                                  const DecodeLimits& limits, int64_t arrival_ns);

// The arguments common to VictoriaLogs' ingestion paths. Names are those of flattened fields.
struct JsonLineParams {
  std::vector<std::string> time_fields;  // first that has a value; default _time
  std::vector<std::string> msg_fields;   // first that has a value becomes `message`; default _msg
  std::vector<std::string>
      stream_fields;  // unless exactly `source`: their values make the field _stream
  std::vector<std::string> ignore_fields;  // dropped; a last '*' stands for any ending
  std::vector<std::pair<std::string, std::string>>
      extra_fields;  // put into each record in place of its own
};

// POST /insert/jsonline: one object per line. A time of "0", 0 or none is `arrival_ns`.
Result<DecodeResult> DecodeJsonLines(const base::Buffer& body, const JsonLineParams& params,
                                     const DecodeLimits& limits, int64_t arrival_ns);

}  // namespace neurallog::ingest
