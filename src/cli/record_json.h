// Records of other formats as JSON records.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace neurallog::cli {

// The cells of a CSV record (RFC 4180).
std::vector<std::string> SplitCsv(std::string_view record);

// Appends an object of texts. With a `source` that is not empty and no field of that name it gets one.
void AppendRecord(const std::vector<std::pair<std::string, std::string>>& fields,
                  const std::string& source, std::string* to);

// The cells under their names; empty ones are left out, and those beyond the names are called
// column_7 and so on.
std::vector<std::pair<std::string, std::string>> NameCells(const std::vector<std::string>& names,
                                                           std::vector<std::string> cells);

}  // namespace neurallog::cli
