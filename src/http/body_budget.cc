#include "http/body_budget.h"

#include <algorithm>
#include <utility>

namespace neurallog::http {

bool BodyBudget::Reserve(const std::shared_ptr<Waiter>& waiter, size_t bytes, size_t held_bytes) {
  if (waiting_.load() == 0 && TryTake(bytes)) return true;
  std::vector<Request> granted;
  {
    base::MutexLock lock(mutex_);
    (held_bytes > 0 ? growing_ : entering_).push_back({waiter, bytes});
    waiting_.fetch_add(1);
    granted = GrantLocked();
  }
  bool at_once = false;
  for (Request& request : granted) {
    if (request.waiter == waiter) {
      at_once = true;
    } else {
      request.waiter->OnGranted(request.bytes);
    }
  }
  return at_once;
}

void BodyBudget::Release(const Waiter* waiter, size_t bytes) {
  held_.fetch_sub(bytes);
  if (overdrawn_.load() == waiter) overdrawn_.store(nullptr);
  if (waiting_.load() > 0) GrantWaiting();
}

void BodyBudget::Cancel(const Waiter* waiter) {
  {
    base::MutexLock lock(mutex_);
    for (auto* queue : {&growing_, &entering_}) {
      const auto is_waiter = [&](const Request& request) { return request.waiter.get() == waiter; };
      const auto kept = std::remove_if(queue->begin(), queue->end(), is_waiter);
      waiting_.fetch_sub(static_cast<size_t>(queue->end() - kept));
      queue->erase(kept, queue->end());
    }
  }
  GrantWaiting();
}

bool BodyBudget::TryTake(size_t bytes) {
  size_t held = held_.load();
  do {
    const bool fits = held == 0 || (bytes <= bytes_max_ && held <= bytes_max_ - bytes);
    if (!fits) return false;
  } while (!held_.compare_exchange_weak(held, held + bytes));
  return true;
}

std::vector<BodyBudget::Request> BodyBudget::GrantLocked() {
  std::vector<Request> granted;
  const auto grant = [&](std::deque<Request>* queue, std::deque<Request>::iterator request) {
    granted.push_back(std::move(*request));
    queue->erase(request);
    waiting_.fetch_sub(1);
  };
  while (!growing_.empty() && TryTake(growing_.front().bytes)) grant(&growing_, growing_.begin());
  if (!growing_.empty()) {
    const Waiter* nobody = nullptr;
    overdrawn_.compare_exchange_strong(nobody, growing_.front().waiter.get());
    const auto chosen = std::find_if(growing_.begin(), growing_.end(), [&](const Request& request) {
      return request.waiter.get() == overdrawn_.load();
    });
    if (chosen != growing_.end()) {
      held_.fetch_add(chosen->bytes);
      grant(&growing_, chosen);
    }
    return granted;
  }
  while (!entering_.empty() && TryTake(entering_.front().bytes))
    grant(&entering_, entering_.begin());
  return granted;
}

void BodyBudget::GrantWaiting() {
  std::vector<Request> granted;
  {
    base::MutexLock lock(mutex_);
    granted = GrantLocked();
  }
  for (Request& request : granted) request.waiter->OnGranted(request.bytes);
}

}  // namespace neurallog::http
