#include "tail/viewer.h"

#include <algorithm>

#include "base/json_text.h"

namespace neurallog::tail {
namespace {

constexpr size_t kWriteBytes = 64 << 10;         // handed over at a time
constexpr size_t kBufferedBytesMax = 256 << 10;  // at the connection; more waits here
constexpr size_t kResumeBytes = 64 << 10;

std::string Reason(std::string_view reason) {
  std::string body = "{\"reason\":";
  base::AppendJsonString(&body, reason);
  return body + "}";
}

}  // namespace

Viewer::Viewer(const ViewerOptions& options, std::shared_ptr<const Lens> lens,
               http::ResponderPtr responder, std::function<bool()> may_go_on, TailMetrics* metrics)
    : options_(options),
      lens_(std::move(lens)),
      responder_(std::move(responder)),
      may_go_on_(std::move(may_go_on)),
      metrics_(metrics) {}

void Viewer::Offer(const std::shared_ptr<const Reel>& reel) {
  {
    base::MutexLock lock(mutex_);
    // A batch may have waited for its round while it was sent as a stored one.
    const auto next = std::upper_bound(
        reel->events.begin(), reel->events.end(), after_,
        [](const Cursor& after, const Reel::Event& event) { return after < event.cursor; });
    if (next == reel->events.end()) return;
    const auto first = static_cast<size_t>(next - reel->events.begin());
    pieces_.push_back({reel, first});
    bytes_ += reel->bytes.size() - reel->Begin(first);
    events_ += reel->events.size() - first;
    if (held_ || draining_) TrimLocked();
  }
  Flush();
}

void Viewer::OfferUnexamined(uint64_t rows) {
  {
    base::MutexLock lock(mutex_);
    unexamined_ += rows;
  }
  Flush();
}

void Viewer::DropFrontLocked() {
  Piece& piece = pieces_.front();
  const Reel& reel = *piece.reel;
  dropped_last_ = reel.events[piece.next].cursor;
  bytes_ -= reel.events[piece.next].end - reel.Begin(piece.next);
  --events_;
  if (++piece.next == reel.events.size()) pieces_.pop_front();
}

void Viewer::TrimLocked() {
  while (events_ > options_.events_max || (bytes_ > options_.bytes_max && events_ > 1)) {
    DropFrontLocked();
    ++dropped_;
    ++dropped_total_;
  }
}

void Viewer::Flush() {
  bool wait = false;
  {
    base::MutexLock lock(mutex_);
    if (held_ || draining_ || ended_.load()) return;
    while (responder_->buffered_bytes() < kBufferedBytesMax) {
      std::string bytes = TakeLocked();
      if (bytes.empty()) break;
      responder_->Write(std::move(bytes));
    }
    TrimLocked();
    wait = draining_ = !pieces_.empty();
  }
  if (!wait) return;
  responder_->OnDrained(kResumeBytes, [self = shared_from_this()] {
    {
      base::MutexLock lock(self->mutex_);
      self->draining_ = false;
    }
    if (!self->gone()) self->Flush();
  });
}

std::string Viewer::TakeLocked() {
  std::string bytes;
  if (dropped_ > 0) {
    const std::string body = "{\"count\":" + std::to_string(dropped_) +
                             ",\"total\":" + std::to_string(dropped_total_) + "}";
    AppendNotice(lens_->framing(), "dropped", nullptr, body, &bytes);
    metrics_->dropped.Add(std::exchange(dropped_, 0));
  }
  if (unexamined_ > 0)
    AppendNotice(lens_->framing(), "unexamined", nullptr,
                 "{\"logs\":" + std::to_string(std::exchange(unexamined_, 0)) + "}", &bytes);
  while (!pieces_.empty() && bytes.size() < kWriteBytes) {
    Piece& piece = pieces_.front();
    const Reel& reel = *piece.reel;
    const size_t begin = reel.Begin(piece.next);
    size_t end = piece.next;
    while (end < reel.events.size() &&
           (end == piece.next || reel.events[end].end - begin <= kWriteBytes))
      ++end;
    const size_t size = reel.Begin(end) - begin;
    bytes.append(reel.bytes, begin, size);
    bytes_ -= size;
    events_ -= end - piece.next;
    metrics_->events.Add(end - piece.next);
    piece.next = end;
    if (end == reel.events.size()) pieces_.pop_front();
  }
  if (!bytes.empty()) last_write_ns_ = 0;
  return bytes;
}

void Viewer::Beat(int64_t now_ns) {
  base::MutexLock lock(mutex_);
  if (last_write_ns_ == 0) last_write_ns_ = now_ns;
  if (held_ || draining_ || ended_.load() || now_ns - last_write_ns_ < options_.heartbeat_ns)
    return;
  last_write_ns_ = now_ns;
  std::string bytes;
  AppendHeartbeat(lens_->framing(), &bytes);
  responder_->Write(std::move(bytes));
}

bool Viewer::Release(const Cursor& after) {
  {
    base::MutexLock lock(mutex_);
    while (!pieces_.empty() && pieces_.front().reel->events[pieces_.front().next].cursor <= after)
      DropFrontLocked();
    if (dropped_ > 0 && dropped_last_ <= after) dropped_total_ -= std::exchange(dropped_, 0);
    if (dropped_ > 0) {
      dropped_total_ -= std::exchange(dropped_, 0);
      pieces_.clear();
      bytes_ = events_ = 0;
      return false;
    }
    held_ = false;
    after_ = after;
  }
  Flush();
  return true;
}

void Viewer::End(std::string_view reason, const Cursor& last) {
  Finish("end", last, Reason(reason));
}

void Viewer::Fail(const Status& status) { Finish("error", {0, 0}, Reason(status.message())); }

void Viewer::Finish(std::string_view notice, Cursor last, const std::string& body) {
  base::MutexLock lock(mutex_);
  if (ended_.exchange(true)) return;
  std::string bytes;
  while (!held_ && !(bytes = TakeLocked()).empty()) responder_->Write(std::move(bytes));
  last = std::max(last, after_);
  const bool knows_place = !held_ && last.lsn != 0;
  AppendNotice(lens_->framing(), notice, knows_place ? &last : nullptr, body, &bytes);
  AppendEnd(lens_->framing(), &bytes);
  responder_->Write(std::move(bytes));
  responder_->Finish();
}

}  // namespace neurallog::tail
