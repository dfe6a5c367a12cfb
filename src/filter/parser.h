// From text to filter: LogsQL's filters as listed in docs/query-language.md.
//
//   NL_TRY(std::unique_ptr<Filter> filter, ParseFilter("level:error -timeout"));
//
// Errors are InvalidArgument and begin with the place: "1:23: expected a value after '='". Bounds:
// kQueryBytesMax, kDepthMax, kRegexpsMax.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filter/filter.h"
#include "filter/lexer.h"
#include "neurallog/status.h"

namespace neurallog::filter {

inline constexpr size_t kQueryBytesMax = 64 << 10;
inline constexpr int kDepthMax = 100;    // of parentheses and negations
inline constexpr int kRegexpsMax = 256;  // of one filter; each takes memory and time to compile

// Parses a text that is a filter and nothing else.
Result<std::unique_ptr<Filter>> ParseFilter(std::string_view text);

// Parses a filter at the lexer's place and stops before '|', ')' or the end. For the query parser.
Result<std::unique_ptr<Filter>> ParseFilter(Lexer* lexer);

// InvalidArgument when the text is longer than kQueryBytesMax.
Status CheckQueryLength(std::string_view text);

// Parts of the grammar that pipes share. Each stands on the first token of the part and leaves the
// lexer behind its last one.

// A bare or quoted name. `expected` completes "expected ...".
Result<std::string> ParseName(Lexer* lexer, std::string_view expected);
// A bare or quoted value; a minus sign right before a bare one belongs to it.
Result<std::string> ParseValue(Lexer* lexer, std::string_view expected);

}  // namespace neurallog::filter
