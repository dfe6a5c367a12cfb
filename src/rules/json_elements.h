// Walks the elements of a JSON list that ingest has written: valid, without insignificant white space.
#pragma once

#include <string>
#include <string_view>

namespace neurallog::rules {

struct JsonElement {
  std::string_view text;     // of a string without its quotes; else as it stands
  bool has_escapes = false;  // of a string: `text` still has its backslashes
  bool is_null = false;
};

// Takes the first element off *rest, which begins behind '[' or where the last call left it. False at
// the end, or where the text is no list.
bool NextElement(std::string_view* rest, JsonElement* element);

// The text of a string that has escapes.
void Unescape(std::string_view escaped, std::string* to);

}  // namespace neurallog::rules
