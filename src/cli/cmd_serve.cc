#include <cstdio>

#include "cli/commands.h"
#include "config/load.h"
#include "neurallog/version.h"
#include "server/server.h"

namespace neurallog::cli {
namespace {

int Complain(const Status& status) {
  std::fprintf(stderr, "neurallog: %s\n", std::string(status.message()).c_str());
  return 2;
}

struct Loaded {
  config::LoadSource source;
  config::Config config;
};

Result<Loaded> LoadFrom(const std::vector<std::string>& arguments) {
  Loaded loaded;
  NL_TRY(loaded.source, config::SourceFromArguments(arguments, config::Environment()));
  NL_TRY(loaded.config, config::Load(loaded.source));
  return loaded;
}

}  // namespace

int Serve(const std::vector<std::string>& arguments) {
  const auto loaded = LoadFrom(arguments);
  if (!loaded.ok()) return Complain(loaded.status());
  return server::RunUntilSignal(loaded->source, loaded->config);
}

int CheckConfig(const std::vector<std::string>& arguments) {
  const auto loaded = LoadFrom(arguments);
  if (!loaded.ok()) return Complain(loaded.status());
  std::puts("the configuration is valid");
  return 0;
}

int PrintConfig(bool defaults, const std::vector<std::string>& arguments) {
  if (defaults) {
    std::fputs(config::DefaultsYaml().c_str(), stdout);
    return 0;
  }
  const auto loaded = LoadFrom(arguments);
  if (!loaded.ok()) return Complain(loaded.status());
  std::fputs(config::ToYaml(loaded->config).c_str(), stdout);
  return 0;
}

int PrintVersion() {
  std::printf("neurallog %s\n", std::string(kVersion).c_str());
  return 0;
}

}  // namespace neurallog::cli
