#include "config/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include "config/option_table.h"
#include "config/setting.h"

namespace neurallog::config {
namespace {

constexpr std::string_view kEnvironmentPrefix = "NEURALLOG_";
constexpr std::string_view kEnvironmentFile = "NEURALLOG_CONFIG";

Result<std::string> ReadFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  if (!file.is_open() ||
      (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && file.bad()))
    return InvalidArgument(fmt::format("{}: cannot be read: {}", path,
                                       errno != 0 ? std::strerror(errno) : "not a file"));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kFileBytesMax)
    return InvalidArgument(fmt::format("{}: is larger than {} bytes", path, kFileBytesMax));
  return text;
}

// Those of the command line, and what Kubernetes sets in every pod of a namespace that holds a service called neurallog.
bool IsForeignVariable(std::string_view name) {
  constexpr std::string_view kForeign[] = {"NEURALLOG_ADMIN_KEY", "NEURALLOG_SERVER",
                                           "NEURALLOG_KEY", "NEURALLOG_HISTORY", "NEURALLOG_PORT"};
  return std::find(std::begin(kForeign), std::end(kForeign), name) != std::end(kForeign) ||
         name.starts_with("NEURALLOG_SERVICE_") || name.starts_with("NEURALLOG_PORT_");
}

Status UnknownName(std::string_view name, const std::vector<std::string>& known) {
  const std::string_view nearest = Nearest(name, known);
  if (nearest.empty()) return InvalidArgument(fmt::format("{}: unknown option", name));
  return InvalidArgument(fmt::format("{}: unknown option; did you mean {}?", name, nearest));
}

Result<std::vector<Setting>> FromEnvironment(const std::vector<NameValue>& env) {
  std::map<std::string, const Option*> options;
  std::vector<std::string> known;
  for (const Option& option : OptionTable()) {
    options[option.environment_name()] = &option;
    known.push_back(option.environment_name());
  }
  std::vector<Setting> settings;
  for (const auto& [name, value] : env) {
    if (!name.starts_with(kEnvironmentPrefix) || name == kEnvironmentFile ||
        IsForeignVariable(name))
      continue;
    const auto found = options.find(name);
    if (found == options.end()) return UnknownName(name, known);
    settings.push_back({found->second, value, name});
  }
  return settings;
}

// "--http.io_backend" and "http-io-backend" are both "--http-io-backend".
std::string FlagOf(std::string_view name) {
  while (name.starts_with('-')) name.remove_prefix(1);
  std::string flag = "--";
  for (const char c : name) flag.push_back(c == '.' || c == '_' ? '-' : c);
  return flag;
}

Result<std::vector<Setting>> FromFlags(const std::vector<NameValue>& flags) {
  std::map<std::string, const Option*> options;
  std::vector<std::string> known = {"--config"};
  for (const Option& option : OptionTable()) {
    options[option.flag()] = &option;
    known.push_back(option.flag());
  }
  std::vector<Setting> settings;
  for (const auto& [name, value] : flags) {
    const std::string flag = FlagOf(name);
    const auto found = options.find(flag);
    if (found == options.end()) return UnknownName(flag, known);
    settings.push_back({found->second, value, flag});
  }
  return settings;
}

std::optional<std::string> FileOf(const LoadSource& source) {
  if (source.file) return source.file;
  for (const auto& [name, value] : source.env)
    if (name == kEnvironmentFile && !value.empty()) return value;
  return std::nullopt;
}

// A Config under construction that remembers where each value came from.
class Assembly {
 public:
  Status Apply(const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) {
      NL_RETURN_IF_ERROR(setting.option->Set(setting.value, &config_).Annotate(setting.origin));
      origins_[setting.option->key] = setting.origin;
    }
    return Status::Ok();
  }

  Result<Config> Finish() {
    NL_RETURN_IF_ERROR(CheckTls());
    NL_RETURN_IF_ERROR(CheckAtLeast("http.body_bytes_total_max", config_.http.body_bytes_total_max,
                                    "http.body_bytes_max", config_.http.body_bytes_max));
    NL_RETURN_IF_ERROR(CheckAtLeast("http.body_bytes_max", config_.http.body_bytes_max,
                                    "ingest.record_bytes_max", config_.ingest.record_bytes_max));
    NL_RETURN_IF_ERROR(CheckAtLeast("storage.block_bytes_max", config_.storage.block_bytes_max,
                                    "ingest.record_bytes_max", config_.ingest.record_bytes_max));
    NL_RETURN_IF_ERROR(CheckAtLeast("storage.row_buffer_bytes_max",
                                    config_.storage.row_buffer_bytes_max, "storage.block_bytes_max",
                                    config_.storage.block_bytes_max));
    NL_RETURN_IF_ERROR(CheckAtLeast("wal.segment_bytes", config_.wal.segment_bytes,
                                    "wal.group_bytes_max", config_.wal.group_bytes_max));
    NL_RETURN_IF_ERROR(CheckAtLeast("wal.retained_bytes_max", config_.wal.retained_bytes_max,
                                    "wal.segment_bytes", config_.wal.segment_bytes));
    return std::move(config_);
  }

 private:
  // Where the option was given, or its key when it has its default.
  std::string OriginOf(std::string_view key) const {
    const auto found = origins_.find(key);
    return found == origins_.end() ? std::string(key) : found->second;
  }

  Status CheckTls() const {
    if (config_.tls.certificate_file.empty() == config_.tls.key_file.empty()) return Status::Ok();
    const bool has_key = config_.tls.certificate_file.empty();
    return InvalidArgument(fmt::format("{}: is set, but {} is not; TLS needs both",
                                       OriginOf(has_key ? "tls.key_file" : "tls.certificate_file"),
                                       has_key ? "tls.certificate_file" : "tls.key_file"));
  }

  // The message stands at the option that was given; of two given ones at the first.
  Status CheckAtLeast(std::string_view larger_key, uint64_t larger, std::string_view smaller_key,
                      uint64_t smaller) const {
    if (larger >= smaller || larger == 0) return Status::Ok();  // 0: a share of memory_limit
    if (origins_.contains(larger_key))
      return InvalidArgument(
          fmt::format("{}: expected at least {} ({}), got {}", OriginOf(larger_key), smaller_key,
                      FindOption(smaller_key)->Get(config_), FindOption(larger_key)->Get(config_)));
    return InvalidArgument(
        fmt::format("{}: expected at most {} ({}), got {}", OriginOf(smaller_key), larger_key,
                    FindOption(larger_key)->Get(config_), FindOption(smaller_key)->Get(config_)));
  }

  Config config_;
  std::map<std::string_view, std::string> origins_;  // by key
};

