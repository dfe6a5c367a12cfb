// A small blocking HTTP/1.1 client: one request, one answer, one connection. For the command line
// and for tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http://host[:port]/path?query, or https://
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int timeout_ms = 30'000;             // for the whole exchange; 0: none
  size_t body_bytes_max = 256u << 20;  // a longer answer is an error
  std::string ca_file;  // https: PEM file to trust; empty: where the operating system keeps its own
  // When set, pieces of the body of a 2xx answer go here as they come and ClientResponse.body stays
  // empty. False ends the exchange.
  std::function<bool(std::string_view)> on_body;
  // When set and true, the exchange ends as Cancelled within a fifth of a second.
  const std::atomic<bool>* cancelled = nullptr;
};

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // and the fields behind the body
  std::string body;

  // The value of the first header with this name in any case, or empty.
  std::string_view FindHeader(std::string_view name) const;
};

// Unavailable: no connection or it broke; an answer that ends before its end is an error, never a
// short body.
Result<ClientResponse> Fetch(const ClientRequest& request);

}  // namespace neurallog::http
