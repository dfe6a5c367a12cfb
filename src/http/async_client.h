// An HTTP/1.1 client for many requests at a time to receivers that are not trusted: one thread,
// nothing that blocks.
//
//   NL_TRY(auto client, AsyncClient::Start({.check_address = guard}));
//   client->Send({.url = "https://example.com/hook", .body = "{}"}, [](Result<ClientResponse> answer) { ... });
//
// Connections are kept and used again. Every address a name stands for is checked, and exactly the
// checked one is connected to. Redirects are answers like others. A request that a kept connection
// broke before the first byte of an answer is sent once more over a new one.
//
// Thread-safe. Limits: AsyncClientOptions; what comes in beyond them ends as ResourceExhausted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/client.h"
#include "http/resolver.h"
#include "http/tls_context.h"

namespace neurallog::http {

struct AsyncClientOptions {
  AddressCheck check_address = {};  // unset: every address is allowed
  std::string ca_file = {};         // PEM; empty: what the operating system trusts
  // "http://[user:password@]host:port": requests go through it, https by CONNECT. It resolves the
  // names then: only numeric hosts are checked here.
  std::string proxy = {};
  size_t connections_per_origin_max = 32;
  size_t connections_max = 2048;
  size_t requests_max = 10'000;        // under way or waiting for a connection
  size_t answer_bytes_max = 64 << 10;  // a longer body ends there
  int64_t idle_ns = 30'000'000'000;    // an unused connection is closed after this
};

struct AsyncRequest {
  std::string method = "POST";
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  TlsContext tls = {};  // of MakeClientTls; null: whom the client trusts. Others do not share its connections
  int64_t timeout_ns = 10'000'000'000;  // from Send to the end of the answer; kept to 0.1 s
};

// InvalidArgument names a header that a request cannot have: it is none, or it frames the message.
Status CheckHeaders(const std::vector<std::pair<std::string, std::string>>& headers);

class AsyncClient {
 public:
  // InvalidArgument: the request or its address is not allowed or not possible. PermissionDenied:
  // check_address said no. Unavailable, DeadlineExceeded and NotFound (the name): try again later.
  using Done = std::function<void(Result<ClientResponse>)>;

  // Starts the thread nl-http-out.
  static Result<std::unique_ptr<AsyncClient>> Start(AsyncClientOptions options);
  // Ends what is under way as Cancelled.
  ~AsyncClient();

  // Calls `done` exactly once: on the client's thread, where it must not block, or at once.
  void Send(AsyncRequest request, Done done);

  // Since the start.
  uint64_t connections_opened() const;

 private:
  class Pool;
  explicit AsyncClient(std::unique_ptr<Pool> pool);
  const std::unique_ptr<Pool> pool_;
};

}  // namespace neurallog::http
