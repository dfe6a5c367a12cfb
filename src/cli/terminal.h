// What commands do with the terminal besides printing rows: progress, notes, Ctrl-C.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace neurallog::cli {

// A line on stderr that changes while something takes long; nothing when stderr is no terminal. Not
// thread-safe.
class Progress {
 public:
  Progress();
  ~Progress() { Clear(); }
  // At most ten times a second.
  void Show(const std::string& text);
  void Clear();

 private:
  const bool on_;
  int64_t shown_ns_ = 0;
  bool visible_ = false;
};

// A line on stderr.
void Note(const std::string& text);

// Writing to a closed pipe is an error from now on, not the end of the process.
void IgnoreClosedPipes();

// Ctrl-C sets the flag from now on, instead of ending the process.
void CatchInterrupts();
std::atomic<bool>& Interrupted();

}  // namespace neurallog::cli
