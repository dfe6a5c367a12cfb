// One row per option: everything that is said about options - files, environment variables, flags,
// `neurallog config`, the shipped config/neurallog.yaml - comes from this table. Defaults are those
// of config/config.h.
//
// Adding an option: a field in config.h, a row in option_table.cc, and `neurallog config --defaults
// > config/neurallog.yaml`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"
#include "neurallog/status.h"

namespace neurallog::config {

// The field of Config that an option sets, by type, with the bounds of its values (both included).
struct TextField {
  std::string& (*at)(Config&);
  bool is_path;
  Status (*check)(std::string_view text);  // or null
};
struct BoolField {
  bool& (*at)(Config&);
};
struct IntField {
  int& (*at)(Config&);
  int min;
  int max;
  bool power_of_two = false;
};
struct BytesField {
  uint64_t& (*at)(Config&);
  uint64_t min;
  uint64_t max;
  uint64_t multiple_of = 1;
};
struct DurationField {
  Duration& (*at)(Config&);
  Duration min;
  Duration max;
};
struct EnumField {
  int (*get)(const Config&);
  void (*set)(Config&, int);
  std::vector<std::string_view> names;  // by the number of the enumerator
};

struct Option {
  std::string_view key;  // "section.name", or "name" of the two that stand alone
  std::variant<TextField, BoolField, IntField, BytesField, DurationField, EnumField> field;
  bool reloadable;  // takes effect on SIGHUP; the others need a restart
  std::string_view help;

  // Reads `text` into the option's field. InvalidArgument says what was expected; the caller puts
  // the key and the place before it.
  Status Set(std::string_view text, Config* config) const;
  // The value as Set reads it: "64MiB", "10s", "auto".
  std::string Get(const Config& config) const;

  // "string", "path", "bool", "int", "bytes", "duration", "enum".
  std::string_view type() const;
  // "1KiB..1GiB", "auto|epoll|io_uring", or empty.
  std::string bounds() const;
  // Empty for the options that stand alone.
  std::string_view section() const;
  std::string_view name() const;
  // NEURALLOG_HTTP_THREADS and --http-threads.
  std::string environment_name() const;
  std::string flag() const;
};

// In the order of the documentation; the options of one section stand together.
const std::vector<Option>& OptionTable();

// The row with this key, or null.
const Option* FindOption(std::string_view key);

// The candidate that is the fewest typing errors away from `word`, or empty when none is close.
std::string_view Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace neurallog::config
