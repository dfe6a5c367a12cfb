// What replace and replace_regexp have in common.
#pragma once

#include <limits>
#include <string>

#include "query/rewrite_pipe.h"

namespace neurallog::query {

struct ReplaceArgs {
  std::shared_ptr<Condition> condition;
  FieldPattern field;
  std::string from;
  std::string to;
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  size_t from_begin = 0;  // place in the query
};

// `[if (filter)] ("from", "to") [at field] [limit N]`; a limit of 0 is none.
Result<ReplaceArgs> ParseReplaceArgs(const PipeParse& parse);
PipeResult MakeReplacePipe(std::string_view name, ReplaceArgs args, ValueFunction function);

}  // namespace neurallog::query
