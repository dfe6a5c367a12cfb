// The HTTP interface of a data folder without a server: the same requests, answered in the process.
//
//   NL_TRY(auto api, FolderApi::Open("data", "default"));
//   NL_TRY(auto response, api->Fetch({.url = "/v1/logs?query=*"}));
//
// Nothing in the folder is changed. It cannot be opened while a server has it open, nor a server
// while this has. Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "api/api.h"
#include "engine/engine.h"
#include "http/client.h"
#include "metrics/registry.h"

namespace neurallog::server {

class FolderApi {
 public:
  // Requests are those of the tenant, who needs no key here.
  static Result<std::unique_ptr<FolderApi>> Open(const std::string& data_dir,
                                                 const std::string& tenant);
  ~FolderApi();

  // As http::Fetch; `url` is path and query. An answer that breaks off is Unavailable.
  Result<http::ClientResponse> Fetch(const http::ClientRequest& request);

 private:
  FolderApi() = default;

  metrics::Registry registry_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<api::Api> api_;
};

}  // namespace neurallog::server
