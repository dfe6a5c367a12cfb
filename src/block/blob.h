// Byte strings inside chunks: zstd or hexadecimal digits where that pays, raw otherwise.
//
//   blob := codec:u8 raw_bytes:varint byte*                        (raw)
//         | codec:u8 raw_bytes:varint stored_bytes:varint byte*    (zstd)
//         | codec:u8 raw_bytes:varint byte*                        (hexadecimal digits, two to a byte)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "neurallog/status.h"

namespace neurallog::block {

// Uses one compression context per thread.
void AppendBlob(std::string_view raw, int zstd_level, std::string* to);
// The same for bytes that have much in common with `prefix`, which the reader must know.
void AppendBlobBehind(std::string_view prefix, std::string_view raw, int zstd_level,
                      std::string* to);

// For bytes that are known not to shrink.
void AppendRawBlob(std::string_view raw, std::string* to);

// Appends to `to` a blob that holds at most `raw_bytes_max` bytes; Corruption when it claims more
// or holds something else.
Status DecodeBlob(base::ByteReader* reader, uint64_t raw_bytes_max, base::Buffer* to,
                  std::string_view prefix = {});

}  // namespace neurallog::block
