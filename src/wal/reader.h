// Reads a write-ahead log back, front to back, and tells a torn tail from damage.
//
//   NL_TRY(ReplaySummary summary, Replay(file_system, directory, {.needed_from = 1}, [&](const Frame& frame) { ...; return Status(); }));
//
// A frame is valid when its checksum verifies and its LSN is the next one. The log ends at the first invalid frame, unless a later valid
// frame says (durable_lsn) that the invalid one had been made durable: then acknowledged rows are damaged. Replay then goes on behind
// the damage and reports each gap; the server starts read-only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "wal/wal_format.h"
#include "wal/writer.h"

namespace neurallog::wal {

struct Frame {
  FrameInfo info;
  std::string_view payload;  // valid during the call
  uint64_t segment = 0;      // number of the segment that holds it
  uint64_t offset = 0;       // in the segment
  uint64_t end_offset = 0;
  uint32_t salt = 0;  // of the segment's checksums
};

// A stretch of a segment that holds frames.
struct FrameRange {
  uint64_t segment = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
  Lsn first_lsn = 0;
  uint32_t salt = 0;
};

// Notes a frame, behind all that were noted before. Frames that lie near each other share a range: there are at most as many ranges as
// the log has stretches of 256 KiB.
void AddToRanges(const Frame& frame, std::vector<FrameRange>* ranges);

struct ReplaySummary {
  Lsn last_lsn = 0;           // 0: the log is empty
  uint64_t last_segment = 0;  // highest segment number present
  uint64_t frames = 0;
  uint64_t bytes = 0;                         // of valid frames
  std::vector<Writer::LiveSegment> segments;  // those that hold frames
  std::vector<uint64_t> empty_segments;       // numbers of those that hold none
  std::vector<uint64_t> headless_segments;    // whose header is damaged
  std::vector<std::string> damage;            // one sentence per gap in durable frames; empty: none
};

// What is known of the log besides its files.
struct ReplayExpectation {
  Lsn needed_from = 1;  // no frame from here on has been released
  Lsn durable_lsn = 0;  // frames up to here were durable; 0: not known
};

// `visit` is called for each valid frame in LSN order; its error ends the replay. Memory: two segments are held at a time, the one that is
// visited and the next one, which a thread reads meanwhile.
Result<ReplaySummary> Replay(io::FileSystem* file_system, const std::string& directory,
                             const ReplayExpectation& expectation,
                             const std::function<Status(const Frame&)>& visit);

// Visits the frames of the ranges again, as Replay did. Reads nothing else.
Status VisitAgain(io::FileSystem* file_system, const std::string& directory,
                  const std::vector<FrameRange>& ranges,
                  const std::function<Status(const Frame&)>& visit);

}  // namespace neurallog::wal
