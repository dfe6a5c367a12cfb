// `len(field) as result`: the number of bytes of the value.
#include "query/rewrite_pipe.h"

namespace neurallog::query {

PipeResult ParsePipeLen(const PipeParse& parse) {
  return ParseValuePipe(
      parse,
      [](std::string_view value, std::string* to) {
        to->append(std::to_string(value.size()));
        return Status();
      },
      ValueType::kNumber);
}

}  // namespace neurallog::query
