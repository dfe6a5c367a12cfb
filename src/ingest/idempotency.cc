#include "ingest/idempotency.h"

#include "base/bytes.h"

namespace neurallog::ingest {

base::Hash128Value IdempotencyCache::Key(TenantId tenant, std::string_view text) {
  std::string bytes;
  base::AppendLe<uint32_t>(&bytes, static_cast<uint32_t>(tenant));
  return base::Hash128(bytes.append(text));
}

void IdempotencyCache::Expire(int64_t now_ns) {
  while (!by_time_.empty() &&
         (by_time_.front().first <= now_ns - window_ns_ || by_time_.size() > keys_max_)) {
    const auto found = entries_.find(by_time_.front().second);
    if (found != entries_.end() && found->second.finished &&
        found->second.time_ns == by_time_.front().first)
      entries_.erase(found);
    by_time_.pop_front();
  }
}

IdempotencyCache::Outcome IdempotencyCache::Begin(base::Hash128Value key, int64_t now_ns,
                                                  Answer* answer) {
  base::MutexLock lock(mutex_);
  Expire(now_ns);
  const auto [entry, added] = entries_.try_emplace(key);
  if (added) return Outcome::kNew;
  if (!entry->second.finished) return Outcome::kInFlight;
  *answer = entry->second.answer;
  return Outcome::kAnswered;
}

void IdempotencyCache::Finish(base::Hash128Value key, int64_t now_ns, Answer answer) {
  base::MutexLock lock(mutex_);
  entries_[key] = {true, now_ns, answer};
  by_time_.emplace_back(now_ns, key);
  Expire(now_ns);
}

void IdempotencyCache::Abandon(base::Hash128Value key) {
  base::MutexLock lock(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end() && !found->second.finished) entries_.erase(found);
}

std::string IdempotencyCache::Encode() const {
  base::MutexLock lock(mutex_);
  std::string bytes;
  for (const auto& [key, entry] : entries_) {
    if (!entry.finished) continue;
    base::AppendLe(&bytes, key.low);
    base::AppendLe(&bytes, key.high);
    base::AppendLe(&bytes, entry.time_ns);
    base::AppendLe(&bytes, entry.answer.accepted);
    base::AppendLe(&bytes, entry.answer.rejected);
  }
  return bytes;
}

void IdempotencyCache::Restore(std::string_view bytes, int64_t now_ns) {
  base::ByteReader reader(bytes);
  while (reader.remaining() > 0) {
    base::Hash128Value key;
    Answer answer;
    key.low = reader.ReadLe<uint64_t>();
    key.high = reader.ReadLe<uint64_t>();
    const auto time_ns = reader.ReadLe<int64_t>();
    answer.accepted = reader.ReadLe<uint64_t>();
    answer.rejected = reader.ReadLe<uint64_t>();
    if (reader.ok() && time_ns > now_ns - window_ns_) Finish(key, time_ns, answer);
  }
}

}  // namespace neurallog::ingest
