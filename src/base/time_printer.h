// Prints times that lie near each other as AppendRfc3339 does: what those of one second have in common is
// made once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace neurallog::base {

class Rfc3339Printer {
 public:
  static constexpr size_t kBytesMax = 30;
  // Writes the time and returns its end.
  char* Put(char* to, int64_t ns);

 private:
  int64_t second_ = INT64_MIN;  // of front_; no time lies in this one
  char front_[19];
};

}  // namespace neurallog::base
