// The time of one rule with state. Plain value; not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"

namespace neurallog::rules {

class RuleClock {
 public:
  static constexpr int64_t kAheadMaxNs = int64_t{600} * 1'000'000'000;
  static constexpr int64_t kTimeMaxNs = int64_t{1} << 62;

  // `lateness_ns`: how much older than the newest record another one may be.
  RuleClock(bool by_received_time, int64_t lateness_ns)
      : by_received_time_(by_received_time), lateness_ns_(by_received_time ? 0 : lateness_ns) {}

  // A record's time in 0..kTimeMaxNs: its own, unless that cannot be true.
  static int64_t Plausible(int64_t event_ns, int64_t received_ns) {
    const int64_t received = std::clamp<int64_t>(received_ns, 0, kTimeMaxNs);
    return event_ns < 0 || event_ns > received + kAheadMaxNs ? received : event_ns;
  }
  int64_t TimeOf(int64_t event_ns, int64_t received_ns) const {
    return Plausible(by_received_time_ ? -1 : event_ns, received_ns);
  }
  // A record of this time has come. True if that moved the clock.
  bool Reach(int64_t time_ns, int64_t received_ns) {
    if (time_ns <= now_ns_) return false;
    now_ns_ = time_ns;
    seen_at_ns_ = std::clamp<int64_t>(received_ns, 0, kTimeMaxNs);
    return true;
  }
  // While nothing comes, the time goes on as on the wall.
  bool Pass(int64_t wall_ns) {
    const int64_t idle = std::clamp<int64_t>(wall_ns, 0, kTimeMaxNs) - seen_at_ns_;
    if (now_ns_ < 0 || idle <= 0) return false;
    now_ns_ = std::min(now_ns_ + idle, kTimeMaxNs);
    seen_at_ns_ += idle;
    return true;
  }
  // -1: nothing came yet.
  int64_t now_ns() const { return now_ns_; }
  // Records from before this come too late: what ended before it has ended.
  int64_t edge_ns() const { return std::max<int64_t>(now_ns_ - lateness_ns_, 0); }
  bool is_late(int64_t time_ns) const { return time_ns < edge_ns(); }

  void Encode(std::string* to) const {
    base::AppendLe(to, now_ns_);
    base::AppendLe(to, seen_at_ns_);
  }
  bool Decode(base::ByteReader* from) {
    now_ns_ = from->ReadLe<int64_t>();
    seen_at_ns_ = from->ReadLe<int64_t>();
    return from->ok() && now_ns_ >= -1 && now_ns_ <= kTimeMaxNs && seen_at_ns_ >= 0 &&
           seen_at_ns_ <= kTimeMaxNs;
  }

 private:
  bool by_received_time_;
  int64_t lateness_ns_;
  int64_t now_ns_ = -1;  // none has come
  int64_t seen_at_ns_ = 0;
};

}  // namespace neurallog::rules
