#include "engine/memory_guard.h"

#include <unistd.h>

#include <cstddef>
#include <cstdio>

#include "base/log.h"

// jemalloc's; absent where another allocator is linked.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value, size_t* old_size,
                                             void* new_value, size_t new_size);

namespace neurallog::engine {
namespace {

// 0 when it cannot be told.
uint64_t ResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long total = 0, resident = 0;
  if (std::fscanf(file, "%lu %lu", &total, &resident) != 2) resident = 0;
  std::fclose(file);
  return uint64_t{resident} * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void ReturnKeptMemory() {
  // 4096 stands for all arenas (MALLCTL_ARENAS_ALL).
  if (mallctl != nullptr) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
}

}  // namespace

void MemoryGuard::Check() {
  uint64_t resident = ResidentBytes();
  if (limit_ != 0 && resident > limit_) {
    ReturnKeptMemory();
    resident = ResidentBytes();
  }
  resident_.store(resident, std::memory_order_relaxed);
  const bool was_short = short_.load(std::memory_order_relaxed);
  const bool is_short = limit_ != 0 && resident > (was_short ? limit_ / 100 * 97 : limit_);
  if (is_short == was_short) return;
  short_.store(is_short, std::memory_order_relaxed);
  base::LogWarn(
      is_short ? "memory is short; intake waits" : "memory is no longer short",
      {{"resident_bytes", std::to_string(resident)}, {"memory_limit", std::to_string(limit_)}});
}

}  // namespace neurallog::engine
