#include "rules/suppressor.h"

#include <algorithm>
#include <vector>

namespace neurallog::rules {
namespace {

constexpr int64_t kCountedHourNs = int64_t{3600} * 1'000'000'000;

}  // namespace

bool Suppressor::Admit(const base::Hash128Value& key, int64_t at_ns) {
  const Key id(key.high, key.low);
  auto found = keys_.find(id);
  if (found == keys_.end()) {
    MakeRoom();
    keys_.emplace(id, Past{at_ns, limits_.cooldown_ns, at_ns / kCountedHourNs, 1});
    return true;
  }
  Past& past = found->second;
  const int64_t hour = at_ns / kCountedHourNs;
  const bool is_same_hour = hour <= past.hour;
  if (at_ns < past.fired_ns + past.quiet_ns ||
      (limits_.per_hour_max != 0 && is_same_hour && past.in_hour >= limits_.per_hour_max)) {
    ++suppressed_;
    return false;
  }
  past.quiet_ns = NextQuiet(past, at_ns);
  past.fired_ns = at_ns;
  past.in_hour = is_same_hour ? past.in_hour + 1 : 1;
  past.hour = std::max(hour, past.hour);
  return true;
}

// One that comes within twice the quiet time of the last doubles it.
int64_t Suppressor::NextQuiet(const Past& past, int64_t at_ns) const {
  if (limits_.cooldown_max_ns <= limits_.cooldown_ns) return limits_.cooldown_ns;
  if (at_ns >= past.fired_ns + 2 * past.quiet_ns) return limits_.cooldown_ns;
  return std::min(2 * past.quiet_ns, limits_.cooldown_max_ns);
}

void Suppressor::MakeRoom() {
  if (keys_.size() < kKeysMax) return;
  std::vector<std::pair<int64_t, Key>> by_time;
  for (const auto& [key, past] : keys_) by_time.emplace_back(past.fired_ns, key);
  const auto middle = by_time.begin() + kKeysMax / 16;
  std::nth_element(by_time.begin(), middle, by_time.end());
  for (auto at = by_time.begin(); at != middle; ++at) keys_.erase(at->second);
}

void Suppressor::Encode(std::string* to) const {
  base::AppendVarint(to, suppressed_);
  base::AppendVarint(to, keys_.size());
  for (const auto& [key, past] : keys_) {
    base::AppendLe(to, key.first);
    base::AppendLe(to, key.second);
    base::AppendLe(to, past.fired_ns);
    base::AppendLe(to, past.quiet_ns);
    base::AppendLe(to, past.hour);
    base::AppendLe(to, past.in_hour);
  }
}

bool Suppressor::Decode(base::ByteReader* from) {
  suppressed_ = from->ReadVarint();
  const uint64_t count = from->ReadVarint();
  if (!from->ok() || count > kKeysMax) return false;
  for (uint64_t i = 0; i < count && from->ok(); ++i) {
    Key key;
    Past past;
    key.first = from->ReadLe<uint64_t>();
    key.second = from->ReadLe<uint64_t>();
    past.fired_ns = from->ReadLe<int64_t>();
    past.quiet_ns = from->ReadLe<int64_t>();
    past.hour = from->ReadLe<int64_t>();
    past.in_hour = from->ReadLe<uint32_t>();
    if (past.fired_ns < 0 || past.quiet_ns < 0 || past.quiet_ns > kWindowMaxNs) return false;
    if (past.fired_ns > INT64_MAX / 2 || !keys_.emplace(key, past).second) return false;
  }
  return from->ok();
}

}  // namespace neurallog::rules
