#include "wal/reader.h"

#include <algorithm>
#include <thread>

#include "base/bytes.h"
#include "base/thread.h"

namespace neurallog::wal {
namespace {

constexpr uint64_t kRangeGapMax = 256u << 10;
// One read of 64 MiB past the page cache takes twice as long as 64 of this size (storage_bench.py recovery).
constexpr size_t kReadBytes = 1u << 20;

// What is read in one go: a segment, or a stretch of it.
struct Piece {
  uint64_t segment;
  std::string path;
  uint64_t begin = 0;
  uint64_t end = UINT64_MAX;  // or the end of the file
};

Result<std::vector<Piece>> ListSegments(io::FileSystem* file_system, const std::string& directory) {
  std::vector<Piece> segments;
  NL_TRY(const std::vector<std::string> names, file_system->List(directory));
  for (const std::string& name : names) {
    uint64_t number;
    if (ParseSegmentName(name, &number)) segments.push_back({number, directory + "/" + name});
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.segment < b.segment; });
  return segments;
}

// The bytes of a piece. Reads past the page cache: a log that was written past it is not there, and copying would take as long as
// checking.
class PieceBuffer {
 public:
  Status Read(io::FileSystem* file_system, const Piece& piece) {
    NL_TRY(const auto file, file_system->Open(piece.path, io::OpenMode::kRead, /*direct=*/true));
    NL_TRY(const uint64_t size, file->Size());
    const uint64_t end = std::min(piece.end, size);
    const uint64_t begin = std::min(piece.begin, end), first_page = begin / kPageBytes * kPageBytes;
    const size_t wanted = AlignUp(end - first_page);
    Reserve(wanted);
    size_t read = 0;
    for (size_t got = kReadBytes; got == kReadBytes; read += got)
      NL_RETURN_IF_ERROR(file->ReadAt(first_page + read, memory_->data() + read,
                                      std::min(kReadBytes, wanted - read), &got));
    bytes_ = std::string_view(memory_->data(), std::min(read, end - first_page));
    bytes_.remove_prefix(std::min(bytes_.size(), begin - first_page));
    return {};
  }
  std::string_view bytes() const { return bytes_; }

 private:
  void Reserve(size_t bytes) {
    if (!memory_ || memory_->capacity() < bytes)
      memory_ = std::make_unique<io::AlignedBuffer>(std::max(bytes, kPageBytes));
  }

  std::unique_ptr<io::AlignedBuffer> memory_;
  std::string_view bytes_;
};

// Reads pieces one after the other, each while the one before is worked on.
class PieceQueue {
 public:
  PieceQueue(io::FileSystem* file_system, std::vector<Piece> pieces)
      : file_system_(file_system), pieces_(std::move(pieces)) {
    Begin();
  }
  ~PieceQueue() {
    if (reading_.joinable()) reading_.join();
  }

  bool done() const { return next_ == pieces_.size(); }
  // The bytes are valid until the next call.
  Status Next(const Piece** piece, std::string_view* bytes) {
    reading_.join();
    std::swap(current_, ahead_);
    *piece = &pieces_[next_++];
    const Status status = std::move(ahead_status_);
    Begin();
    NL_RETURN_IF_ERROR(status.Annotate((*piece)->path));
    *bytes = current_.bytes();
    return {};
  }

 private:
  void Begin() {
    if (done()) return;
    reading_ = base::StartThread("nl-wal-read", [this, piece = &pieces_[next_]] {
      ahead_status_ = ahead_.Read(file_system_, *piece);
    });
  }

  io::FileSystem* const file_system_;
  const std::vector<Piece> pieces_;
  size_t next_ = 0;
  PieceBuffer current_, ahead_;  // `ahead_` and its status are the thread's while it runs
  Status ahead_status_;
  std::thread reading_;
};

// The frame at the front of `bytes` if its checksum verifies.
bool ValidFrame(std::string_view bytes, uint32_t salt, Frame* frame) {
  if (bytes.size() < kFrameHeaderBytes) return false;
  const char* const at = bytes.data();
  uint32_t payload_bytes;
  if (!DecodeFrameHeader(at, &frame->info, &payload_bytes)) return false;
  if (payload_bytes > bytes.size() - kFrameHeaderBytes) return false;
  if (base::LoadLe<uint32_t>(at + 4) !=
      base::Crc32c(salt, at + 8, kFrameHeaderBytes - 8 + payload_bytes))
    return false;
  frame->payload = {at + kFrameHeaderBytes, payload_bytes};
  return true;
}

class Replayer {
 public:
  Replayer(const ReplayExpectation& expectation, const std::function<Status(const Frame&)>& visit)
      : expectation_(expectation), visit_(visit) {}

  ReplaySummary& summary() { return summary_; }

  Status ReadSegment(uint64_t number, std::string_view bytes) {
    summary_.last_segment = number;
    SegmentHeader header;
    if (!DecodeSegmentHeader(bytes.substr(0, std::min(bytes.size(), kSegmentHeaderBytes)),
                             &header) ||
        header.number != number) {
      // A segment gets its name when its header is durable, so a crash leaves no such file.
      summary_.damage.push_back(SegmentName(number) +
                                ": its header is damaged, so none of its frames can be read");
      summary_.headless_segments.push_back(number);
      return {};
    }
    const size_t begun = summary_.segments.size();
    bytes.remove_prefix(std::min(bytes.size(), kSegmentHeaderBytes));
    NL_RETURN_IF_ERROR(ReadFrames({.segment = number,
                                   .begin = kSegmentHeaderBytes,
                                   .end = kSegmentHeaderBytes + bytes.size(),
                                   .salt = header.salt},
                                  bytes));
    if (summary_.segments.size() == begun) summary_.empty_segments.push_back(number);
    return {};
  }

