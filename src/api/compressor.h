// Compresses a stream piece by piece. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::api {

enum class Compression : uint8_t { kNone, kGzip, kZstd };

class Compressor {
 public:
  virtual ~Compressor() = default;
  // Replaces the piece by what can be sent; the last one ends the stream.
  virtual Status Compress(std::string* piece, bool is_last) = 0;
};

// Null for kNone.
std::unique_ptr<Compressor> MakeCompressor(Compression compression);

}  // namespace neurallog::api
