// A JSON document as text again.
#pragma once

#include <string>

#include "base/json_value.h"

namespace neurallog::query {

// Without white space, numbers as they were written.
void AppendJson(std::string* to, const base::JsonValue& value);

}  // namespace neurallog::query
