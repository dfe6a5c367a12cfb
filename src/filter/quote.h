// Texts as the lexer reads them back. Everything that prints a part of a query uses these, so that
// what was printed parses to the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace neurallog::filter {

// Appends `text` so that the lexer reads it back as one value: bare when it is a plain word and no
// keyword anywhere in the grammar, else in double quotes.
void AppendQuoted(std::string* to, std::string_view text);
// The same for the stored name of a field: "message" prints as _msg.
void AppendFieldName(std::string* to, std::string_view field);
// `(a, "b c")`.
void AppendQuotedList(std::string* to, const std::vector<std::string>& texts);

}  // namespace neurallog::filter
