#include "cli/log_source.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/json_value.h"
#include "server/folder_api.h"

namespace neurallog::cli {
namespace {

class ServerSource : public LogSource {
 public:
  explicit ServerSource(const LogTarget& target) : target_(target) {
    if (target_.server.find("://") == std::string::npos) target_.server.insert(0, "http://");
    while (target_.server.ends_with('/')) target_.server.pop_back();
  }

  Result<http::ClientResponse> FetchAny(http::ClientRequest request) override {
    request.url.insert(0, target_.server);
    request.ca_file = target_.ca_file;
    if (!target_.key.empty())
      request.headers.emplace_back("Authorization", std::string("Bearer ").append(target_.key));
    return http::Fetch(request);
  }

 private:
  LogTarget target_;
};

class FolderSource : public LogSource {
 public:
  explicit FolderSource(std::unique_ptr<server::FolderApi> api) : api_(std::move(api)) {}

  Result<http::ClientResponse> FetchAny(http::ClientRequest request) override {
    return api_->Fetch(request);
  }

 private:
  const std::unique_ptr<server::FolderApi> api_;
};

Status StatusOf(const http::ClientResponse& response) {
  const std::string detail = DetailOf(response);
  switch (response.status) {
    case 400: return InvalidArgument(detail);
    case 401: return Unauthenticated(detail + " (here: --key, or NEURALLOG_KEY)");
    case 403: return PermissionDenied(detail);
    case 404: return NotFound(detail);
    case 409: return Conflict(detail);
    case 413: return TooLarge(detail);
    case 429: return ResourceExhausted(detail);
    case 503: return Unavailable(detail);
    case 504: return DeadlineExceeded(detail);
    default:
      return Internal("the server answered " + std::to_string(response.status) + ": " + detail);
  }
}

}  // namespace

Result<std::unique_ptr<LogSource>> LogSource::Open(const LogTarget& target) {
  if (target.data_dir.empty())
    return std::unique_ptr<LogSource>(std::make_unique<ServerSource>(target));
  NL_TRY(auto api, server::FolderApi::Open(target.data_dir, target.tenant));
  return std::unique_ptr<LogSource>(std::make_unique<FolderSource>(std::move(api)));
}

Result<http::ClientResponse> LogSource::Fetch(http::ClientRequest request) {
  NL_TRY(http::ClientResponse response, FetchAny(std::move(request)));
  if (response.status / 100 == 2) return response;
  return StatusOf(response);
}

std::string DetailOf(const http::ClientResponse& response) {
  constexpr size_t kShownBytes = 300;
  const auto document = base::ParseJson(response.body);
  if (document.ok())
    if (const base::JsonValue* const detail = document->Find("detail")) return detail->text();
  return response.body.substr(0, kShownBytes);
}

bool IsWorthRetrying(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kIoError ||
         status.code() == Code::kResourceExhausted;
}

void WaitBeforeRetry(int failures) {
  const int wait_ms = std::min(200 << std::clamp(failures - 1, 0, 6), 10'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
}

}  // namespace neurallog::cli
