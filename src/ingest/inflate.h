// Undoes the Content-Encoding of a request body.
#pragma once

#include <string_view>

#include "base/buffer.h"
#include "ingest/decode_limits.h"
#include "neurallog/status.h"

namespace neurallog::ingest {

// `content_encoding` is the header's value: "", "identity", "gzip", "x-gzip", "deflate" (zlib or raw), "zstd", or two of them in a
// list, undone last to first. The result never exceeds limits.body_bytes_max, nor does what is allocated for it.
// Unsupported: another encoding or a longer list. InvalidArgument: a broken, cut or over-long stream. TooLarge: over the limit.
Result<base::Buffer> Inflate(std::string_view content_encoding, base::Buffer body,
                             const DecodeLimits& limits);

}  // namespace neurallog::ingest
