// Files of rules as they lie on the disk.
#pragma once

#include <string>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::cli {

struct RuleFile {
  std::string path;  // "-": standard input
  std::string text;
};

// The files, and all .yml, .yaml and .json files of the folders, by path. NotFound for a path that is not there; TooLarge past a gigabyte.
Result<std::vector<RuleFile>> ReadRuleFiles(const std::vector<std::string>& paths);

}  // namespace neurallog::cli
