// All live tails of the server, and the thread that serves them.
//
//   Hub hub(options, clock, registry);
//   NL_TRY(auto viewer, hub.Join(&log->feed(), log->name(), lens, responder, may_go_on));
//   ... send what is stored ...
//   viewer->Release(cursor);
//
// The thread works in rounds: it takes what a tenant's feed holds, evaluates each filter once over
// all of it, renders each lens once, and offers the events to the viewers. A round is followed by a
// pause in proportion to it, up to kPauseMax: under load the rounds get larger and cheaper per row.
// Costs: memory of the feeds (Options::feed_bytes_max per tenant) and of the viewers' queues.
//
// Thread-safe. Lives longer than whatever publishes to the feeds. Join may wait for a round.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "tail/feed.h"
#include "tail/lens.h"
#include "tail/tail_metrics.h"
#include "tail/viewer.h"

namespace neurallog::tail {

struct Options {
  int viewers_max = 4096;             // beyond: ResourceExhausted
  int viewers_per_tenant_max = 1024;  // beyond: ResourceExhausted
  size_t feed_bytes_max =
      64u << 20;  // of a tenant's batches that wait for a round; more is counted
  ViewerOptions viewer;
};

class Hub final : public Waker {
 public:
  Hub(const Options& options, const base::Clock* clock, metrics::Registry* registry);
  ~Hub() override { Stop(); }

  // Adds a viewer, held, for every batch that is in the tenant's buffer later than this returns.
  Result<std::shared_ptr<Viewer>> Join(Feed* feed, const std::string& tenant,
                                       std::shared_ptr<const Lens> lens,
                                       http::ResponderPtr responder,
                                       std::function<bool()> may_go_on);
  // Tells all viewers that the server stops, and ends the thread. Joining fails from then on.
  void Stop();
  int viewers() const { return viewers_.load(std::memory_order_relaxed); }

  void Wake() override;

 private:
  // Viewers of the same lens; lenses of the same filter; filters of the same tenant.
  struct Audience {
    std::shared_ptr<const Lens> lens;
    std::vector<std::shared_ptr<Viewer>> viewers;
  };
  struct Group {
    Matcher matcher;
    std::vector<Audience> audiences;
  };
  struct Channel {
    std::map<std::string, Group> groups;  // by Lens::filter_key
    int viewers = 0;
    Cursor last;  // all up to here was offered
  };

  void Run();
  void Round(Feed* feed, Channel* channel) NL_REQUIRES(mutex_);
  void Show(Chunk& chunk, Channel* channel) NL_REQUIRES(mutex_);
  Status Offer(Chunk& chunk, const std::vector<uint32_t>& rows, Audience* audience)
      NL_REQUIRES(mutex_);
  // Finds who is gone or may not go on, and sends heartbeats.
  void Sweep() NL_REQUIRES(mutex_);
  void SweepChannel(Feed* feed, Channel* channel, int64_t now_ns) NL_REQUIRES(mutex_);

  const Options options_;
  const base::Clock* const clock_;
  TailMetrics metrics_;

  std::atomic<int> viewers_{0};
  std::atomic<bool> awake_{false};  // Wake was called and the thread has not looked yet
  std::counting_semaphore<> wake_{0};
  std::atomic<bool> stop_{false};

  base::Mutex mutex_;  // held for a round
  std::map<Feed*, Channel> channels_ NL_GUARDED_BY(mutex_);
  bool stopped_ NL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace neurallog::tail
