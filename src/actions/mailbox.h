// What other threads have for the dispatcher. Outlives it: attempts may end later.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "actions/delivery.h"
#include "base/mutex.h"

namespace neurallog::actions {

// A delivery that is in the store, maybe not yet on the disk for good.
struct NewDelivery {
  TenantId tenant{};
  Delivery delivery;
  std::string notice;
};

// Thread-safe. Bounded by what its senders may do: attempts in flight, one write of the rule stage, requests that wait.
class Mailbox {
 public:
  struct Ended {
    uint64_t flight = 0;
    Outcome outcome;
  };
  struct Command {
    std::function<Status()> work;
    std::promise<Status> done;
  };
  struct Mail {
    std::vector<Ended> ended;
    std::vector<NewDelivery> fresh;
    std::vector<std::pair<TenantId, std::string>> changed;  // actions
    std::vector<Command> commands;
    bool empty() const {
      return ended.empty() && fresh.empty() && changed.empty() && commands.empty();
    }
  };

  template <typename Put>
  void Post(Put put) {
    bool wakes = false;
    {
      base::MutexLock lock(mutex_);
      put(&mail_);
      wakes = std::exchange(is_asleep_, false);
    }
    if (wakes) wake_.NotifyOne();
  }
  Mail Take() {
    base::MutexLock lock(mutex_);
    return std::exchange(mail_, {});
  }
  // Until there is mail, or the time has passed.
  void Sleep(int64_t ns) {
    base::MutexLock lock(mutex_);
    if (!mail_.empty() || ns <= 0) return;
    is_asleep_ = true;
    wake_.WaitFor(mutex_, std::chrono::nanoseconds(ns));
    is_asleep_ = false;
  }
  void Wake() {
    Post([](Mail*) {});
  }

 private:
  base::Mutex mutex_;
  base::CondVar wake_;
  Mail mail_ NL_GUARDED_BY(mutex_);
  bool is_asleep_ NL_GUARDED_BY(mutex_) = false;
};

}  // namespace neurallog::actions
