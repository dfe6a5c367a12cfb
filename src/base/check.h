// The three asserts. None of them is ever used on input.
#pragma once

namespace neurallog::base {
// Prints the place and the text to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* text);
// Counts and logs a broken invariant that has a safe way on; aborts in debug builds.
void ReportBug(const char* file, int line, const char* text);
}  // namespace neurallog::base

// Always on: going on would lose or leak data.
#define NL_CHECK(condition) \
  ((condition) ? static_cast<void>(0) \
               : ::neurallog::base::CheckFailed(__FILE__, __LINE__, #condition))

// Debug builds only: an invariant that the code around it proves.
#ifdef NDEBUG
#define NL_DCHECK(condition) static_cast<void>(0)
#else
#define NL_DCHECK(condition) NL_CHECK(condition)
#endif

// A bug that must not stop the server: dies in debug builds, is logged in release builds; the caller takes the safe branch.
#define NL_BUG(text) ::neurallog::base::ReportBug(__FILE__, __LINE__, text)
