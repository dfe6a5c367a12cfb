// File descriptors and who is told of their events: epoll with a way to be woken up. For what
// goes out; the reactor is for what comes in.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "neurallog/status.h"

namespace neurallog::http {

// Not thread-safe but for Wake().
class EventLoop {
 public:
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void OnEvents(uint32_t events) = 0;
  };

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  // Not ok when the operating system gave no descriptors.
  const Status& status() const { return status_; }

  // `events` as epoll takes them; a second call changes them.
  Status Watch(int fd, uint32_t events, Watcher* watcher);
  // Before `fd` is closed.
  void Unwatch(int fd);
  // `watcher` is told nothing more, also of what has happened already.
  void Forget(Watcher* watcher);

  // Tells watchers what happens; waits at most `wait_ms` (-1: no limit) for the first event.
  void RunOnce(int wait_ms);
  // Ends the waiting of RunOnce, now or the next time. Any thread.
  void Wake();

 private:
  static constexpr int kBatch = 128;

  const int epoll_;
  const int wake_;
  Status status_;
  epoll_event events_[kBatch];
  int at_ = 0;     // of the event that is being told
  int ready_ = 0;  // events in events_
};

}  // namespace neurallog::http
