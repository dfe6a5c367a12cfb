#include "detection/change_line.h"

#include <algorithm>

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

Status ChangeLine::Submit(TenantId tenant, Change* change) {
  base::MutexLock lock(mutex_);
  if (!is_open_) return Unavailable("rules do not run: the server is read-only or stops");
  TurnOf(tenant)->changes.push_back(change);
  changed_.NotifyOne();
  while (!change->is_made) made_.Wait(mutex_);
  return change->status;
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
    }
    make_(turn.tenant, turn.changes);
    base::MutexLock lock(mutex_);
    for (Change* change : turn.changes) change->is_made = true;
    made_.NotifyAll();
  }
}

}  // namespace neurallog::detection
