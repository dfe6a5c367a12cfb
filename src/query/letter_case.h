// Upper and lower case of UTF-8 texts in the Latin, Greek and Cyrillic alphabets; other characters, and
// bytes that are not UTF-8, stay as they are.
#pragma once

#include <string>
#include <string_view>

namespace neurallog::query {

void AppendUpperCase(std::string* to, std::string_view text);
void AppendLowerCase(std::string* to, std::string_view text);

}  // namespace neurallog::query
