// `pack_logfmt [fields (a, b*)] [as result]`: the fields of a row that have a value as name=value pairs.
#include "query/pack_pipe.h"

namespace neurallog::query {

PipeResult ParsePipePackLogfmt(const PipeParse& parse) {
  return ParsePackPipe(parse, AppendLogfmt);
}

}  // namespace neurallog::query
