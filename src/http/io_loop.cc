#include "http/io_loop.h"

#include <utility>

#include "base/clock.h"
#include "http/response_head.h"
#include "http/session.h"

namespace neurallog::http {
namespace {

thread_local IoLoop* current_loop = nullptr;

// The mailbox keeps its memory between hand-overs up to this many commands.
constexpr size_t kMailboxKept = 4096;

}  // namespace

IoLoop::IoLoop(std::shared_ptr<ServerContext> context) : context_(std::move(context)) {}

IoLoop* IoLoop::Current() { return current_loop; }

void IoLoop::EnterThread() {
  current_loop = this;
  Tick();
}

int64_t IoLoop::Now() {
  now_ns_ = base::Clock::System().MonotonicNs();
  return now_ns_;
}

bool IoLoop::Post(Command* command) {
  bool was_empty = false;
  {
    base::MutexLock lock(mutex_);
    if (mailbox_closed_) return false;
    was_empty = mailbox_.empty();
    mailbox_.push_back(std::move(*command));
  }
  if (was_empty) Wake();
  return true;
}

void IoLoop::DrainMailbox() {
  {
    base::MutexLock lock(mutex_);
    draining_.swap(mailbox_);
  }
  // All first, then one pass that sends: many pieces for one connection become one write.
  for (Command& command : draining_)
    command.session->Execute(command.exchange, std::move(command.body));
  for (Command& command : draining_) command.session->AdvanceIfChanged();
  draining_.clear();
  if (draining_.capacity() > kMailboxKept) draining_ = {};
}

void IoLoop::Add(std::shared_ptr<Session> session) {
  session->set_slot(sessions_.size());
  sessions_.push_back(std::move(session));
}

void IoLoop::Remove(Session* session) {
  const size_t slot = session->slot();
  sessions_.back()->set_slot(slot);
  std::swap(sessions_[slot], sessions_.back());
  sessions_.pop_back();
}

void IoLoop::Tick() {
  Now();
  const int64_t second = base::Clock::System().WallNs() / base::kNsPerSecond;
  if (second != date_second_) {
    date_second_ = second;
    date_ = FormatHttpDate(second);
  }
  // Backwards, because a connection that closes puts the last one, which was already looked at,
  // into its place.
  for (size_t i = sessions_.size(); i-- > 0;) {
    if (i >= sessions_.size()) continue;
    const std::shared_ptr<Session>& session = sessions_[i];
    if (session->IsLate(now_ns_)) std::shared_ptr<Session>(session)->OnLate();
  }
}

void IoLoop::BeginDrain() {
  for (const auto& session : std::vector<std::shared_ptr<Session>>(sessions_))
    session->BeginDrain();
}

void IoLoop::CloseAll() {
  for (const auto& session : std::vector<std::shared_ptr<Session>>(sessions_))
    session->Close(/*reset=*/false);
  {
    base::MutexLock lock(mutex_);
    mailbox_closed_ = true;
  }
  DrainMailbox();
}

}  // namespace neurallog::http
