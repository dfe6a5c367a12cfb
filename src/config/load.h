// From files, environment variables and flags to one checked Config.
//
//   // arguments: --config neurallog.yaml --wal-direct-io=false
//   NL_TRY(LoadSource source, SourceFromArguments(arguments, Environment()));
//   NL_TRY(Config config, Load(source));
//
// Later sources win: defaults, file, environment, flags. A key that does not exist, a value of the
// wrong type or out of bounds, and values that cannot go together are InvalidArgument; the message
// names the place: `neurallog.yaml:12: wal.segment_bytes: expected a size like 64MiB, got "abc"`. A
// value that a later source overrides is checked all the same.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "neurallog/status.h"

namespace neurallog::config {

inline constexpr size_t kFileBytesMax = 1u << 20;

using NameValue = std::pair<std::string, std::string>;

struct LoadSource {
  std::optional<std::string> file;
  // Names that do not begin with NEURALLOG_ are passed over, and so are the variables that
  // Kubernetes sets in every pod when a service is called neurallog (NEURALLOG_SERVICE_*,
  // NEURALLOG_PORT*). NEURALLOG_CONFIG names the file when `file` does not.
  std::vector<NameValue> env;
  // With or without the leading dashes; '-', '_' and '.' are the same: --http-io-backend is
  // http.io_backend.
  std::vector<NameValue> flags;
};

Result<Config> Load(const LoadSource& source);

// Reads `--name=value` and `--name value`; --config sets the file. Anything else is
// InvalidArgument.
Result<LoadSource> SourceFromArguments(const std::vector<std::string>& arguments,
                                       std::vector<NameValue> env);

// The variables of this process whose names begin with NEURALLOG_.
std::vector<NameValue> Environment();

// The keys of the options that differ and take effect by a reload; those that need a restart go to
// `*needs_restart`.
std::vector<std::string> DiffReloadable(const Config& running, const Config& fresh,
                                        std::vector<std::string>* needs_restart);

// A YAML file that Load reads back as `config`, with every option and its comment from the table.
std::string ToYaml(const Config& config);
// config/neurallog.yaml.
std::string DefaultsYaml();

}  // namespace neurallog::config
