// Reads batches of some tenants out of a log that is being written: for who missed some.
//
//   RangeReader reader(file_system, writer, [](TenantId id) { ... }, /*from=*/5);
//   for (bool more = true; more;) {
//     NL_TRY(more, reader.Read(writer->durable_lsn(), 4 << 20, [](info, batch) { ... }));
//   }
//
// What was carried forward is not read again: its rows were in the log before. Frames that the log
// does not hold any more are left out; first_lsn() says where it begins. Holds the log back only
// while a call reads a file. Not thread-safe; `writer` must outlive it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/buffer.h"
#include "io/file_system.h"
#include "model/record_batch.h"
#include "wal/writer.h"

namespace neurallog::wal {

class RangeReader {
 public:
  using Wants = std::function<bool(TenantId)>;
  using Visit =
      std::function<Status(const FrameInfo&, std::shared_ptr<const model::RecordBatch>)>;

  RangeReader(io::FileSystem* file_system, Writer* writer, Wants wants, Lsn from)
      : file_system_(file_system), writer_(writer), wants_(std::move(wants)), next_lsn_(from) {}

  // Visits batches up to the LSN `until`, which must be durable, or until they have about
  // `bytes_target` bytes. False: there are no more.
  Result<bool> Read(Lsn until, size_t bytes_target, const Visit& visit);
  // Every frame before it has been visited or is lost.
  Lsn next_lsn() const { return next_lsn_; }
  // The first LSN that could be read, when it is later than `from`; else 0.
  Lsn resumed_at() const { return resumed_at_; }

 private:
  // Opens the segment that holds next_lsn_, unless it is open.
  Status FindSegment();
  // The frame at offset_, which is in window_ then.
  Status ReadHeader(FrameInfo* info, uint32_t* payload_bytes);
  // window_ holds the bytes of the segment from offset_ on.
  Status Fill(size_t bytes);
  Status VisitFrame(const FrameInfo& info, uint32_t payload_bytes, const Visit& visit);

  io::FileSystem* const file_system_;
  Writer* const writer_;
  Wants wants_;
  Lsn next_lsn_;
  Lsn resumed_at_ = 0;

  std::unique_ptr<io::File> file_;  // of the open segment
  uint64_t segment_ = 0;
  uint32_t salt_ = 0;
  Lsn segment_next_lsn_ = 0;  // of the frame at offset_
  Lsn segment_end_lsn_ = 0;   // of the first frame of the next segment; as far as is known
  uint64_t offset_ = 0;
  uint64_t window_offset_ = 0;
  base::Buffer window_;
};

}  // namespace neurallog::wal
