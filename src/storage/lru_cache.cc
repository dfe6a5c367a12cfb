#include "storage/lru_cache.h"

namespace neurallog::storage {
namespace {
constexpr size_t kEntryBytes = 200;  // of the list, the map and two copies of the key
}  // namespace

std::shared_ptr<const void> LruCache::GetAny(const std::string& key) {
  base::MutexLock lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->value;
}

void LruCache::Put(const std::string& key, std::shared_ptr<const void> value, size_t bytes) {
  bytes += kEntryBytes;
  const size_t bytes_max = this->bytes_max();
  base::MutexLock lock(mutex_);
  const auto place = places_.find(key);
  if (place != places_.end()) EraseLocked(place->second);
  if (bytes > bytes_max) return;
  entries_.push_front({key, std::move(value), bytes});
  places_[key] = entries_.begin();
  bytes_ += bytes;
  ShrinkLocked(bytes_max);
}

void LruCache::Shrink() {
  base::MutexLock lock(mutex_);
  ShrinkLocked(bytes_max());
}

void LruCache::ShrinkLocked(size_t bytes_max) {
  while (bytes_ > bytes_max) EraseLocked(std::prev(entries_.end()));
}

void LruCache::Erase(const std::string& key) {
  base::MutexLock lock(mutex_);
  const auto place = places_.find(key);
  if (place != places_.end()) EraseLocked(place->second);
}

void LruCache::EraseLocked(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  places_.erase(entry->key);
  entries_.erase(entry);
}

size_t LruCache::bytes() const {
  base::MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace neurallog::storage
