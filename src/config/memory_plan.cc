#include "config/memory_plan.h"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace neurallog::config {
namespace {

constexpr uint64_t kDefaultLimit = 1 * kGiB;
// v1 says "no limit" with a number near 2^63.
constexpr uint64_t kNoLimitFrom = 1ull << 60;

struct Share {
  uint64_t& (*at)(Config&);
  uint64_t percent;
};

// Row buffers get most: what does not fit there is sealed into smaller blocks. The others were chosen by judgement. docs/operations.md
constexpr Share kShares[] = {
    {[](Config& c) -> uint64_t& { return c.storage.row_buffer_bytes_max; }, 20},
    {[](Config& c) -> uint64_t& { return c.storage.memtable_bytes_total; }, 8},
    {[](Config& c) -> uint64_t& { return c.storage.block_cache_bytes; }, 5},
    {[](Config& c) -> uint64_t& { return c.storage.directory_bytes_max; }, 8},
    {[](Config& c) -> uint64_t& { return c.storage.index_cache_bytes; }, 3},
    {[](Config& c) -> uint64_t& { return c.storage.column_cache_bytes; }, 8},
    {[](Config& c) -> uint64_t& { return c.query.partials_bytes_max; }, 2},
    {[](Config& c) -> uint64_t& { return c.rules.queue_bytes_max; }, 4},
    {[](Config& c) -> uint64_t& { return c.rules.state_bytes_max; }, 3},
    {[](Config& c) -> uint64_t& { return c.rules.compiled_bytes_max; },
     25},  // not kept for them: caches give way
    {[](Config& c) -> uint64_t& { return c.storage.rewrite_bytes_max; }, 4},
    {[](Config& c) -> uint64_t& { return c.http.body_bytes_total_max; }, 6},
    {[](Config& c) -> uint64_t& { return c.ingest.bytes_in_flight_max; }, 5},
    {[](Config& c) -> uint64_t& { return c.query.memory_bytes_total_max; }, 15},
    {[](Config& c) -> uint64_t& { return c.query.memory_bytes_max; },
     15},  // one query may take it all
};

std::string FirstLine(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

uint64_t ReadLimit(const std::string& path) {
  const std::string text = FirstLine(path);
  uint64_t limit = 0;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit >= kNoLimitFrom ? 0 : limit;
}

uint64_t Least(uint64_t a, uint64_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

// The limit of a group is the least of its own and those of the groups that it lies in.
uint64_t LeastLimit(const std::string& mount, std::string group, const std::string& file) {
  uint64_t limit = 0;
  for (;;) {
    limit = Least(limit, ReadLimit(mount + group + "/" + file));
    if (group.empty() || group == "/") return limit;
    group.resize(group.rfind('/'));
  }
}

}  // namespace

uint64_t CgroupMemoryLimit(const std::string& root) {
  uint64_t limit = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty())
      limit = Least(limit, LeastLimit(root + "/sys/fs/cgroup", group, "memory.max"));
    if (("," + controllers + ",").find(",memory,") != std::string::npos)
      limit =
          Least(limit, LeastLimit(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
  }
  return limit;
}

uint64_t ChooseMemoryLimit(uint64_t configured, uint64_t cgroup_limit) {
  if (configured != 0) return configured;
  return Least(kDefaultLimit, cgroup_limit / 2);
}

Config DivideMemory(Config config, uint64_t limit) {
  config.memory_limit = limit;
  for (const Share& share : kShares) {
    uint64_t& bytes = share.at(config);
    if (bytes == 0) bytes = std::max<uint64_t>(limit / 100 * share.percent, 4 * kMiB);
  }
  return config;
}

}  // namespace neurallog::config
