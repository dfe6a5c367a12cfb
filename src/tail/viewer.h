// One client of a live tail: a bounded queue of events on their way to its connection.
//
// Events go to the connection while it takes them; what it does not take waits here. At the bound
// the oldest event goes, and before the next one is sent the client is told how many went. A viewer
// begins held: events wait until what was stored before has been sent (Release).
//
// Thread-safe. Shared by the hub and by the connection's call to go on.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "http/message.h"
#include "tail/lens.h"
#include "tail/tail_metrics.h"

namespace neurallog::tail {

struct ViewerOptions {
  size_t bytes_max = 1u << 20;  // of events that wait for the connection; one may be larger
  size_t events_max = 10'000;
  int64_t heartbeat_ns = 15'000'000'000;  // after so long without an event
};

class Viewer : public std::enable_shared_from_this<Viewer> {
 public:
  // `responder` has been started. `may_go_on` is asked once a second; false ends the tail.
  Viewer(const ViewerOptions& options, std::shared_ptr<const Lens> lens,
         http::ResponderPtr responder, std::function<bool()> may_go_on, TailMetrics* metrics);

  const std::shared_ptr<const Lens>& lens() const { return lens_; }
  const http::ResponderPtr& responder() const { return responder_; }
  bool gone() const { return ended_.load() || responder_->closed(); }
  bool may_go_on() const { return may_go_on_(); }

  // --- by the hub ---
  void Offer(const std::shared_ptr<const Reel>& reel);
  // Rows that nobody looked at, because there was no time.
  void OfferUnexamined(uint64_t rows);
  void Beat(int64_t now_ns);
  // Sends what waits, says why, and ends the stream; `last` is the place up to which all was offered.
  void End(std::string_view reason, const Cursor& last);

  // --- by who sends what was stored ---
  // All events up to `after` have been sent: the waiting ones behind it follow, and all to come.
  // False, and nothing waits any more, when some behind it are gone already: send those too and
  // call again.
  bool Release(const Cursor& after);
  // Ends the stream with an error.
  void Fail(const Status& status);

 private:
  struct Piece {
    std::shared_ptr<const Reel> reel;
    size_t next;  // event
  };

  void Flush();
  // What to write now; nothing when the connection has enough or nothing waits.
  std::string TakeLocked() NL_REQUIRES(mutex_);
  void DropFrontLocked() NL_REQUIRES(mutex_);
  void TrimLocked() NL_REQUIRES(mutex_);
  void Finish(std::string_view notice, Cursor last, const std::string& body);

  // Constant after construction.
  const ViewerOptions options_;
  const std::shared_ptr<const Lens> lens_;
  const http::ResponderPtr responder_;
  const std::function<bool()> may_go_on_;
  TailMetrics* const metrics_;

  std::atomic<bool> ended_{false};

  base::Mutex mutex_;
  std::deque<Piece> pieces_ NL_GUARDED_BY(mutex_);
  size_t bytes_ NL_GUARDED_BY(mutex_) = 0;   // of events in pieces_
  size_t events_ NL_GUARDED_BY(mutex_) = 0;  // in pieces_
  bool held_ NL_GUARDED_BY(mutex_) = true;
  bool draining_ NL_GUARDED_BY(mutex_) = false;  // the connection will say when it takes more
  Cursor after_ NL_GUARDED_BY(mutex_){0, 0};     // of Release
  Cursor dropped_last_ NL_GUARDED_BY(mutex_){0, 0};
  uint64_t dropped_ NL_GUARDED_BY(mutex_) = 0;        // and not told yet
  uint64_t dropped_total_ NL_GUARDED_BY(mutex_) = 0;  // since the beginning
  uint64_t unexamined_ NL_GUARDED_BY(mutex_) = 0;     // and not told yet
  int64_t last_write_ns_ NL_GUARDED_BY(mutex_) = 0;   // as Beat saw it; 0: since the last Beat
};

}  // namespace neurallog::tail
