#include "rules/signature_cache.h"

#include <algorithm>

#include "base/hash.h"

namespace neurallog::rules {

size_t Signature::memory_bytes() const {
  return sizeof *this + parts.capacity() * sizeof(Part) + alias_sets.capacity() * 4 +
         passed.capacity() * 4 + matched.capacity() * 4 + pending.capacity() * sizeof(Pending) +
         rests.capacity() * sizeof(Rest);
}

uint32_t* SignatureCache::SlotOf(uint64_t hash, std::string_view key) {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) return &slots_[slot];
    const Entry& entry = *entries_[slots_[slot] - 1];
    if (entry.hash == hash && entry.key == key) return &slots_[slot];
  }
}

const Signature* SignatureCache::Find(std::string_view key) {
  const uint64_t hash = base::Hash64(key);
  ++lookups_;
  const uint32_t found = *SlotOf(hash, key);
  if (found != 0) return &entries_[found - 1]->signature;
  ++misses_;
  return nullptr;
}

const Signature* SignatureCache::Add(std::string_view key, Signature signature) {
  const size_t bytes = sizeof(Entry) + key.size() + signature.memory_bytes();
  if (bytes_ + bytes > kBytesMax) Clear();
  bytes_ += bytes;
  entries_.push_back(
      std::make_unique<Entry>(Entry{base::Hash64(key), std::string(key), std::move(signature)}));
  if (entries_.size() * 2 > slots_.size()) Grow();
  else *SlotOf(entries_.back()->hash, key) = static_cast<uint32_t>(entries_.size());
  return &entries_.back()->signature;
}

void SignatureCache::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (uint32_t i = 0; i < entries_.size(); ++i)
    *SlotOf(entries_[i]->hash, entries_[i]->key) = i + 1;
}

void SignatureCache::Clear() {
  entries_.clear();
  std::fill(slots_.begin(), slots_.end(), 0);
  bytes_ = 0;
}

bool SignatureCache::IsThrashing() {
  if (lookups_ < kWindow) return false;
  bad_windows_ = misses_ > lookups_ / 16 ? bad_windows_ + 1 : 0;
  lookups_ = misses_ = 0;
  if (bad_windows_ < kBadWindows) return false;
  bad_windows_ = 0;
  return true;
}

}  // namespace neurallog::rules
