// Remembers answered requests by their idempotency key, so that a client's retry is answered again instead of stored again.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"
#include "base/mutex.h"
#include "neurallog/log_record.h"

namespace neurallog::ingest {

// Thread-safe. At `keys_max` keys the oldest is forgotten early.
class IdempotencyCache {
 public:
  IdempotencyCache(int64_t window_ns, size_t keys_max)
      : window_ns_(window_ns), keys_max_(keys_max) {}

  struct Answer {
    uint64_t accepted = 0;
    uint64_t rejected = 0;
  };
  enum class Outcome { kNew, kInFlight, kAnswered };

  static base::Hash128Value Key(TenantId tenant, std::string_view text);

  // kNew: the caller handles the request and then calls Finish or Abandon. kAnswered fills *answer.
  Outcome Begin(base::Hash128Value key, int64_t now_ns, Answer* answer);
  // Remembers the answer; also used by replay, which begins nothing.
  void Finish(base::Hash128Value key, int64_t now_ns, Answer answer);
  void Abandon(base::Hash128Value key);

  // All finished keys as bytes, and back. A string that is not such bytes restores what can be read of it.
  std::string Encode() const;
  void Restore(std::string_view bytes, int64_t now_ns);

 private:
  struct Hasher {
    size_t operator()(const base::Hash128Value& key) const { return key.low; }
  };
  struct Entry {
    bool finished = false;
    int64_t time_ns = 0;
    Answer answer;
  };
  void Expire(int64_t now_ns) NL_REQUIRES(mutex_);

  const int64_t window_ns_;
  const size_t keys_max_;
  mutable base::Mutex mutex_;
  std::unordered_map<base::Hash128Value, Entry, Hasher> entries_ NL_GUARDED_BY(mutex_);
  std::deque<std::pair<int64_t, base::Hash128Value>> by_time_ NL_GUARDED_BY(mutex_);
};

}  // namespace neurallog::ingest
