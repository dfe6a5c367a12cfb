// What sinks that speak HTTP have in common: a receiver, a timeout, and what its answers mean. A sink
// only says what the message is.
#pragma once

#include <memory>
#include <string>

#include "actions/sink.h"
#include "actions/sink_config.h"
#include "http/async_client.h"
#include "http/url.h"

namespace neurallog::actions {

// Where to, and for how long.
struct HttpTarget {
  std::string url;
  std::string origin;
  int64_t timeout_ns = 0;
  http::TlsContext tls;  // null: as for all
  std::string secret;    // a part of bodies that is not shown, or empty

  // Reads `timeout`, `ca_certificate`, `client_certificate` and `client_key`, and checks `url` with the host's guard.
  static Result<HttpTarget> Make(std::string url, SinkConfig* config, const SinkHost& host);
};

class HttpSink : public Sink {
 public:
  HttpSink(HttpTarget target, SinkHost* host) : target_(std::move(target)), host_(host) {}

  std::string endpoint() const override { return target_.origin; }
  void Deliver(const Attempt& attempt, std::function<void(Outcome)> done) final;
  Result<std::string> Preview(std::string_view notice) const override;

 protected:
  // Fills what is not method, URL and timeout; may change these.
  virtual Status Compose(const Attempt& attempt, http::AsyncRequest* request) const = 0;
  // What an answer means; for receivers that say it in the body.
  virtual Outcome Judge(const http::ClientResponse& response) const;

  const HttpTarget& target() const { return target_; }

 private:
  Result<http::AsyncRequest> MakeRequest(const Attempt& attempt) const;

  const HttpTarget target_;
  SinkHost* const host_;
};

// What it means that there was no answer: a fault of the configuration, or of the moment.
Outcome OutcomeOfError(const Status& error);

}  // namespace neurallog::actions
