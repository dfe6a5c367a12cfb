// What sinks are lent, made from the server's options.
//
//   NL_TRY(auto services, SinkServices::Start(options, append));
//   FindSinkType("webhook")->make(tenant, config, services->host());
//
// Outlives sinks and their deliveries. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actions/address_guard.h"
#include "actions/sink.h"
#include "base/worker_pool.h"
#include "http/async_client.h"

namespace neurallog::actions {

struct SinkOptions {
  std::vector<std::string> allow_cidrs;    // networks of the inside that receivers may be in
  std::string ca_file;                     // PEM of whom to trust; empty: as the operating system
  bool https_only = false;                 // no receiver of HTTP without TLS
  std::string proxy;                       // of HTTP: AsyncClientOptions::proxy
  std::vector<std::string> exec_programs;  // absolute paths that `exec` may run; none: it is off
  int threads = 8;                         // for mail, syslog, streams and programs
};

class SinkServices {
 public:
  using Append = decltype(SinkHost::append);

  // InvalidArgument names an option that cannot be.
  static Result<std::unique_ptr<SinkServices>> Start(const SinkOptions& options, Append append);
  // Ends attempts that are under way, as kRetry.
  ~SinkServices();

  SinkHost* host() { return &host_; }

 private:
  explicit SinkServices(int threads);

  AddressGuard guard_;
  SinkHost host_;
  std::atomic<bool> stopping_{false};
  base::WorkerPool blocking_;
  std::unique_ptr<http::AsyncClient> http_;
};

}  // namespace neurallog::actions
