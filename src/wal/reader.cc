#include "wal/reader.h"

#include <algorithm>
#include <thread>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/thread.h"

namespace neurallog::wal {
namespace {

struct SegmentFile {
  uint64_t number;
  std::string path;
};

Result<std::vector<SegmentFile>> ListSegments(io::FileSystem* file_system,
                                              const std::string& directory) {
  std::vector<SegmentFile> segments;
  NL_TRY(const std::vector<std::string> names, file_system->List(directory));
  for (const std::string& name : names) {
    uint64_t number;
    if (ParseSegmentName(name, &number)) segments.push_back({number, directory + "/" + name});
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return segments;
}

Status ReadWhole(io::FileSystem* file_system, const std::string& path, base::Buffer* bytes) {
  bytes->Clear();
  NL_TRY(std::unique_ptr<io::File> file,
         file_system->Open(path, io::OpenMode::kRead, /*direct=*/false));
  NL_TRY(const uint64_t size, file->Size());
  size_t read;
  NL_RETURN_IF_ERROR(file->ReadAt(0, bytes->Prepare(size), size, &read));
  bytes->Commit(read);
  return {};
}

// Reads segments one after the other, each while the one before is worked on.
class SegmentQueue {
 public:
  SegmentQueue(io::FileSystem* file_system, std::vector<SegmentFile> segments)
      : file_system_(file_system), segments_(std::move(segments)) {
    Begin();
  }
  ~SegmentQueue() {
    if (reading_.joinable()) reading_.join();
  }

  bool done() const { return next_ == segments_.size(); }
  // The bytes are valid until the next call.
  Status Next(const SegmentFile** segment, std::string_view* bytes) {
    reading_.join();
    std::swap(current_, ahead_);
    *segment = &segments_[next_++];
    const Status status = std::move(ahead_status_);
    Begin();
    NL_RETURN_IF_ERROR(status.Annotate((*segment)->path));
    *bytes = current_.view();
    return {};
  }

 private:
  void Begin() {
    if (done()) return;
    reading_ = base::StartThread("nl-wal-read", [this, path = segments_[next_].path] {
      ahead_status_ = ReadWhole(file_system_, path, &ahead_);
    });
  }

  io::FileSystem* const file_system_;
  const std::vector<SegmentFile> segments_;
  size_t next_ = 0;
  base::Buffer current_, ahead_;  // `ahead_` and its status are the thread's while it runs
  Status ahead_status_;
  std::thread reading_;
};

// The frame at `offset` if its checksum verifies.
bool ValidFrame(std::string_view segment, uint64_t offset, uint32_t salt, Frame* frame) {
  if (offset + kFrameHeaderBytes > segment.size()) return false;
  const char* at = segment.data() + offset;
  uint32_t payload_bytes;
  if (!DecodeFrameHeader(at, &frame->info, &payload_bytes)) return false;
  if (payload_bytes > segment.size() - offset - kFrameHeaderBytes) return false;
  if (base::LoadLe<uint32_t>(at + 4) !=
      base::Crc32c(salt, at + 8, kFrameHeaderBytes - 8 + payload_bytes))
    return false;
  frame->payload = {at + kFrameHeaderBytes, payload_bytes};
  frame->end_offset = offset + kFrameHeaderBytes + payload_bytes;
  return true;
}

class Replayer {
 public:
  Replayer(const ReplayExpectation& expectation, const std::function<Status(const Frame&)>& visit)
      : expectation_(expectation), visit_(visit) {}

  ReplaySummary& summary() { return summary_; }
  // Goes on as if every frame before `first_lsn` had just been visited.
  void StandBefore(Lsn first_lsn) {
    summary_.last_lsn = first_lsn - 1;
    summary_.frames = 1;
  }

  Status ReadSegment(const SegmentFile& file, std::string_view bytes) {
    SegmentHeader header;
    if (!DecodeSegmentHeader(bytes.substr(0, std::min(bytes.size(), kSegmentHeaderBytes)),
                             &header) ||
        header.number != file.number) {
      // A segment gets its name when its header is durable, so a crash leaves no such file.
      summary_.damage.push_back(SegmentName(file.number) +
                                ": its header is damaged, so none of its frames can be read");
      summary_.headless_segments.push_back(file.number);
      return {};
    }
    bool begun = false;
    bad_page_seen_ = false;
    uint64_t offset = kSegmentHeaderBytes;
    while (offset < bytes.size()) {
      Frame frame;
      if (ValidFrame(bytes, offset, header.salt, &frame) && frame.info.lsn > summary_.last_lsn) {
        frame.segment = file.number;
        NL_TRY(const bool accepted, Accept(file, offset, frame));
        if (accepted && !begun) {
          summary_.segments.push_back({file.number, frame.info.lsn});
          begun = true;
        }
        offset += kFrameHeaderBytes + frame.payload.size();
      } else if (offset % kPageBytes != 0) {
        offset = AlignUp(offset);  // the padding of a group
      } else {
        if (!bad_page_seen_) {
          bad_page_seen_ = true;
          bad_place_ = SegmentName(file.number) + " offset " + std::to_string(offset);
        }
        offset += kPageBytes;
      }
    }
    if (!begun) summary_.empty_segments.push_back(file.number);
    return {};
  }

  // After the last segment: frames that were durable and are not there.
  void CheckEnd() {
    const Lsn next = summary_.frames == 0 ? expectation_.needed_from : summary_.last_lsn + 1;
    if (next <= expectation_.durable_lsn)
      summary_.damage.push_back("frames " + std::to_string(next) + " to " +
                                std::to_string(expectation_.durable_lsn) +
                                " are missing at the end");
  }

 private:
  // A valid frame behind a hole: the hole is damage if this frame knows that the missing ones were durable; otherwise both are leftovers
  // of one group that was never acknowledged, and the log ends at the hole.
  Result<bool> Accept(const SegmentFile& file, uint64_t offset, const Frame& frame) {
    const bool first = summary_.frames == 0;
    const Lsn expected = first ? expectation_.needed_from : summary_.last_lsn + 1;
    if (frame.info.lsn > expected) {
      if (frame.info.durable_lsn < expected) return false;
      summary_.damage.push_back("frames " + std::to_string(expected) + " to " +
                                std::to_string(frame.info.lsn - 1) + " are missing before " +
                                SegmentName(file.number) + " offset " + std::to_string(offset) +
                                (bad_page_seen_ ? ", unreadable from " + bad_place_ : ""));
    }
    bad_page_seen_ = false;
    summary_.last_lsn = frame.info.lsn;
    summary_.bytes += kFrameHeaderBytes + frame.payload.size();
    ++summary_.frames;
    NL_RETURN_IF_ERROR(visit_(frame));
    return true;
  }

  const ReplayExpectation expectation_;
  const std::function<Status(const Frame&)>& visit_;
  ReplaySummary summary_;
  bool bad_page_seen_ = false;
  std::string bad_place_;
};

}  // namespace

Result<ReplaySummary> Replay(io::FileSystem* file_system, const std::string& directory,
                             const ReplayExpectation& expectation,
                             const std::function<Status(const Frame&)>& visit) {
  NL_RETURN_IF_ERROR(file_system->CreateDirectories(directory));
  NL_TRY(std::vector<SegmentFile> segments, ListSegments(file_system, directory));
  Replayer replayer(expectation, visit);
  for (SegmentQueue queue(file_system, std::move(segments)); !queue.done();) {
    const SegmentFile* segment;
    std::string_view bytes;
    NL_RETURN_IF_ERROR(queue.Next(&segment, &bytes));
    NL_RETURN_IF_ERROR(replayer.ReadSegment(*segment, bytes).Annotate(segment->path));
    replayer.summary().last_segment = segment->number;
  }
  replayer.CheckEnd();
  return std::move(replayer.summary());
}

Status VisitAgain(io::FileSystem* file_system, const std::string& directory,
                  const ReplaySummary& seen, const std::function<bool(uint64_t segment)>& wanted,
                  const std::function<Status(const Frame&)>& visit) {
  std::vector<SegmentFile> segments;
  std::vector<Lsn> first_lsns;
  for (const Writer::LiveSegment& segment : seen.segments) {
    if (!wanted(segment.number)) continue;
    segments.push_back({segment.number, directory + "/" + SegmentName(segment.number)});
    first_lsns.push_back(segment.first_lsn);
  }
  Replayer replayer({}, visit);
  size_t i = 0;
  for (SegmentQueue queue(file_system, std::move(segments)); !queue.done(); ++i) {
    const SegmentFile* segment;
    std::string_view bytes;
    NL_RETURN_IF_ERROR(queue.Next(&segment, &bytes));
    replayer.StandBefore(first_lsns[i]);
    NL_RETURN_IF_ERROR(replayer.ReadSegment(*segment, bytes).Annotate(segment->path));
  }
  return {};
}

}  // namespace neurallog::wal
