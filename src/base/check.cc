#include "base/check.h"

#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace neurallog::base {

void CheckFailed(const char* file, int line, const char* text) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
  std::abort();
}

void ReportBug(const char* file, int line, const char* text) {
#ifdef NDEBUG
  LogError("bug", {{"file", file}, {"line", std::to_string(line)}, {"text", text}});
#else
  CheckFailed(file, line, text);
#endif
}

}  // namespace neurallog::base
