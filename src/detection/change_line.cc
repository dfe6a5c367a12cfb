#include "detection/change_line.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/thread.h"

namespace neurallog::detection {

void ChangeLine::Start() {
  {
    base::MutexLock lock(mutex_);
    is_open_ = true;
  }
  thread_ = base::StartThread("nl-rule-build", [this] { Loop(); });
}

void ChangeLine::Stop() {
  if (!thread_.joinable()) return;
  {
    base::MutexLock lock(mutex_);
    is_open_ = false;
  }
  changed_.NotifyOne();
  thread_.join();
}

void ChangeLine::Submit(TenantId tenant, Change change) {
  const Status status = Admit(tenant, &change);
  if (!status.ok()) change.done(status);
}

Status ChangeLine::Admit(TenantId tenant, Change* change) {
  base::MutexLock lock(mutex_);
  if (!is_open_) return Unavailable("rules do not run: the server is read-only or stops");
  if (waiting_ >= kWaitingMax)
    return Unavailable(std::to_string(waiting_) + " changes of rules wait already");
  ++waiting_;
  TurnOf(tenant)->changes.push_back(std::move(*change));
  changed_.NotifyOne();
  return {};
}

void ChangeLine::Post(TenantId tenant) {
  base::MutexLock lock(mutex_);
  if (!is_open_) return;
  TurnOf(tenant);
  changed_.NotifyOne();
}

ChangeLine::Turn* ChangeLine::TurnOf(TenantId tenant) {
  const auto found = std::find_if(turns_.begin(), turns_.end(),
                                  [&](const Turn& turn) { return turn.tenant == tenant; });
  return found != turns_.end() ? &*found : &turns_.emplace_back(Turn{tenant, {}});
}

void ChangeLine::Loop() {
  while (true) {
    Turn turn;
    {
      base::MutexLock lock(mutex_);
      while (is_open_ && turns_.empty()) changed_.Wait(mutex_);
      if (turns_.empty()) return;
      turn = std::move(turns_.front());
      turns_.pop_front();
      waiting_ -= turn.changes.size();
    }
    Serve(&turn);
  }
}

void ChangeLine::Serve(Turn* turn) {
  std::vector<Change*> changes;
  for (Change& change : turn->changes) changes.push_back(&change);
  make_(turn->tenant, changes);
  for (const Change& change : turn->changes) change.done(change.status);
}

}  // namespace neurallog::detection
