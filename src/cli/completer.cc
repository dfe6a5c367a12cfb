#include "cli/completer.h"

#include <algorithm>

#include "cli/lines.h"
#include "cli/row.h"
#include "query/pipe.h"
#include "query/stats_function.h"

namespace neurallog::cli {

Completer::Completer() {
  for (const std::string_view name : query::PipeNames()) pipes_.emplace_back(name);
  for (const std::string_view name : query::StatsFunctionNames()) others_.emplace_back(name);
}

void Completer::LearnFields(std::string_view rows) {
  LineBuffer lines;
  lines.Add(rows, [this](std::string_view line) {
    for (const Field& field : ReadRow(line)) others_.push_back(field.name);
    return true;
  });
  std::sort(others_.begin(), others_.end());
  others_.erase(std::unique(others_.begin(), others_.end()), others_.end());
}

std::string_view Completer::LastWord(std::string_view text) {
  const size_t before = text.find_last_of(" \t|(){},:=\"");
  return before == std::string_view::npos ? text : text.substr(before + 1);
}

std::vector<std::string> Completer::Matches(std::string_view text) const {
  const std::string_view word = LastWord(text);
  text.remove_suffix(word.size());
  const size_t before = text.find_last_not_of(" \t");
  const bool is_pipe = before != std::string_view::npos && text[before] == '|';
  std::vector<std::string> matches;
  for (const std::string& name : is_pipe ? pipes_ : others_)
    if (name.starts_with(word)) matches.push_back(name);
  return matches;
}

std::string CommonBeginning(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string common = names.front();
  for (const std::string& name : names) {
    const auto [end, other] = std::mismatch(common.begin(), common.end(), name.begin(), name.end());
    common.erase(end, common.end());
  }
  return common;
}

}  // namespace neurallog::cli
