#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "metrics/registry.h"

namespace neurallog::metrics {
namespace {

std::string ReadWhole(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number after "key" in a file of "key number" or "key: number" lines; 0 when the file or the
// key is missing, as /proc/self/io is where the kernel counts no I/O.
double NumberAfter(const char* path, std::string_view key) {
  const std::string text = "\n" + ReadWhole(path);
  const size_t at = text.find("\n" + std::string(key));
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + 1 + key.size(), nullptr);
}

// Field `index` of /proc/self/stat as proc(5) numbers them. The second one, the command's name, is
// in parentheses and may hold anything.
double StatField(int index) {
  const std::string text = ReadWhole("/proc/self/stat");
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= index; ++i) fields >> field;
  return std::strtod(field.c_str(), nullptr);
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Reading the folder needs a descriptor of its own, which is not counted.
double OpenFds() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error))
    ++count;
  return count > 0 ? count - 1 : 0;
}

double MaxFds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double StartTimeSeconds() {
  return NumberAfter("/proc/stat", "btime ") +
         StatField(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void AddProcessMetrics(Registry* registry) {
  const double page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  registry->AddCounterFn("process_cpu_seconds_total", "User and system CPU time in seconds.",
                         CpuSeconds);
  registry->AddGauge("process_resident_memory_bytes", "Resident memory size in bytes.",
                     [=] { return StatField(24) * page_bytes; });
  registry->AddGauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
                     [] { return StatField(23); });
  registry->AddGauge("process_open_fds", "Open file descriptors.", OpenFds);
  registry->AddGauge("process_max_fds", "Limit of open file descriptors.", MaxFds);
  registry->AddGauge("process_threads", "Threads of the process.", [] { return StatField(20); });
  registry->AddGauge("process_start_time_seconds",
                     "Start time of the process since the Unix epoch in seconds.",
                     [start = StartTimeSeconds()] { return start; });
  registry->AddCounterFn("process_major_page_faults_total",
                         "Page faults that had to read from storage.",
                         [] { return StatField(12); });
  registry->AddCounterFn("process_storage_read_bytes_total",
                         "Bytes that the process caused to be read from storage.",
                         [] { return NumberAfter("/proc/self/io", "read_bytes:"); });
  registry->AddCounterFn("process_storage_written_bytes_total",
                         "Bytes that the process caused to be written to storage.",
                         [] { return NumberAfter("/proc/self/io", "write_bytes:"); });
}

}  // namespace neurallog::metrics
