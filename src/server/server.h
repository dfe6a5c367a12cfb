// The process: builds everything in flow order from a Config, and takes it down in reverse.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/api.h"
#include "config/config.h"
#include "config/load.h"
#include "engine/engine.h"
#include "http/reactor.h"
#include "metrics/registry.h"

namespace neurallog::server {

// With the sizes of all pools filled in.
config::Config EffectiveConfig(const config::Config& config);
engine::EngineOptions EngineOptionsFrom(const config::Config& config);

// Not thread-safe.
class Server {
 public:
  static Result<std::unique_ptr<Server>> Start(const config::Config& config);
  ~Server() { Stop(); }

  uint16_t port() const { return http_->port(); }
  // Applies the reloadable options of `fresh` and reads certificates again. Says in the log what needs a restart.
  void Reload(const config::Config& fresh);
  // Stops taking requests, drains, seals, closes. Bounded by shutdown.timeout for the requests that run.
  void Stop();

 private:
  explicit Server(const config::Config& config) : config_(config) {}
  void ApplyReloadable();

  config::Config config_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> http_;
};

// Starts a server, tells systemd, and waits for SIGTERM or SIGINT; SIGHUP loads `source` again. Returns the exit code.
int RunUntilSignal(const config::LoadSource& source, const config::Config& config);

}  // namespace neurallog::server
