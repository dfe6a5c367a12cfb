#include "query/json_print.h"

#include "base/json_text.h"

namespace neurallog::query {

void AppendJson(std::string* to, const base::JsonValue& value) {
  using Kind = base::JsonValue::Kind;
  switch (value.kind()) {
    case Kind::kNull: to->append("null"); return;
    case Kind::kBool:
    case Kind::kNumber: to->append(value.text()); return;
    case Kind::kString: base::AppendJsonString(to, value.text()); return;
    case Kind::kArray:
    case Kind::kObject: break;
  }
  const bool is_object = value.kind() == Kind::kObject;
  to->push_back(is_object ? '{' : '[');
  for (size_t i = 0; i < value.items().size(); ++i) {
    if (i != 0) to->push_back(',');
    if (is_object) {
      base::AppendJsonString(to, value.names()[i]);
      to->push_back(':');
    }
    AppendJson(to, value.items()[i]);
  }
  to->push_back(is_object ? '}' : ']');
}

}  // namespace neurallog::query
