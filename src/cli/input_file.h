// A file or standard input, decompressed.
#pragma once

#include <memory>
#include <string>

#include "neurallog/status.h"

namespace neurallog::cli {

// Plain, gzip (also of several members) or zstd, by its first bytes. Not thread-safe.
class InputFile {
 public:
  // "-" is standard input.
  static Result<std::unique_ptr<InputFile>> Open(const std::string& path);
  virtual ~InputFile() = default;

  // Appends some bytes; false at the end. Corruption when compressed data is damaged or cut off.
  virtual Result<bool> Read(std::string* to) = 0;
};

}  // namespace neurallog::cli
