// Asks for the line of memory that something is in, because it is needed soon.
#pragma once

namespace neurallog::base {

// The builtin alone is not enough: gcc 12 takes a function that does nothing else for one without an effect, and
// drops calls of it. Of the empty asm it cannot say that.
inline void Prefetch(const void* at) {
  __builtin_prefetch(at);
  asm volatile("");
}

}  // namespace neurallog::base
