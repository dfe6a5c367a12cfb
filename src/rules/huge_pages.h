// Memory for large tables that are read here and there: of huge pages where the system gives them, because a
// miss of the TLB costs as much as one of the cache.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace neurallog::rules {

inline constexpr size_t kHugePageBytes = 2 << 20;

// For containers. Less than a huge page comes from the heap as it is.
template <typename T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <typename U>
  explicit HugePageAllocator(const HugePageAllocator<U>&) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kHugePageBytes / 2) return static_cast<T*>(::operator new(bytes));
    const size_t rounded = (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
    void* const memory = std::aligned_alloc(kHugePageBytes, rounded);
    if (memory == nullptr) throw std::bad_alloc();
    madvise(memory, rounded, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    if (count * sizeof(T) < kHugePageBytes / 2) ::operator delete(memory);
    else std::free(memory);
  }
  bool operator==(const HugePageAllocator&) const = default;
};

}  // namespace neurallog::rules
