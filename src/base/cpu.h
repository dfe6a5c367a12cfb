// What the processor can do. Thread-safe.
#pragma once

namespace neurallog::base {

inline bool HasAvx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace neurallog::base
