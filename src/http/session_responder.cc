#include "http/session_responder.h"

#include <utility>

#include "http/status_map.h"

namespace neurallog::http {

SessionResponder::SessionResponder(std::shared_ptr<Session> session, uint64_t exchange)
    : session_(std::move(session)), exchange_(exchange) {}

SessionResponder::~SessionResponder() {
  if (Move(Phase::kNew, Phase::kDone))
    session_->Submit(exchange_, command::Send{ProblemResponse(
                                    500, "the request was dropped without an answer")});
  if (Move(Phase::kStreaming, Phase::kDone)) session_->Submit(exchange_, command::Abort{});
}

void SessionResponder::Send(Response response) {
  if (Move(Phase::kNew, Phase::kDone))
    session_->Submit(exchange_, command::Send{std::move(response)});
}

void SessionResponder::Start(Response head) {
  if (Move(Phase::kNew, Phase::kStreaming))
    session_->Submit(exchange_, command::Start{std::move(head)});
}

void SessionResponder::Upgrade(Response head, std::function<void(std::string_view)> on_input) {
  if (Move(Phase::kNew, Phase::kStreaming))
    session_->Submit(exchange_, command::Upgrade{std::move(head), std::move(on_input)});
}

void SessionResponder::Write(std::string chunk) {
  if (phase_.load() == Phase::kStreaming && !closed())
    session_->Submit(exchange_, command::Write{std::move(chunk)});
}

void SessionResponder::Finish(Trailers trailers) {
  if (Move(Phase::kStreaming, Phase::kDone))
    session_->Submit(exchange_, command::Finish{std::move(trailers)});
}

void SessionResponder::Abort() {
  if (phase_.exchange(Phase::kDone) != Phase::kDone) session_->Submit(exchange_, command::Abort{});
}

void SessionResponder::OnDrained(size_t low_bytes, std::function<void()> resume) {
  session_->Submit(exchange_, command::OnDrained{low_bytes, std::move(resume)});
}

}  // namespace neurallog::http
