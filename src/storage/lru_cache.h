// Values that were read lately, such as pages of the token index and decoded columns. The least
// recently used go when they take more than the budget, which is larger while there is spare memory;
// whoever holds one keeps it. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "base/spare_memory.h"

namespace neurallog::storage {

class LruCache {
 public:
  // `spare` may be null.
  explicit LruCache(size_t bytes_max, const base::SpareMemory* spare = nullptr)
      : bytes_max_(bytes_max), spare_(spare) {}

  // The value put under this key, or nullptr. The caller knows its type by the key.
  template <typename T>
  std::shared_ptr<const T> Get(const std::string& key) {
    return std::static_pointer_cast<const T>(GetAny(key));
  }
  // A value larger than the budget is not kept.
  void Put(const std::string& key, std::shared_ptr<const void> value, size_t bytes);
  void Erase(const std::string& key);
  // Keeps to the budget when spare memory was taken.
  void Shrink();

  size_t bytes() const;
  size_t bytes_max() const { return bytes_max_ + (spare_ == nullptr ? 0 : spare_->bytes()); }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const void> value;
    size_t bytes;
  };
  using Entries = std::list<Entry>;  // most recently used first

  std::shared_ptr<const void> GetAny(const std::string& key);
  void EraseLocked(Entries::iterator entry) NL_REQUIRES(mutex_);

  void ShrinkLocked(size_t bytes_max) NL_REQUIRES(mutex_);

  const size_t bytes_max_;
  const base::SpareMemory* const spare_;
  mutable base::Mutex mutex_;
  Entries entries_ NL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Entries::iterator> places_ NL_GUARDED_BY(mutex_);
  size_t bytes_ NL_GUARDED_BY(mutex_) = 0;
};

}  // namespace neurallog::storage
