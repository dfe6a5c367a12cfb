#include "cli/record_json.h"

#include <algorithm>

#include "base/json_text.h"

namespace neurallog::cli {

std::vector<std::string> SplitCsv(std::string_view record) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted && c == '"' && i + 1 < record.size() && record[i + 1] == '"') {
      cells.back().push_back('"');
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back().push_back(c);
    }
  }
  return cells;
}

void AppendRecord(const std::vector<std::pair<std::string, std::string>>& fields,
                  const std::string& source, std::string* to) {
  const auto append = [to](const std::string& name, const std::string& value) {
    if (to->back() != '{') to->push_back(',');
    base::AppendJsonString(to, name);
    to->push_back(':');
    base::AppendJsonString(to, value);
  };
  to->push_back('{');
  for (const auto& [name, value] : fields) append(name, value);
  const bool has_source = std::any_of(fields.begin(), fields.end(),
                                      [](const auto& field) { return field.first == "source"; });
  if (!source.empty() && !has_source) append("source", source);
  to->push_back('}');
}

std::vector<std::pair<std::string, std::string>> NameCells(const std::vector<std::string>& names,
                                                           std::vector<std::string> cells) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].empty()) continue;
    std::string name = i < names.size() ? names[i] : "column_" + std::to_string(i + 1);
    fields.emplace_back(std::move(name), std::move(cells[i]));
  }
  return fields;
}

}  // namespace neurallog::cli
