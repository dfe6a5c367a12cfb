// A text of several YAML documents, or a tar archive of such texts, as the texts of each document.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::detection {

struct DocumentText {
  std::string text;
  uint64_t line = 1;  // where it begins in the text
  std::string file;   // of an archive
};

// Cut at lines that begin with "---", which YAML allows between documents only. Documents of blank
// lines and comments are left out.
std::vector<DocumentText> SplitDocuments(std::string_view text);

bool IsTar(std::string_view bytes);
// The documents of the files that end in .yml, .yaml or .json. InvalidArgument when the archive is cut off
// or not one (ustar, with GNU's and pax' long names).
Result<std::vector<DocumentText>> SplitTar(std::string_view bytes);

}  // namespace neurallog::detection