std::string YamlScalar(const std::string& value) {
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-:+";
  const bool plain = !value.empty() && value.find_first_not_of(kPlain) == std::string::npos &&
                     value.front() != '-' && value.front() != ':' && value.back() != ':' &&
                     value != "null" && value != "Null" && value != "NULL";
  if (plain) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (byte < 0x20 || byte == 0x7f) {
      quoted.append(fmt::format("\\x{:02x}", byte));
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

// "# Open connections; ... [1..1000000]" above "connections_max: 10000".
void AppendOption(std::string* to, const Option& option, const Config& config) {
  const std::string indent = option.section().empty() ? "" : "  ";
  std::string note = option.bounds();
  if (option.reloadable) note.append(note.empty() ? "reloadable" : ", reloadable");
  to->append(indent).append("# ").append(option.help);
  if (!note.empty()) to->append(" [").append(note).append("]");
  to->append("\n")
      .append(indent)
      .append(option.name())
      .append(": ")
      .append(YamlScalar(option.Get(config)))
      .append("\n");
}

}  // namespace

Result<Config> Load(const LoadSource& source) {
  Assembly assembly;
  if (const std::optional<std::string> file = FileOf(source)) {
    NL_TRY(const std::string text, ReadFile(*file));
    NL_TRY(const std::vector<Setting> settings, ParseYaml(*file, text));
    NL_RETURN_IF_ERROR(assembly.Apply(settings));
  }
  NL_TRY(const std::vector<Setting> from_environment, FromEnvironment(source.env));
  NL_RETURN_IF_ERROR(assembly.Apply(from_environment));
  NL_TRY(const std::vector<Setting> from_flags, FromFlags(source.flags));
  NL_RETURN_IF_ERROR(assembly.Apply(from_flags));
  return assembly.Finish();
}

Result<LoadSource> SourceFromArguments(const std::vector<std::string>& arguments,
                                       std::vector<NameValue> env) {
  LoadSource source;
  source.env = std::move(env);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--") || argument.size() == 2)
      return InvalidArgument(fmt::format("{}: expected --name=value", argument));
    const size_t equals = argument.find('=');
    const std::string name = FlagOf(argument.substr(0, equals));
    if (equals == std::string::npos && i + 1 == arguments.size())
      return InvalidArgument(fmt::format("{}: expected a value", name));
    std::string value = equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1);
    if (name == "--config") {
      source.file = std::move(value);
    } else {
      source.flags.emplace_back(name, std::move(value));
    }
  }
  return source;
}

std::vector<NameValue> Environment() {
  std::vector<NameValue> result;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with(kEnvironmentPrefix)) continue;
    result.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

std::vector<std::string> DiffReloadable(const Config& running, const Config& fresh,
                                        std::vector<std::string>* needs_restart) {
  std::vector<std::string> reloadable;
  for (const Option& option : OptionTable()) {
    if (option.Get(running) == option.Get(fresh)) continue;
    (option.reloadable ? &reloadable : needs_restart)->emplace_back(option.key);
  }
  return reloadable;
}

std::string ToYaml(const Config& config) {
  std::string text =
      "# NeuralLog's options. An option may also be given as a flag (--http-threads=2) or as a "
      "variable (NEURALLOG_HTTP_THREADS=2);\n"
      "# flags win over variables, variables over this file. Sizes: KiB MiB GiB TiB, KB MB GB TB. "
      "Durations: us ms s m h d.\n"
      "# [bounds, reloadable]: reloadable options take effect on SIGHUP, the others at the next "
      "start.\n";
  std::string_view section;
  for (const Option& option : OptionTable()) {
    text.append("\n");
    if (option.section() != section) text.append(section = option.section()).append(":\n");
    AppendOption(&text, option, config);
  }
  return text;
}

std::string DefaultsYaml() { return ToYaml(Config()); }

}  // namespace neurallog::config
