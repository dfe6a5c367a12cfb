#include "cli/terminal.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "base/clock.h"

namespace neurallog::cli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // the handler sets it

constexpr char kEraseLine[] = "\r\033[K";

}  // namespace

Progress::Progress() : on_(isatty(STDERR_FILENO) == 1) {}

void Progress::Show(const std::string& text) {
  const int64_t now_ns = base::Clock::System().MonotonicNs();
  if (!on_ || now_ns - shown_ns_ < base::kNsPerSecond / 10) return;
  shown_ns_ = now_ns;
  visible_ = true;
  std::fprintf(stderr, "%s%s", kEraseLine, text.c_str());
  std::fflush(stderr);
}

void Progress::Clear() {
  if (std::exchange(visible_, false)) std::fputs(kEraseLine, stderr);
}

void Note(const std::string& text) { std::fprintf(stderr, "neurallog: %s\n", text.c_str()); }

void IgnoreClosedPipes() { std::signal(SIGPIPE, SIG_IGN); }

void CatchInterrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);  // without SA_RESTART: what waits for keys returns
}

std::atomic<bool>& Interrupted() { return interrupted; }

}  // namespace neurallog::cli
