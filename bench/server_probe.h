// What a server process has used so far, from /proc and its data folder. Needs the same user, or
// root.
#pragma once

#include <cstdint>
#include <string>

namespace neurallog::bench {

struct ServerUsage {
  double cpu_s = 0;  // of all threads, in nanosecond resolution (schedstat); a thread that ends
                     // takes its share along
  uint64_t rss_bytes = 0;
  uint64_t rss_peak_bytes = 0;  // since the process started
  uint64_t written_bytes = 0;   // sent to the storage layer
  uint64_t disk_bytes = 0;      // allocated under data_dir
};

// `pid` 0 leaves the process's figures zero, an empty `data_dir` the disk's.
ServerUsage ReadServerUsage(int pid, const std::string& data_dir);

}  // namespace neurallog::bench
