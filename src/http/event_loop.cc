#include "http/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace neurallog::http {

EventLoop::EventLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (epoll_ < 0 || wake_ < 0) {
    status_ = IoError(std::string("open epoll: ") + std::strerror(errno));
  } else {
    status_ = Watch(wake_, EPOLLIN, nullptr);
  }
}

EventLoop::~EventLoop() {
  if (wake_ >= 0) ::close(wake_);
  if (epoll_ >= 0) ::close(epoll_);
}

Status EventLoop::Watch(int fd, uint32_t events, Watcher* watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return Status::Ok();
  if (errno == EEXIST && ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0) return Status::Ok();
  return IoError(std::string("watch a socket: ") + std::strerror(errno));
}

void EventLoop::Unwatch(int fd) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::Forget(Watcher* watcher) {
  for (int i = at_; i < ready_; ++i)
    if (events_[i].data.ptr == watcher) events_[i].data.ptr = nullptr;
}

void EventLoop::RunOnce(int wait_ms) {
  ready_ = ::epoll_wait(epoll_, events_, kBatch, wait_ms);
  uint64_t wakes;
  bool woken = false;
  for (at_ = 0; at_ < ready_; ++at_) {
    auto* watcher = static_cast<Watcher*>(events_[at_].data.ptr);
    woken = woken || watcher == nullptr;
    if (watcher != nullptr) watcher->OnEvents(events_[at_].events);
  }
  ready_ = 0;
  if (woken && ::read(wake_, &wakes, sizeof(wakes)) < 0) return;
}

void EventLoop::Wake() {
  const uint64_t one = 1;
  if (::write(wake_, &one, sizeof(one)) < 0) return;
}

}  // namespace neurallog::http
