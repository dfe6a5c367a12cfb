// What the loaders hand to Load: an option, the text given for it, and where that text stood.
#pragma once

#include <string>
#include <vector>

#include "config/option_table.h"
#include "neurallog/status.h"

namespace neurallog::config {

struct Setting {
  const Option* option;
  std::string value;
  std::string origin;  // "neurallog.yaml:12: wal.segment_bytes", "--wal-segment-bytes",
                       // "NEURALLOG_WAL_SEGMENT_BYTES"
};

// Reads YAML text: maps of scalars, nested or with dotted keys. `file` is its name in messages.
Result<std::vector<Setting>> ParseYaml(const std::string& file, const std::string& text);

}  // namespace neurallog::config
