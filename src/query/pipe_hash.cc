// `hash(field) as result`: a hash of the value, the same number as VictoriaLogs' (the low 53 bits of XXH64).
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "query/rewrite_pipe.h"

namespace neurallog::query {

PipeResult ParsePipeHash(const PipeParse& parse) {
  constexpr uint64_t kBits = (uint64_t{1} << 53) - 1;
  return ParseValuePipe(
      parse,
      [](std::string_view value, std::string* to) {
        to->append(std::to_string(XXH64(value.data(), value.size(), 0) & kBits));
        return Status();
      },
      ValueType::kNumber);
}

}  // namespace neurallog::query
