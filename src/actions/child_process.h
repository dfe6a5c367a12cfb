// Runs a program that is not trusted with much: no shell, a clean environment, limits, an end.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::actions {

struct ChildProgram {
  std::string path;                      // absolute
  std::vector<std::string> args;         // without the program's own name
  std::vector<std::string> environment;  // "NAME=value", in addition to PATH
  std::string input;                     // on its standard input
  int64_t deadline_ns = 0;               // monotonic: it and what it started are killed then
  const std::atomic<bool>* cancelled = nullptr;
};

struct ChildResult {
  int exit_code = 0;   // 127: it cannot be run; 128 + the signal that ended it
  std::string output;  // how standard output and error begin; at most 1 KiB
};

// Blocks. The program gets 10 s of CPU, 512 MiB of address space, 64 files and no core file.
// DeadlineExceeded or Cancelled: it was killed.
Result<ChildResult> RunChild(const ChildProgram& program);

}  // namespace neurallog::actions
