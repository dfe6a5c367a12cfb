// How a consumer waits for the next sequence.
//
// Memory order: a producer makes its slot available with a sequentially consistent read-modify-write, then reads `parked_` likewise; a
// consumer sets `parked_` with an exchange, then looks for available slots again. One of the two sees the other, so no wake-up is lost.
// Read-modify-writes instead of fences, since gcc's ThreadSanitizer does not model fences.
#pragma once

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace neurallog::ring {

enum class WaitStrategyKind : uint8_t {
  kPark,  // spins a little, then sleeps in the kernel; producers pay a system call only when the consumer sleeps
  kYield,  // spins with sched_yield: lowest latency on a core of its own
};

// One consumer waits on one strategy object. Thread-safe.
class WaitStrategy {
 public:
  explicit WaitStrategy(WaitStrategyKind kind) : kind_(kind) {}

  // Returns once `ready()` is true. `ready` is called many times and must be cheap; Signal() must follow whatever makes it true.
  template <typename Ready>
  void Wait(const Ready& ready) {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (ready()) return;
      Pause();
    }
    while (!ready())
      kind_ == WaitStrategyKind::kYield ? static_cast<void>(sched_yield()) : Park(ready);
  }

  void Signal() {
    if (parked_.load(std::memory_order_seq_cst) != 0 &&
        parked_.exchange(0, std::memory_order_seq_cst) != 0)
      syscall(SYS_futex, reinterpret_cast<uint32_t*>(&parked_), FUTEX_WAKE_PRIVATE, 1, nullptr,
              nullptr, 0);
  }

 private:
  static constexpr int kSpins = 64;

  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  template <typename Ready>
  void Park(const Ready& ready) {
    parked_.exchange(1, std::memory_order_seq_cst);
    if (ready()) {
      parked_.store(0, std::memory_order_relaxed);
      return;
    }
    syscall(SYS_futex, reinterpret_cast<uint32_t*>(&parked_), FUTEX_WAIT_PRIVATE, 1, nullptr,
            nullptr, 0);
  }

  const WaitStrategyKind kind_;
  alignas(64) std::atomic<uint32_t> parked_{0};
};

}  // namespace neurallog::ring
