// The Responder that a Handler gets: passes each call on to its connection, and answers when nobody
// else did.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"
#include "http/session.h"

namespace neurallog::http {

// Of one exchange. Holds the session, whose memory so outlives the connection until the answer's
// owner lets go. Thread-safe.
class SessionResponder final : public Responder {
 public:
  SessionResponder(std::shared_ptr<Session> session, uint64_t exchange);
  ~SessionResponder() override;

  void Send(Response response) override;
  void Start(Response head) override;
  void Upgrade(Response head, std::function<void(std::string_view)> on_input) override;
  void Write(std::string chunk) override;
  void Finish(Trailers trailers) override;
  void Abort() override;

  size_t buffered_bytes() const override { return session_->buffered_bytes(); }
  bool closed() const override { return session_->gone(); }
  void OnDrained(size_t low_bytes, std::function<void()> resume) override;

 private:
  enum class Phase : uint8_t { kNew, kStreaming, kDone };

  // True for exactly one caller.
  bool Move(Phase from, Phase to) { return phase_.compare_exchange_strong(from, to); }

  const std::shared_ptr<Session> session_;
  const uint64_t exchange_;
  std::atomic<Phase> phase_{Phase::kNew};
};

}  // namespace neurallog::http
