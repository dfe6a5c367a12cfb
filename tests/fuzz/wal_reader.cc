// The write-ahead log's reader over arbitrary bytes: as a whole segment file, and as the payload of a frame whose checksum is right.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "model/record_batch.h"
#include "wal/reader.h"

namespace neurallog::wal {
namespace {

class MemoryFile : public io::File {
 public:
  explicit MemoryFile(const std::string* bytes) : bytes_(bytes) {}
  Status WriteAt(uint64_t, const void*, size_t) override { return Internal("read only"); }
  Status ReadAt(uint64_t offset, void* to, size_t count, size_t* read) override {
    *read = offset < bytes_->size() ? std::min<size_t>(count, bytes_->size() - offset) : 0;
    if (*read > 0) std::memcpy(to, bytes_->data() + offset, *read);
    return {};
  }
  Status Sync() override { return {}; }
  Status Allocate(uint64_t) override { return {}; }
  Result<uint64_t> Size() override { return static_cast<uint64_t>(bytes_->size()); }

 private:
  const std::string* const bytes_;
};

// One segment, number 1.
class OneSegment : public io::FileSystem {
 public:
  explicit OneSegment(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::unique_ptr<io::File>> Open(const std::string&, io::OpenMode, bool) override {
    return std::unique_ptr<io::File>(std::make_unique<MemoryFile>(&bytes_));
  }
  Result<std::vector<std::string>> List(const std::string&) override {
    return std::vector<std::string>{SegmentName(1)};
  }
  Status CreateDirectories(const std::string&) override { return {}; }
  Status Rename(const std::string&, const std::string&) override { return Internal("read only"); }
  Status Remove(const std::string&) override { return Internal("read only"); }
  Status Link(const std::string&, const std::string&) override { return Internal("read only"); }
  Status SyncDirectory(const std::string&) override { return {}; }

 private:
  const std::string bytes_;
};

uint64_t WalkRows(const model::RecordBatch& batch) {
  uint64_t bytes = 0;
  const char* at = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    model::RowReader row(at);
    for (model::Field field; row.Next(&field);) {
      NL_CHECK(field.name_id < batch.names().size());
      bytes += field.value.size();
    }
    at = row.next_row();
  }
  return bytes;
}

// Replays the segment and returns how many frames it held.
uint64_t Read(std::string segment) {
  OneSegment files(std::move(segment));
  uint64_t frames = 0, last_lsn = 0;
  const auto summary = Replay(&files, "wal", {}, [&](const Frame& frame) {
    NL_CHECK(frame.info.lsn > last_lsn);
    last_lsn = frame.info.lsn;
    ++frames;
    const auto batch = model::RecordBatch::Decode(frame.payload);
    if (batch.ok()) NL_CHECK(WalkRows(**batch) <= frame.payload.size());
    return Status();
  });
  NL_CHECK(summary.ok() && summary->frames == frames);
  return frames;
}

std::string SegmentWithPayload(std::string_view payload) {
  std::string segment(kSegmentHeaderBytes, '\0');
  EncodeSegmentHeader({1, 12345}, segment.data());
  char head[kFrameHeaderBytes];
  FrameInfo info;
  info.lsn = 1;
  EncodeFrameHeader(info, static_cast<uint32_t>(payload.size()), head);
  const uint32_t crc =
      base::Crc32c(base::Crc32c(12345, head + 8, sizeof(head) - 8), payload.data(), payload.size());
  base::StoreLe<uint32_t>(head + 4, crc);
  return segment.append(head, sizeof(head)).append(payload);
}

}  // namespace
}  // namespace neurallog::wal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace neurallog;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  wal::Read(std::string(bytes));
  NL_CHECK(wal::Read(wal::SegmentWithPayload(bytes)) == 1);
  return 0;
}
