// `json_array_len(field) as result`: how many elements a JSON array has; 0 when it is none.
#include "base/json_value.h"
#include "query/rewrite_pipe.h"

namespace neurallog::query {

PipeResult ParsePipeJsonArrayLen(const PipeParse& parse) {
  return ParseValuePipe(
      parse,
      [](std::string_view value, std::string* to) {
        const auto array = base::ParseJson(value);
        const bool is_array = array.ok() && array->kind() == base::JsonValue::Kind::kArray;
        to->append(std::to_string(is_array ? array->items().size() : 0));
        return Status();
      },
      ValueType::kNumber);
}

}  // namespace neurallog::query
