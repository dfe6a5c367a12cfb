// How an action tells somebody: the interface of an action type, and the table of types.
//
//   NL_TRY(std::unique_ptr<Sink> sink, FindSinkType("webhook")->make(tenant, R"({"url":"https://..."})", &host));
//   sink->Deliver(attempt, [](Outcome outcome) { ... });
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/log_record.h"
#include "neurallog/status.h"

namespace neurallog::base {
class WorkerPool;
}
namespace neurallog::http {
class AsyncClient;
}

namespace neurallog::actions {

class AddressGuard;

// One attempt to tell somebody. The texts are read during the call of Deliver only.
struct Attempt {
  std::string_view delivery_id;  // idempotency key, the same in every attempt: "msg_..."
  std::string_view dedup_key;    // the same for all notices of one alert; empty: delivery_id
  uint32_t number = 1;           // counts from 1
  int64_t wall_ns = 0;
  std::string_view notice;  // a JSON object: what happened

  std::string_view alert_key() const { return dedup_key.empty() ? delivery_id : dedup_key; }
};

// How it ended.
struct Outcome {
  enum class Kind : uint8_t {
    kDelivered,
    kRetry,  // may go well later
    kFinal,  // will not go well without a change of the configuration
    kGone    // the receiver does not exist any more: the action is to be disabled
  };
  static constexpr size_t kAnswerBytesMax = 1024;

  Kind kind = Kind::kDelivered;
  int status = 0;              // of HTTP or SMTP; 0: there was no answer
  std::string error;           // empty when delivered; holds no secret
  std::string answer;          // how the receiver's answer begins; at most kAnswerBytesMax
  int64_t retry_after_ns = 0;  // how long the receiver asks to be left alone; 0: it does not say
};

// What an answer of HTTP means: 2xx delivered; 408, 425, 429, 5xx retry; 410 gone; others final.
Outcome OutcomeOfStatus(int status);

// Immutable and thread-safe. Must outlive its deliveries: whoever calls Deliver keeps it until `done`.
class Sink {
 public:
  virtual ~Sink() = default;

  // What breaker, rate limit and concurrency belong to: "https://hooks.slack.com:443". Of one action
  // always the same.
  virtual std::string endpoint() const = 0;
  // Calls `done` exactly once, on any thread, maybe before it returns. Never blocks.
  virtual void Deliver(const Attempt& attempt, std::function<void(Outcome)> done) = 0;
  // What would be sent, without secrets.
  virtual Result<std::string> Preview(std::string_view notice) const = 0;
  // How many a second the receiver is known to allow; 0: nothing is known.
  virtual double default_per_second() const { return 0; }
};

// What sinks are lent. Outlives them; constant while they live.
struct SinkHost {
  // Its check_address is the guard's; null: sinks over HTTP cannot be made.
  http::AsyncClient* http = nullptr;
  const AddressGuard* guard = nullptr;
  // Threads for sinks that wait for their receiver; null: they cannot be made.
  base::WorkerPool* blocking = nullptr;
  const std::atomic<bool>* stopping = nullptr;  // true: what waits is to end
  std::string ca_file;                          // PEM of whom to trust; empty: as the system
  bool https_only = false;                      // no receiver of HTTP without TLS
  std::vector<std::string> programs;            // that `exec` may run
  // Writes a record, a JSON object, into a tenant's logs, once per `request`; may block. Unset:
  // `stream` cannot be made.
  std::function<Status(TenantId tenant, std::string_view request, std::string_view record_json)>
      append;
  // Asked by the `test` sink; unset: it delivers to nobody. For tests.
  std::function<Outcome(const Attempt&)> on_test;
};

struct SinkType {
  std::string_view name;
  // Members of the configuration that are never shown again.
  std::vector<std::string_view> secret_members;
  // InvalidArgument names what is wrong with `config_json`.
  Result<std::unique_ptr<Sink>> (*make)(TenantId tenant, std::string_view config_json,
                                        SinkHost* host);
};

const std::vector<SinkType>& SinkTypes();
// Null when there is no such type.
const SinkType* FindSinkType(std::string_view name);

}  // namespace neurallog::actions
