// Shows where a query is wrong.
#pragma once

#include <string>
#include <string_view>

namespace neurallog::cli {

// The line of the query that a message like "2:7: expected ..." speaks of, and below it a caret at
// the column; both with their line ends. Empty when the message names no place in the query.
std::string CaretAt(std::string_view query, std::string_view message);

}  // namespace neurallog::cli
