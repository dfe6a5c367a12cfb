// How many different values came in the last kPieces pieces of time: exact up to kMax of them, then from
// a sample of their hashes.
//
// The sample holds the values whose hash begins with `level` zero bits, each with the piece in which it came
// last. When it is full, the level rises and half of them go; their number times 2^level is the estimate,
// whose standard error is at most 1 / sqrt(kMax / 2), 2.2 %. A register sketch such as HyperLogLog cannot
// forget what leaves the window; this can. Plain value; not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "rules/window_ring.h"

namespace neurallog::rules {

template <size_t kPieces>
class ValueSample {
 public:
  static constexpr size_t kMax = 4096;

  void Move(uint64_t from, uint64_t to) {
    ring_.Move(from, to, [&](uint32_t count) { live_ -= count; });
    newest_ = to;
  }
  void Add(uint64_t piece, uint64_t hash) {
    newest_ = std::max(newest_, piece);
    if (!IsSampled(hash)) return;
    auto at = Place(hash);
    if (at == seen_.end() || at->hash != hash) return Insert(piece, hash);
    if (piece <= at->piece) return;
    Uncount(*at);
    at->piece = piece;
    Count(piece);
  }
  uint64_t Estimate() const { return uint64_t{live_} << level_; }
  size_t memory_bytes() const { return seen_.capacity() * sizeof(Seen); }

  void Encode(std::string* to) const {
    base::AppendVarint(to, level_);
    base::AppendVarint(to, newest_);
    base::AppendVarint(to, seen_.size());
    for (const Seen& seen : seen_) {
      base::AppendLe(to, seen.hash);
      base::AppendVarint(to, seen.piece);
    }
  }
  bool Decode(base::ByteReader* from) {
    const uint64_t level = from->ReadVarint();
    newest_ = from->ReadVarint();
    const uint64_t count = from->ReadVarint();
    if (!from->ok() || level >= 64 - 13 || newest_ > INT64_MAX || count > kMax) return false;
    level_ = static_cast<uint32_t>(level);
    for (uint64_t i = 0; i < count; ++i) {
      const auto hash = from->ReadLe<uint64_t>();
      const uint64_t piece = from->ReadVarint();
      const bool is_next = seen_.empty() || hash > seen_.back().hash;
      if (!from->ok() || !is_next || !IsSampled(hash) || piece > newest_) return false;
      seen_.push_back({hash, piece});
      if (IsLive(seen_.back())) Count(piece);
    }
    return true;
  }

 private:
  struct Seen {
    uint64_t hash;
    uint64_t piece;
  };

  bool IsSampled(uint64_t hash) const { return level_ == 0 || hash >> (64 - level_) == 0; }
  bool IsLive(const Seen& seen) const { return seen.piece + kPieces > newest_; }
  auto Place(uint64_t hash) {
    return std::lower_bound(seen_.begin(), seen_.end(), hash,
                            [](const Seen& seen, uint64_t wanted) { return seen.hash < wanted; });
  }
  void Count(uint64_t piece) {
    ++ring_.at(piece);
    ++live_;
  }
  void Uncount(const Seen& seen) {
    if (!IsLive(seen)) return;
    --ring_.at(seen.piece);
    --live_;
  }
  void Insert(uint64_t piece, uint64_t hash) {
    if (seen_.size() == kMax || seen_.size() > 2 * size_t{live_} + 16) DropDead();
    while (seen_.size() == kMax && IsSampled(hash)) Thin();
    if (!IsSampled(hash)) return;
    seen_.insert(Place(hash), {hash, piece});
    Count(piece);
  }
  void DropDead() {
    seen_.erase(
        std::remove_if(seen_.begin(), seen_.end(), [&](const Seen& seen) { return !IsLive(seen); }),
        seen_.end());
  }
  void Thin() {
    ++level_;
    const auto end = Place(uint64_t{1} << (64 - level_));
    for (auto at = end; at != seen_.end(); ++at) Uncount(*at);
    seen_.erase(end, seen_.end());
  }

  std::vector<Seen> seen_;  // by hash
  WindowRing<uint32_t, kPieces> ring_;
  uint64_t newest_ = 0;
  uint32_t live_ = 0;  // of seen_ in the window
  uint32_t level_ = 0;
};

}  // namespace neurallog::rules
