// `pack_json [fields (a, b*)] [as result]`: the fields of a row that have a value as a JSON object.
#include "query/pack_pipe.h"

namespace neurallog::query {

PipeResult ParsePipePackJson(const PipeParse& parse) {
  return ParsePackPipe(parse, AppendJsonObject);
}

}  // namespace neurallog::query
