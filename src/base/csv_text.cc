#include "base/csv_text.h"

namespace neurallog::base {

void AppendCsvCell(std::string* to, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    to->append(text);
    return;
  }
  to->push_back('"');
  for (const char c : text) {
    if (c == '"') to->push_back('"');
    to->push_back(c);
  }
  to->push_back('"');
}

}  // namespace neurallog::base
