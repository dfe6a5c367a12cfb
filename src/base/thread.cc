#include "base/thread.h"

#include <pthread.h>

#include <cstring>

namespace neurallog::base {

void SetThreadName(const char* name) {
  char kept[16] = {};
  std::strncpy(kept, name, sizeof(kept) - 1);
  pthread_setname_np(pthread_self(), kept);
}

}  // namespace neurallog::base
