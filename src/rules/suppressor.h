// Holds back firings of one rule that come soon after others of the same key. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "rules/stateful.h"

namespace neurallog::rules {

class Suppressor {
 public:
  // Keys of which something is remembered; past it those of the longest past are forgotten.
  static constexpr size_t kKeysMax = 65'536;

  explicit Suppressor(const Suppression& limits) : limits_(limits) {}

  // True if a firing of this key at this time is let through, which is remembered.
  bool Admit(const base::Hash128Value& key, int64_t at_ns);
  uint64_t suppressed() const { return suppressed_; }
  size_t memory_bytes() const { return keys_.size() * (sizeof(*keys_.begin()) + 48); }

  void Encode(std::string* to) const;
  bool Decode(base::ByteReader* from);

 private:
  struct Past {
    int64_t fired_ns = 0;
    int64_t quiet_ns = 0;  // since then
    int64_t hour = 0;
    uint32_t in_hour = 0;
  };
  using Key = std::pair<uint64_t, uint64_t>;

  int64_t NextQuiet(const Past& past, int64_t at_ns) const;
  void MakeRoom();

  const Suppression limits_;
  std::map<Key, Past> keys_;
  uint64_t suppressed_ = 0;
};

}  // namespace neurallog::rules
