// A store on a file system that runs full, and then has room again. A tmpfs is mounted for it, which only root may do.
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "storage/store.h"
#include "support/memory_blocks.h"
#include "support/temp_dir.h"

namespace neurallog::storage {
namespace {

constexpr int64_t kTimeNs = 1'748'736'000'000'000'000;
constexpr size_t kDiskBytes = 16u << 20;

class SmallDisk {
 public:
  SmallDisk() {
    mounted_ = ::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0,
                       ("size=" + std::to_string(kDiskBytes)).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  std::string path() const { return dir_.path(); }
  // Something else takes so much of it, or nothing any more.
  void TakeAllBut(size_t bytes) {
    const size_t free = std::filesystem::space(path()).available;
    std::ofstream(path() + "/other") << std::string(free - bytes, 'x');
  }
  void GiveBack() { std::filesystem::remove(path() + "/other"); }

 private:
  testing::TempDir dir_;
  bool mounted_ = false;
};

// A block of one row of 200 KB that does not compress well.
Status WriteBlock(Store* store, uint64_t n) {
  std::mt19937_64 random(n);
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += static_cast<char>(' ' + random() % 95);
  const auto batch = testing::MakeBatch({{kTimeNs, {{"message", ValueType::kString, text}}}});
  auto rows = testing::RowsOf(*batch);
  TimeRange same;
  NL_TRY(const auto partition, store->PartitionFor(kTimeNs, tenant::RetentionClass{}, &same));
  Change change(partition, Keyspace(TenantId{1}, 0));
  change.PutBlock({{n + 1, 1}, 0}, block::BuildBlock(rows, {}));
  return store->Apply(&change);
}

}  // namespace

TEST_CASE("a flush waits until everything is durable, also after the disk was full", "[storage]") {
  SmallDisk disk;
  if (!disk.mounted()) {
    WARN("a tmpfs cannot be mounted here");
    return;
  }
  StoreOptions options;
  options.directory = disk.path() + "/store";
  options.memtable_bytes_total = 4u << 20;
  const auto store = Store::Open(options, &base::Clock::System()).value();
  uint64_t n = 0;
  REQUIRE(WriteBlock(store.get(), n++).ok());
  disk.TakeAllBut(1u << 20);
  Status status;
  while (status.ok() && n < 100) status = WriteBlock(store.get(), n++);
  REQUIRE(status.code() == Code::kUnavailable);
  REQUIRE(store->stopped());

  disk.GiveBack();
  REQUIRE(store->Resume().ok());
  REQUIRE_FALSE(store->stopped());
  for (int i = 0; i < 20; ++i) {
    REQUIRE(WriteBlock(store.get(), n++).ok());
    REQUIRE(store->Flush().ok());
    CHECK(store->IsDurable(store->Sequence()));
  }
}

}  // namespace neurallog::storage
