// Appends frames to the write-ahead log in groups, each made durable by one fdatasync.
//
//   Lsn lsn = writer->Add(info, *batch);      // any number of times
//   Status durable = writer->Sync();          // OK: every frame that was added is on the disk
//
// After a failed Sync none of the group's frames is part of the log. When the reason is a full disk (Unavailable) the next group may be
// tried; after any other error the writer is broken for good and says so each time, because what the kernel kept is unknown.
// Segments are prepared (reserved, and recycled from released ones) ahead of time by a thread of the writer's own.
// Not thread-safe; owned by the committer thread, except for Release and the figures.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "io/file_system.h"
#include "model/record_batch.h"
#include "wal/wal_format.h"

namespace neurallog::wal {

struct WriterOptions {
  std::string directory;
  uint64_t segment_bytes = 64u << 20;
  // Bytes staged before they are written out; a group may be larger. A multiple of kPageBytes.
  size_t staging_bytes = 1u << 20;
  bool direct_io = true;
  // Released segments kept for reuse, so that steady writing needs no new blocks from the file system.
  int recycle_segments_max = 2;
};

class Writer {
 public:
  // Continues a log whose last segment has number `last_segment` (0: none) and whose last frame is `last_lsn` (0: none). Always begins a
  // new segment. `live_segments` are the segments that replay still needs, with the first LSN of each; `empty_segments` are removed.
  struct LiveSegment {
    uint64_t number;
    Lsn first_lsn;
  };
  static Result<std::unique_ptr<Writer>> Open(io::FileSystem* file_system,
                                              const WriterOptions& options, Lsn last_lsn,
                                              std::vector<LiveSegment> live_segments,
                                              const std::vector<uint64_t>& empty_segments,
                                              uint64_t last_segment);
  ~Writer();

  // Stages one frame and returns its LSN. `info.lsn` and `info.durable_lsn` are filled in here.
  Lsn Add(FrameInfo info, const model::RecordBatch& batch);
  // Bytes staged since the last Sync.
  uint64_t group_bytes() const { return group_bytes_; }
  Status Sync();

  Lsn durable_lsn() const { return durable_lsn_.load(std::memory_order_acquire); }

  // Ends the current segment, so that Release can let everything written so far go. The new one takes its room on disk when more than
  // 1 MiB is written to it. By the thread that calls Add, between groups.
  Status StartSegment();
  // Removes the files that are kept for reuse. Thread-safe.
  void RemoveRecycled();
  // True when the log is one segment that has not taken its room yet. Thread-safe.
  bool IsMinimal() const;

  // Every frame below `lsn` is no longer needed: segments that hold only such frames are recycled or removed. Thread-safe.
  void Release(Lsn lsn);
  // Whether Release would let a segment go.
  bool CanRelease(Lsn lsn) const;

  // For a copy of the log while it is written. Between Pin and Unpin nothing is released; what was to be released goes with the next
  // Release. LinkSegments gives each live segment a second name in `directory`: its bytes stay there, because a segment that was linked
  // is deleted, not reused, when it is released. Returns the segments, oldest first. Thread-safe.
  void Pin();
  void Unpin();
  Result<std::vector<LiveSegment>> LinkSegments(const std::string& directory);

  // The segments that frames can be read from, oldest first, and where they lie. While they are to
  // be read, Pin. Thread-safe.
  std::vector<LiveSegment> LiveSegments() const;
  std::string SegmentPath(uint64_t number) const { return Path(SegmentName(number)); }

  // Thread-safe figures: bytes of live segments, and the first LSN that the oldest live segment holds.
  uint64_t live_bytes() const;
  Lsn oldest_lsn() const;

 private:
  struct Segment {
    uint64_t number = 0;
    uint32_t salt = 0;
    Lsn first_lsn = 0;  // of the first frame; the writer's next LSN when the segment is begun
    bool reserved = false;  // has all of its room on disk
    std::unique_ptr<io::File> file;
  };

  Writer(io::FileSystem* file_system, const WriterOptions& options);

  void Stage(const char* bytes, size_t count);
  void FlushStaging();
  Status BeginSegment();
  void Enter(Segment segment);
  Status Reserve();
  // Makes a ready-to-write segment file; called by the preparing thread, or by the committer when that one is late.
  Result<Segment> PrepareSegment(uint64_t number, bool reserve);
  void PrepareLoop();
  void WarnNotPrepared(const Status& status);
  void Retire(uint64_t number) NL_REQUIRES(mutex_);
  std::string Path(const std::string& name) const { return options_.directory + "/" + name; }

  // Constant after construction.
  io::FileSystem* const file_system_;
  const WriterOptions options_;

  // Owned by the committer thread.
  io::AlignedBuffer staging_;
  size_t staged_ = 0;
  Segment current_;
  uint64_t group_offset_ = 0;  // where the open group begins in the segment
  uint64_t write_offset_ = 0;  // where the next staging buffer goes
  uint64_t group_bytes_ = 0;
  Lsn next_lsn_ = 1;
  Lsn group_first_lsn_ = 1;
  Status group_status_;
  Status broken_;

  std::atomic<Lsn> durable_lsn_{0};
  std::atomic<bool> reserved_{false};  // current_.reserved, for other threads

  mutable base::Mutex mutex_;
  base::CondVar wake_preparer_;
  base::CondVar prepared_ready_;
  std::deque<LiveSegment> live_ NL_GUARDED_BY(mutex_);  // oldest first, current last
  std::vector<uint64_t> recycled_ NL_GUARDED_BY(mutex_);
  int pins_ NL_GUARDED_BY(mutex_) = 0;
  std::set<uint64_t> linked_ NL_GUARDED_BY(mutex_);  // live segments with a second name
  std::unique_ptr<Segment> prepared_ NL_GUARDED_BY(mutex_);
  uint64_t next_number_ NL_GUARDED_BY(mutex_) = 1;
  bool prepare_wanted_ NL_GUARDED_BY(mutex_) = false;
  bool preparing_ NL_GUARDED_BY(mutex_) = false;
  bool stop_ NL_GUARDED_BY(mutex_) = false;
  int64_t last_warning_ns_ = 0;  // owned by the preparing thread
  std::thread preparer_;
};

}  // namespace neurallog::wal
