#include "server_probe.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace neurallog::bench {
namespace {

namespace fs = std::filesystem;

// The number after "key:" in a /proc file of such lines.
uint64_t NumberAfter(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + ":"))
      return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10);
  return 0;
}

double CpuSeconds(const std::string& proc) {
  uint64_t total_ns = 0;
  std::error_code error;
  for (fs::directory_iterator it(proc + "/task", error), end; !error && it != end;
       it.increment(error)) {
    std::ifstream file(it->path() / "schedstat");
    uint64_t run_ns = 0;
    if (file >> run_ns) total_ns += run_ns;
  }
  return static_cast<double>(total_ns) * 1e-9;
}

// Files may go away while they are counted: a server deletes segments and compacted files at any
// time.
uint64_t AllocatedBytes(const std::string& folder) {
  uint64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    struct stat info {};
    if (lstat(it->path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
      total += static_cast<uint64_t>(info.st_blocks) * 512;
  }
  return total;
}

}  // namespace

ServerUsage ReadServerUsage(int pid, const std::string& data_dir) {
  ServerUsage usage;
  if (pid > 0) {
    const std::string proc = fmt::format("/proc/{}", pid);
    usage.cpu_s = CpuSeconds(proc);
    usage.rss_bytes = NumberAfter(proc + "/status", "VmRSS") * 1024;
    usage.rss_peak_bytes = NumberAfter(proc + "/status", "VmHWM") * 1024;
    usage.written_bytes = NumberAfter(proc + "/io", "write_bytes");
  }
  if (!data_dir.empty()) usage.disk_bytes = AllocatedBytes(data_dir);
  return usage;
}

}  // namespace neurallog::bench