  // As if every frame before the range had just been visited.
  Status ReadRange(const FrameRange& range, std::string_view bytes) {
    summary_.last_lsn = range.first_lsn - 1;
    summary_.frames = 1;
    return ReadFrames(range, bytes);
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
  Status ReadFrames(const FrameRange& range, std::string_view bytes) {
    bad_page_seen_ = false;
    uint64_t offset = range.begin;
    const uint64_t end = range.begin + bytes.size();
    while (offset < end) {
      Frame frame;
      if (ValidFrame(bytes.substr(offset - range.begin), range.salt, &frame) &&
          frame.info.lsn > summary_.last_lsn) {
        frame.segment = range.segment;
        frame.offset = offset;
        frame.end_offset = offset + kFrameHeaderBytes + frame.payload.size();
        frame.salt = range.salt;
        NL_RETURN_IF_ERROR(Accept(frame));
        offset = frame.end_offset;
      } else if (offset % kPageBytes != 0) {
        offset = AlignUp(offset);  // the padding of a group
      } else {
        if (!bad_page_seen_) {
          bad_page_seen_ = true;
          bad_place_ = SegmentName(range.segment) + " offset " + std::to_string(offset);
        }
        offset += kPageBytes;
      }
    }
    return {};
  }

  // A valid frame behind a hole: the hole is damage if this frame knows that the missing ones were durable; otherwise both are leftovers
  // of one group that was never acknowledged, and the log ends at the hole.
  Status Accept(const Frame& frame) {
    const bool first = summary_.frames == 0;
    const Lsn expected = first ? expectation_.needed_from : summary_.last_lsn + 1;
    if (frame.info.lsn > expected) {
      if (frame.info.durable_lsn < expected) return {};
      summary_.damage.push_back(
          "frames " + std::to_string(expected) + " to " + std::to_string(frame.info.lsn - 1) +
          " are missing before " + SegmentName(frame.segment) + " offset " +
          std::to_string(frame.offset) + (bad_page_seen_ ? ", unreadable from " + bad_place_ : ""));
    }
    bad_page_seen_ = false;
    summary_.last_lsn = frame.info.lsn;
    summary_.bytes += kFrameHeaderBytes + frame.payload.size();
    ++summary_.frames;
    if (summary_.segments.empty() || summary_.segments.back().number != frame.segment)
      summary_.segments.push_back({frame.segment, frame.info.lsn});
    return visit_(frame);
  }

  const ReplayExpectation expectation_;
  const std::function<Status(const Frame&)>& visit_;
  ReplaySummary summary_;
  bool bad_page_seen_ = false;
  std::string bad_place_;
};

}  // namespace

void AddToRanges(const Frame& frame, std::vector<FrameRange>* ranges) {
  FrameRange* const last = ranges->empty() ? nullptr : &ranges->back();
  if (last != nullptr && last->segment == frame.segment &&
      frame.offset - last->end <= kRangeGapMax) {
    last->end = frame.end_offset;
  } else {
    ranges->push_back({frame.segment, frame.offset, frame.end_offset, frame.info.lsn, frame.salt});
  }
}

Result<ReplaySummary> Replay(io::FileSystem* file_system, const std::string& directory,
                             const ReplayExpectation& expectation,
                             const std::function<Status(const Frame&)>& visit) {
  NL_RETURN_IF_ERROR(file_system->CreateDirectories(directory));
  NL_TRY(std::vector<Piece> segments, ListSegments(file_system, directory));
  Replayer replayer(expectation, visit);
  for (PieceQueue queue(file_system, std::move(segments)); !queue.done();) {
    const Piece* piece;
    std::string_view bytes;
    NL_RETURN_IF_ERROR(queue.Next(&piece, &bytes));
    NL_RETURN_IF_ERROR(replayer.ReadSegment(piece->segment, bytes).Annotate(piece->path));
  }
  replayer.CheckEnd();
  return std::move(replayer.summary());
}

Status VisitAgain(io::FileSystem* file_system, const std::string& directory,
                  const std::vector<FrameRange>& ranges,
                  const std::function<Status(const Frame&)>& visit) {
  std::vector<Piece> pieces;
  for (const FrameRange& range : ranges)
    pieces.push_back(
        {range.segment, directory + "/" + SegmentName(range.segment), range.begin, range.end});
  Replayer replayer({}, visit);
  auto range = ranges.begin();
  for (PieceQueue queue(file_system, std::move(pieces)); !queue.done(); ++range) {
    const Piece* piece;
    std::string_view bytes;
    NL_RETURN_IF_ERROR(queue.Next(&piece, &bytes));
    NL_RETURN_IF_ERROR(replayer.ReadRange(*range, bytes).Annotate(piece->path));
  }
  return {};
}

}  // namespace neurallog::wal
