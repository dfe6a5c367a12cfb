#include "tail/hub.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/thread.h"

namespace neurallog::tail {
namespace {

constexpr int64_t kSweepNs = base::kNsPerSecond;
constexpr int64_t kPauseMin = 2 * base::kNsPerMs;
constexpr int64_t kPauseMax = 500 * base::kNsPerMs;
// Of the time of a round: the thread takes at most a tenth of a core until kPauseMax is reached.
constexpr int64_t kPauseFactor = 9;

}  // namespace

Hub::Hub(const Options& options, const base::Clock* clock, metrics::Registry* registry)
    : options_(options), clock_(clock), metrics_(registry) {
  registry->AddGauge("neurallog_tail_viewers", "Live tails that are open.",
                     [this] { return static_cast<double>(viewers()); });
  thread_ = base::StartThread("nl-tail", [this] { Run(); });
}

void Hub::Wake() {
  if (!awake_.exchange(true)) wake_.release();
}

Result<std::shared_ptr<Viewer>> Hub::Join(Feed* feed, const std::string& tenant,
                                          std::shared_ptr<const Lens> lens,
                                          http::ResponderPtr responder,
                                          std::function<bool()> may_go_on) {
  base::MutexLock lock(mutex_);
  if (stopped_) return Unavailable("the server is stopping");
  const auto found = channels_.find(feed);
  const int of_tenant = found == channels_.end() ? 0 : found->second.viewers;
  if (viewers() >= options_.viewers_max || of_tenant >= options_.viewers_per_tenant_max) {
    metrics_.refused.Add();
    return of_tenant >= options_.viewers_per_tenant_max
               ? ResourceExhausted("tenant " + tenant + " has " + std::to_string(of_tenant) +
                                   " live tails open, which is the maximum "
                                   "(tail.viewers_per_tenant_max)")
               : ResourceExhausted(std::to_string(viewers()) +
                                   " live tails are open, which is the maximum (tail.viewers_max)");
  }
  Channel& channel = channels_[feed];
  Group& group =
      channel.groups.try_emplace(lens->filter_key(), Group{lens->MakeMatcher(), {}}).first->second;
  auto audience = std::find_if(group.audiences.begin(), group.audiences.end(),
                               [&](const Audience& one) { return one.lens->key() == lens->key(); });
  if (audience == group.audiences.end())
    audience = group.audiences.insert(audience, Audience{std::move(lens), {}});
  auto viewer = std::make_shared<Viewer>(options_.viewer, audience->lens, std::move(responder),
                                         std::move(may_go_on), &metrics_);
  audience->viewers.push_back(viewer);
  ++channel.viewers;
  viewers_.fetch_add(1, std::memory_order_relaxed);
  feed->Watch(this, options_.feed_bytes_max);
  return viewer;
}

void Hub::Run() {
  int64_t next_sweep_ns = clock_->MonotonicNs() + kSweepNs;
  while (!stop_.load()) {
    const int64_t wait_ns = std::max<int64_t>(next_sweep_ns - clock_->MonotonicNs(), 0);
    if (wake_.try_acquire_for(std::chrono::nanoseconds(wait_ns))) awake_.store(false);
    const int64_t begin_ns = clock_->MonotonicNs();
    {
      base::MutexLock lock(mutex_);
      for (auto& [feed, channel] : channels_) Round(feed, &channel);
      if (begin_ns >= next_sweep_ns) {
        Sweep();
        next_sweep_ns = begin_ns + kSweepNs;
      }
    }
    const int64_t round_ns = clock_->MonotonicNs() - begin_ns;
    std::this_thread::sleep_for(
        std::chrono::nanoseconds(std::clamp(kPauseFactor * round_ns, kPauseMin, kPauseMax)));
  }
}

void Hub::Round(Feed* feed, Channel* channel) {
  const std::vector<LoggedBatch> batches = feed->Take();
  if (const uint64_t lost = feed->TakeLost(); lost > 0) {
    metrics_.unexamined.Add(lost);
    for (auto& [key, group] : channel->groups)
      for (Audience& audience : group.audiences)
        for (const auto& viewer : audience.viewers) viewer->OfferUnexamined(lost);
  }
  if (batches.empty()) return;
  for (auto& [key, group] : channel->groups) group.matcher.SetNow(clock_->WallNs());
  const Status status = Chunk::ForEach(
      batches, Cursor{0, 0},
      [&](Chunk& chunk) NL_REQUIRES(mutex_) { return Show(chunk, channel), Status(); });
  if (!status.ok()) base::LogError("live tail failed", {{"error", status.ToString()}});
  channel->last = {batches.back().lsn};
}

// What fails ends the live tails that asked for it, and no others.
void Hub::Show(Chunk& chunk, Channel* channel) {
  metrics_.rows.Add(chunk.rows()->columns().rows());
  for (auto& [key, group] : channel->groups) {
    const auto rows = group.matcher.Match(chunk);
    if (rows.ok() && rows->empty()) continue;
    for (Audience& audience : group.audiences) {
      const Status shown = rows.ok() ? Offer(chunk, *rows, &audience) : rows.status();
      if (shown.ok()) continue;
      base::LogError("live tail failed", {{"error", shown.ToString()}});
      for (const auto& viewer : audience.viewers) viewer->End(shown.ToString(), channel->last);
    }
  }
}

Status Hub::Offer(Chunk& chunk, const std::vector<uint32_t>& rows, Audience* audience) {
  NL_TRY(const std::shared_ptr<const Reel> reel, audience->lens->Render(chunk, rows));
  if (reel->events.empty()) return {};
  for (const auto& viewer : audience->viewers)
    if (!viewer->gone()) viewer->Offer(reel);
  return {};
}

void Hub::Sweep() {
  const int64_t now_ns = clock_->MonotonicNs();
  for (auto& [feed, channel] : channels_) SweepChannel(feed, &channel, now_ns);
  std::erase_if(channels_, [](const auto& entry) { return entry.second.viewers == 0; });
}

void Hub::SweepChannel(Feed* feed, Channel* channel, int64_t now_ns) {
  const auto look = [&](const std::shared_ptr<Viewer>& viewer) {
    if (feed->closed()) viewer->End("the tenant was deleted", channel->last);
    if (!viewer->gone() && !viewer->may_go_on())
      viewer->End("the key is not valid any more", channel->last);
    if (!viewer->gone()) return viewer->Beat(now_ns), false;
    feed->Unwatch();
    --channel->viewers;
    viewers_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  };
  for (auto& [key, group] : channel->groups) {
    for (Audience& audience : group.audiences) std::erase_if(audience.viewers, look);
    std::erase_if(group.audiences, [](const Audience& one) { return one.viewers.empty(); });
  }
  std::erase_if(channel->groups, [](const auto& entry) { return entry.second.audiences.empty(); });
}

void Hub::Stop() {
  if (stop_.exchange(true)) return;
  Wake();
  thread_.join();
  base::MutexLock lock(mutex_);
  stopped_ = true;
  for (auto& [feed, channel] : channels_) {
    Round(feed, &channel);
    for (auto& [key, group] : channel.groups)
      for (Audience& audience : group.audiences)
        for (const auto& viewer : audience.viewers) {
          viewer->End("the server stops", channel.last);
          feed->Unwatch();
        }
  }
  channels_.clear();
  viewers_.store(0, std::memory_order_relaxed);
}

}  // namespace neurallog::tail
