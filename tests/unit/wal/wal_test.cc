#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "io/faulty_file_system.h"
#include "support/batch.h"
#include "support/temp_dir.h"
#include "wal/reader.h"
#include "wal/writer.h"

namespace neurallog::wal {
namespace {

using io::FaultyFileSystem;
using testing::MakeBatch;

constexpr uint64_t kSegmentBytes = 64 * 1024;

// A log in a folder of its own: Append, Reopen, Read, and ways to hurt it.
class WalFixture {
 public:
  WalFixture() { Reopen(); }

  void Reopen() {
    writer_.reset();
    auto summary = Read();
    WriterOptions options;
    options.directory = directory();
    options.segment_bytes = kSegmentBytes;
    options.staging_bytes = 16 * 1024;
    options.recycle_segments_max = 1;
    auto writer = Writer::Open(&files_, options, summary.last_lsn, summary.segments,
                               summary.empty_segments, summary.last_segment);
    REQUIRE(writer.ok());
    writer_ = std::move(writer).value();
  }
  void Close() { writer_.reset(); }

  void Add(int rows) {
    FrameInfo info;
    info.tenant = static_cast<TenantId>(7);
    info.rows = static_cast<uint32_t>(rows);
    last_lsn_ = writer_->Add(info, *MakeBatch(next_seq_, rows));
    next_seq_ += rows;
  }
  Status Append(int rows) {
    Add(rows);
    return writer_->Sync();
  }

  ReplaySummary Read() {
    seqs_.clear();
    auto summary = Replay(&files_, directory(), {}, [this](const Frame& frame) -> Status {
      NL_TRY(const auto batch, model::RecordBatch::Decode(frame.payload));
      for (const int64_t seq : testing::SeqsOf(*batch)) seqs_.push_back(seq);
      return {};
    });
    REQUIRE(summary.ok());
    return std::move(summary).value();
  }
  // Sequence numbers 0 .. count-1 came back, in order, once each.
  void ExpectRows(int64_t count) {
    REQUIRE(seqs_.size() == static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) REQUIRE(seqs_[static_cast<size_t>(i)] == i);
  }

