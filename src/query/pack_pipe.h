// Pipes that write fields of a row into one text: pack_json and pack_logfmt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/rewrite_pipe.h"

namespace neurallog::query {

// Reads the fields of rows that match some patterns, under the names that queries use.
class FieldPacker {
 public:
  struct Cell {
    std::string_view name;
    std::string_view value;  // not empty
  };

  // In the order of the patterns; all fields when there are none.
  static Result<FieldPacker> Open(Batch& batch, const std::vector<FieldPattern>& patterns);
  // Valid until the next call.
  const std::vector<Cell>& Read(uint32_t row);

 private:
  std::vector<std::string> names_;
  std::vector<FieldReader> readers_;
  std::vector<Cell> cells_;
};

// {"name":"value",...}
void AppendJsonObject(std::string* to, const std::vector<FieldPacker::Cell>& cells);
// name=value name="value with spaces"
void AppendLogfmt(std::string* to, const std::vector<FieldPacker::Cell>& cells);

using PackFunction = void (*)(std::string* to, const std::vector<FieldPacker::Cell>& cells);
// `[fields (a, b*)] [as result]`
PipeResult ParsePackPipe(const PipeParse& parse, PackFunction function);

}  // namespace neurallog::query
