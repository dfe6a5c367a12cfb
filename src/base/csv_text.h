// Writing CSV (RFC 4180).
#pragma once

#include <string>
#include <string_view>

namespace neurallog::base {

// Appends `text` as a cell, quoted when it has a comma, a quote or a line break.
void AppendCsvCell(std::string* to, std::string_view text);

}  // namespace neurallog::base
