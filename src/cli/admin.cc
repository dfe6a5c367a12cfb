#include "cli/admin.h"

#include <cstdio>

#include "base/log.h"
#include "http/client.h"
#include "server/server.h"

namespace neurallog::cli {

int Finish(const Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "neurallog: %s\n", std::string(status.message()).c_str());
  return 1;
}

int FinishCheck(const Result<bool>& is_well) {
  if (!is_well.ok()) return Finish(is_well.status());
  return *is_well ? 0 : 1;
}

Status WithEngine(const std::string& data_dir, const std::function<Status(engine::Engine&)>& work) {
  base::SetLogLevel(base::LogLevel::kError);
  config::Config config;
  config.data_dir = data_dir;
  config.wal.segment_bytes = config::kMiB;  // nothing is written to the log here
  metrics::Registry registry;
  engine::Environment environment;
  environment.metrics = &registry;
  auto engine = engine::Engine::Open(server::EngineOptionsFrom(config), environment);
  if (!engine.ok())
    return engine.status().Annotate("is a server using " + data_dir +
                                    "? Then use --server instead");
  const Status status = work(**engine);
  (*engine)->Close();
  return status;
}

Result<std::string> CallServer(const AdminTarget& target, const std::string& method,
                               const std::string& path, std::string body) {
  http::ClientRequest request;
  request.method = method;
  request.url = target.server + path;
  request.body = std::move(body);
  if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  if (!target.admin_key.empty())
    request.headers.emplace_back("Authorization", "Bearer " + target.admin_key);
  NL_TRY(http::ClientResponse response, http::Fetch(request));
  if (response.status / 100 == 2) return std::move(response.body);
  return Unavailable(target.server + " answered " + std::to_string(response.status) + ": " +
                     response.body);
}

}  // namespace neurallog::cli