  std::vector<std::string> SegmentFiles() {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(directory())) {
      uint64_t number;
      if (ParseSegmentName(entry.path().filename().string(), &number))
        paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void WriteFile(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string directory() const { return dir_.path() + "/wal"; }
  Writer& writer() { return *writer_; }
  FaultyFileSystem& files() { return files_; }
  int64_t next_seq() const { return next_seq_; }

 private:
  testing::TempDir dir_;
  FaultyFileSystem files_{&io::FileSystem::Posix()};
  std::unique_ptr<Writer> writer_;
  std::vector<int64_t> seqs_;
  int64_t next_seq_ = 0;
  Lsn last_lsn_ = 0;
};

TEST_CASE("an empty log replays to nothing") {
  WalFixture log;
  const ReplaySummary summary = log.Read();
  CHECK(summary.frames == 0);
  CHECK(summary.last_lsn == 0);
  CHECK(summary.damage.empty());
}

TEST_CASE("frames of every size come back in order over many segments and restarts") {
  WalFixture log;
  std::mt19937 random(42);
  int64_t rows = 0;
  for (int round = 0; round < 5; ++round) {
    for (int group = 0; group < 20; ++group) {
      for (int frame = 0, frames = 1 + static_cast<int>(random() % 4); frame < frames; ++frame) {
        const int count = static_cast<int>(random() % 300);
        log.Add(count);
        rows += count;
      }
      REQUIRE(log.writer().Sync().ok());
    }
    log.Reopen();
    log.Read();
    log.ExpectRows(rows);
  }
  CHECK(log.SegmentFiles().size() > 5);
  CHECK(log.Read().damage.empty());
}

TEST_CASE("frames of some ranges are visited again, and few others are read") {
  WalFixture log;
  for (int frame = 0; frame < 3000; ++frame) REQUIRE(log.Append(1 + frame % 7 * 40).ok());
  const int every = GENERATE(1, 2, 60, 100'000);
  std::vector<FrameRange> ranges;
  std::vector<std::pair<Lsn, std::string>> wanted, again;
  const auto is_wanted = [every](Lsn lsn) { return static_cast<int>(lsn) % every == 1 % every; };
  const auto replayed = Replay(&log.files(), log.directory(), {}, [&](const Frame& frame) {
    if (!is_wanted(frame.info.lsn)) return Status();
    AddToRanges(frame, &ranges);
    wanted.emplace_back(frame.info.lsn, frame.payload);
    return Status();
  });
  REQUIRE(replayed.ok());
  REQUIRE(replayed->frames == 3000);
  uint64_t visits = 0;
  const Status status = VisitAgain(&log.files(), log.directory(), ranges, [&](const Frame& frame) {
    ++visits;
    if (is_wanted(frame.info.lsn)) again.emplace_back(frame.info.lsn, frame.payload);
    return Status();
  });
  REQUIRE(status.ok());
  CHECK(again == wanted);
  if (every > 3000) CHECK(visits == 1);
}

TEST_CASE("a group larger than a segment and than the staging buffer is one durable group") {
  WalFixture log;
  REQUIRE(log.Append(10).ok());
  REQUIRE(log.Append(20'000).ok());
  REQUIRE(log.Append(10).ok());
  log.Reopen();
  log.Read();
  log.ExpectRows(20'020);
}

TEST_CASE("a torn last group ends replay without an error, cut at every page") {
  WalFixture log;
  REQUIRE(log.Append(100).ok());
  REQUIRE(log.Append(50).ok());
  const std::string path = log.SegmentFiles().back();
  log.Add(400);
  REQUIRE(log.writer().Sync().ok());
  log.Close();
  const std::string whole = log.ReadFile(path);
  // Cut inside of the third group, which was never acknowledged in this story.
  uint64_t third = 0, end = 0;
  for (uint64_t offset = kSegmentHeaderBytes; offset < whole.size(); offset += kPageBytes) {
    FrameInfo info;
    uint32_t bytes;
    if (!DecodeFrameHeader(whole.data() + offset, &info, &bytes) || info.lsn != 3) continue;
    third = offset;
    end = offset + kFrameHeaderBytes + bytes;
  }
  REQUIRE(end > third + 2 * kPageBytes);
  for (uint64_t cut = third; cut < end; cut += 512) {
    std::string torn = whole;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), '\0');
    log.WriteFile(path, torn);
    const ReplaySummary summary = log.Read();
    CHECK(summary.damage.empty());
    CHECK(summary.last_lsn == 2);
    log.ExpectRows(150);
  }
}

TEST_CASE("writing goes on behind a torn tail, and the next replay has both sides") {
  WalFixture log;
  REQUIRE(log.Append(100).ok());
  const std::string path = log.SegmentFiles().back();
  log.Close();
  std::string bytes = log.ReadFile(path);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(AlignUp(kSegmentHeaderBytes + 100 * 40)) +
                  4 * 4096,
              600, 'x');
  log.WriteFile(path, bytes);
  log.Reopen();
  REQUIRE(log.Append(30).ok());
  log.Reopen();
  CHECK(log.Read().damage.empty());
  log.ExpectRows(130);
}

TEST_CASE("a flipped byte in an acknowledged frame is reported as damage and the rest is read") {
  WalFixture log;
  for (int i = 0; i < 3; ++i) REQUIRE(log.Append(100).ok());
  const std::string path = log.SegmentFiles().back();
  log.Close();
  const std::string whole = log.ReadFile(path);
  for (const uint64_t offset :
       {kSegmentHeaderBytes + 2, kSegmentHeaderBytes + 40, kSegmentHeaderBytes + 1000}) {
    std::string flipped = whole;
    flipped[offset] = static_cast<char>(flipped[offset] ^ 0x10);
    log.WriteFile(path, flipped);
    const auto summary =
        Replay(&log.files(), log.directory(), {}, [](const Frame&) { return Status(); });
    REQUIRE(summary.ok());
    CHECK(summary->frames == 2);
    CHECK(summary->damage.size() == 1);
  }
  std::string flipped = whole;
  uint64_t second = 0;
  for (uint64_t offset = kSegmentHeaderBytes; offset < whole.size(); offset += kPageBytes) {
    FrameInfo info;
    uint32_t bytes;
    if (DecodeFrameHeader(whole.data() + offset, &info, &bytes) && info.lsn == 2) second = offset;
  }
  flipped[second + 200] = static_cast<char>(flipped[second + 200] ^ 1);
  log.WriteFile(path, flipped);
  const auto summary =
      Replay(&log.files(), log.directory(), {}, [](const Frame&) { return Status(); });
  REQUIRE(summary.ok());
  REQUIRE(summary->damage.size() == 1);
  CHECK(summary->damage[0].find("frames 2 to 2 are missing") != std::string::npos);
  CHECK(summary->last_lsn == 3);
}

TEST_CASE("a segment that is missing in the middle is damage") {
  WalFixture log;
  while (log.SegmentFiles().size() < 4) REQUIRE(log.Append(200).ok());
  log.Close();
  std::filesystem::remove(log.SegmentFiles()[1]);
  const ReplaySummary summary = [&] {
    auto result = Replay(&log.files(), log.directory(), {}, [](const Frame&) { return Status(); });
    REQUIRE(result.ok());
    return std::move(result).value();
  }();
  CHECK(summary.damage.size() == 1);
}

TEST_CASE("a full disk fails the group, loses nothing, and writing goes on when there is room") {
  WalFixture log;
  REQUIRE(log.Append(100).ok());
  log.files().set_write_fault(FaultyFileSystem::WriteFault::kNoSpace);
  log.Add(50);
  CHECK(log.writer().Sync().code() == Code::kUnavailable);
  log.files().set_write_fault(FaultyFileSystem::WriteFault::kNone);
  log.Add(0);
  REQUIRE(log.writer().Sync().ok());
  CHECK(log.writer().durable_lsn() == 2);
  log.Reopen();
  log.Read();
  log.ExpectRows(100);
}

TEST_CASE("a write error or a failed sync breaks the writer for good") {
  WalFixture log;
  REQUIRE(log.Append(100).ok());
  SECTION("short write") { log.files().set_write_fault(FaultyFileSystem::WriteFault::kShortWrite); }
  SECTION("I/O error") { log.files().set_write_fault(FaultyFileSystem::WriteFault::kIoError); }
  SECTION("sync") { log.files().set_sync_fails(true); }
  CHECK(log.Append(50).code() == Code::kIoError);
  log.files().set_write_fault(FaultyFileSystem::WriteFault::kNone);
  log.files().set_sync_fails(false);
  CHECK(log.Append(50).code() == Code::kIoError);
  CHECK(log.writer().durable_lsn() == 1);
  log.Reopen();
  const ReplaySummary summary = log.Read();
  CHECK(summary.damage.empty());
}

TEST_CASE("released segments are recycled and their old frames never come back") {
  WalFixture log;
  while (log.SegmentFiles().size() < 4) REQUIRE(log.Append(200).ok());
  const Lsn durable = log.writer().durable_lsn();
  log.writer().Release(durable + 1);
  CHECK(log.SegmentFiles().size() <= 2);
  const int64_t before = log.next_seq();
  for (int i = 0; i < 3; ++i) REQUIRE(log.Append(10).ok());
  while (log.SegmentFiles().size() < 4) REQUIRE(log.Append(200).ok());
  log.Reopen();
  std::vector<int64_t> seqs;
  const auto summary = Replay(&log.files(), log.directory(), {.needed_from = durable + 1},
                              [&](const Frame& frame) -> Status {
                                NL_TRY(const auto batch, model::RecordBatch::Decode(frame.payload));
                                for (const int64_t seq : testing::SeqsOf(*batch))
                                  seqs.push_back(seq);
                                return {};
                              });
  REQUIRE(summary.ok());
  CHECK(summary->damage.empty());
  REQUIRE_FALSE(seqs.empty());
  CHECK(seqs.front() <= before);
  CHECK(seqs.back() == log.next_seq() - 1);
  for (size_t i = 1; i < seqs.size(); ++i) REQUIRE(seqs[i] == seqs[i - 1] + 1);
}

}  // namespace
}  // namespace neurallog::wal
