#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "support/batch.h"
#include "support/temp_dir.h"
#include "wal/reader.h"
#include "wal/writer.h"

namespace neurallog::wal {
namespace {

constexpr uint64_t kSegmentBytes = 64 * 1024;

class Log {
 public:
  Log() {
    WriterOptions options;
    options.directory = directory.path() + "/wal";
    options.segment_bytes = kSegmentBytes;
    options.staging_bytes = 16 * 1024;
    options.recycle_segments_max = 4;
    auto opened = Writer::Open(&io::FileSystem::Posix(), options, 0, {}, {}, 0);
    REQUIRE(opened.ok());
    writer = std::move(opened).value();
    std::filesystem::create_directories(links());
  }
  // Groups of one frame, a page or so each.
  void Append(int groups) {
    for (int i = 0; i < groups; ++i) {
      FrameInfo info;
      info.tenant = static_cast<TenantId>(7);
      info.rows = 10;
      writer->Add(info, *testing::MakeBatch(rows, 10));
      rows += 10;
      REQUIRE(writer->Sync().ok());
    }
  }
  std::string links() const { return directory.path() + "/links"; }
  std::map<std::string, std::string> Contents(const std::string& folder) const {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      contents[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return contents;
  }

  testing::TempDir directory;
  std::unique_ptr<Writer> writer;
  int64_t rows = 0;
};

TEST_CASE("nothing is released while the log is pinned") {
  Log log;
  log.Append(60);
  const Lsn oldest = log.writer->oldest_lsn();
  log.writer->Pin();
  log.writer->Release(log.writer->durable_lsn());
  CHECK(log.writer->oldest_lsn() == oldest);
  log.writer->Unpin();
  log.writer->Release(log.writer->durable_lsn());
  CHECK(log.writer->oldest_lsn() > oldest);
}

TEST_CASE("a linked segment keeps its bytes when it is released and writing goes on") {
  Log log;
  log.Append(60);
  const Lsn durable = log.writer->durable_lsn();
  auto linked = log.writer->LinkSegments(log.links());
  REQUIRE(linked.ok());
  REQUIRE(linked->size() > 2);
  std::map<std::string, std::string> before = log.Contents(log.links());
  for (int round = 0; round < 5; ++round) {
    log.Append(60);
    log.writer->Release(log.writer->durable_lsn());
  }
  std::map<std::string, std::string> after = log.Contents(log.links());
  const std::string last = SegmentName(linked->back().number);  // it was still being written
  CHECK(before.erase(last) == 1);
  CHECK(after.erase(last) == 1);
  CHECK(before == after);

  Lsn lsn = linked->front().first_lsn - 1;
  const auto replayed = Replay(&io::FileSystem::Posix(), log.links(), {lsn + 1, durable},
                               [&](const Frame& frame) -> Status {
                                 CHECK(frame.info.lsn == ++lsn);
                                 CHECK(frame.segment >= linked->front().number);
                                 CHECK(frame.end_offset > kSegmentHeaderBytes);
                                 return {};
                               });
  REQUIRE(replayed.ok());
  CHECK(replayed->damage.empty());
  CHECK(lsn >= durable);
}

TEST_CASE("segments that were never linked are used again") {
  Log log;
  log.Append(60);
  log.writer->Release(log.writer->durable_lsn());
  bool is_kept = false;
  for (const auto& [name, bytes] : log.Contents(log.directory.path() + "/wal"))
    is_kept = is_kept || IsRecycledName(name);
  CHECK(is_kept);
}

}  // namespace
}  // namespace neurallog::wal
