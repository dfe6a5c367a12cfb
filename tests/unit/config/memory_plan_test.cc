#include "config/memory_plan.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "support/temp_dir.h"

namespace neurallog::config {
namespace {

void WriteFile(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text << "\n";
}

TEST_CASE("the pools take less than the limit together, whatever it is") {
  for (const uint64_t limit : {128 * kMiB, 512 * kMiB, kGiB, 24 * kGiB}) {
    const Config c = DivideMemory({}, limit);
    const uint64_t sum = c.storage.row_buffer_bytes_max + c.storage.memtable_bytes_total +
                         c.storage.block_cache_bytes + c.storage.directory_bytes_max +
                         c.storage.index_cache_bytes + c.storage.column_cache_bytes +
                         c.storage.rewrite_bytes_max + c.rules.queue_bytes_max +
                         c.rules.state_bytes_max +
                         c.http.body_bytes_total_max + c.ingest.bytes_in_flight_max +
                         c.query.memory_bytes_total_max + c.query.partials_bytes_max;
    CHECK(sum < limit / 100 * 93);  // batches before the rules are mostly in row buffers too
    CHECK(sum > limit / 100 * 80);
    CHECK(c.memory_limit == limit);
    CHECK(c.query.memory_bytes_max <= c.query.memory_bytes_total_max);
  }
}

TEST_CASE("a pool that is set keeps its size") {
  Config config;
  config.storage.row_buffer_bytes_max = 7 * kMiB;
  CHECK(DivideMemory(config, kGiB).storage.row_buffer_bytes_max == 7 * kMiB);
}

TEST_CASE("without a configured limit it is 1 GiB, or half of what the control group may take") {
  CHECK(ChooseMemoryLimit(0, 0) == kGiB);
  CHECK(ChooseMemoryLimit(0, 16 * kGiB) == kGiB);
  CHECK(ChooseMemoryLimit(0, 512 * kMiB) == 256 * kMiB);
  CHECK(ChooseMemoryLimit(300 * kMiB, 512 * kMiB) == 300 * kMiB);
}

TEST_CASE("the control group's limit is the least on the way to the root, in version 2 and 1") {
  testing::TempDir root;
  CHECK(CgroupMemoryLimit(root.path()) == 0);
  WriteFile(root.path() + "/proc/self/cgroup", "0::/system.slice/neurallog.service");
  CHECK(CgroupMemoryLimit(root.path()) == 0);
  const std::string v2 = root.path() + "/sys/fs/cgroup";
  WriteFile(v2 + "/system.slice/neurallog.service/memory.max", "max");
  WriteFile(v2 + "/system.slice/memory.max", "1073741824");
  CHECK(CgroupMemoryLimit(root.path()) == 1073741824);
  WriteFile(v2 + "/system.slice/neurallog.service/memory.max", "536870912");
  CHECK(CgroupMemoryLimit(root.path()) == 536870912);

  WriteFile(root.path() + "/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x");
  WriteFile(v2 + "/memory/x/memory.limit_in_bytes", "9223372036854771712");
  CHECK(CgroupMemoryLimit(root.path()) == 0);
  WriteFile(v2 + "/memory/x/memory.limit_in_bytes", "268435456");
  CHECK(CgroupMemoryLimit(root.path()) == 268435456);
}

}  // namespace
}  // namespace neurallog::config
