// A receiver of HTTP that keeps what it was sent and answers what the test says, and a host for
// sinks that may talk to it.
#pragma once

#include <catch2/catch.hpp>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "actions/address_guard.h"
#include "actions/sink.h"
#include "base/json_text.h"
#include "base/json_value.h"
#include "http/async_client.h"
#include "http/reactor.h"
#include "http/status_map.h"

namespace neurallog::actions {

struct Received {
  std::string method, target, body;
  std::vector<std::pair<std::string, std::string>> headers;

  std::string Header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

class Receiver : public http::Handler {
 public:
  Receiver() {
    http::ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.io_backend = http::IoBackend::kEpoll;
    options.threads = 1;
    auto started = http::Server::Start(options, this);
    REQUIRE(started.ok());
    server_ = std::move(started).value();
  }

  std::optional<http::Response> CheckHead(const http::Request&, size_t*) override {
    return std::nullopt;
  }
  void Handle(http::Request request, http::ResponderPtr responder) override {
    Received one{request.method == http::Method::kPut ? "PUT" : "POST",
                 std::string(request.target),
                 std::string(request.body.view()),
                 {}};
    for (const http::Header& header : request.headers)
      one.headers.emplace_back(header.name, header.value);
    http::Response answer;
    {
      std::lock_guard lock(mutex_);
      received_.push_back(std::move(one));
      answer = answer_;
    }
    responder->Send(std::move(answer));
  }
  http::Response ErrorResponse(int status, std::string_view detail) override {
    return http::ProblemResponse(status, detail);
  }

  void AnswerWith(http::Response answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  Received Last() {
    std::lock_guard lock(mutex_);
    REQUIRE_FALSE(received_.empty());
    return received_.back();
  }
  size_t count() {
    std::lock_guard lock(mutex_);
    return received_.size();
  }
  std::string Url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

 private:
  std::mutex mutex_;
  http::Response answer_;
  std::vector<Received> received_;
  std::unique_ptr<http::Server> server_;
};

// `cidrs` are allowed although they are of the inside.
struct TestHost {
  explicit TestHost(const std::vector<std::string>& cidrs) : guard(*AddressGuard::Make(cidrs)) {
    auto started = http::AsyncClient::Start({.check_address = [this](const std::string& address) {
      return guard.CheckAddress(address);
    }});
    REQUIRE(started.ok());
    client = std::move(started).value();
    host.http = client.get();
    host.guard = &guard;
  }

  Result<std::unique_ptr<Sink>> Make(std::string_view type, std::string_view config) {
    return FindSinkType(type)->make(TenantId{1}, config, &host);
  }
  std::unique_ptr<Sink> MustMake(std::string_view type, std::string_view config) {
    auto sink = Make(type, config);
    INFO(sink.status().ToString());
    REQUIRE(sink.ok());
    return std::move(sink).value();
  }

  AddressGuard guard;
  SinkHost host;
  std::unique_ptr<http::AsyncClient> client;
};

inline Outcome DeliverTo(Sink* sink, const Attempt& attempt) {
  std::promise<Outcome> promise;
  sink->Deliver(attempt, [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return promise.get_future().get();
}

inline Attempt AttemptOf(std::string_view notice) {
  Attempt attempt;
  attempt.delivery_id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  attempt.dedup_key = "alert_1";
  attempt.wall_ns = 1614265330'000'000'000;
  attempt.notice = notice;
  return attempt;
}

}  // namespace neurallog::actions
