// Threads carry names (seen in top -H and perf) and a row in docs/ARCHITECTURE.md.
#pragma once

#include <thread>
#include <utility>

namespace neurallog::base {

// Names the calling thread; at most 15 bytes are kept by the kernel.
void SetThreadName(const char* name);

// The calling thread gives way to others (nice 10). A refusal does no harm.
void LowerThreadPriority();

template <typename F>
std::thread StartThread(const char* name, F body) {
  return std::thread([name, body = std::move(body)]() mutable {
    SetThreadName(name);
    body();
  });
}

}  // namespace neurallog::base
