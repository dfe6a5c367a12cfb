// A file may be given up and used again for a later segment while it is open here. So files are read
// only under a pin, and each time under a pin it is made sure that the segment is still part of the
// log.
#include "wal/range_reader.h"

#include <algorithm>

#include "base/bytes.h"

namespace neurallog::wal {
namespace {

constexpr size_t kWindowBytes = 4u << 20;

class PinGuard {
 public:
  explicit PinGuard(Writer* writer) : writer_(writer) { writer_->Pin(); }
  ~PinGuard() { writer_->Unpin(); }
  PinGuard(const PinGuard&) = delete;
  PinGuard& operator=(const PinGuard&) = delete;

 private:
  Writer* const writer_;
};

}  // namespace

Result<bool> RangeReader::Read(Lsn until, size_t bytes_target, const Visit& visit) {
  const PinGuard pin(writer_);
  file_ = nullptr;
  for (size_t bytes = 0; next_lsn_ <= until && bytes < bytes_target;) {
    NL_RETURN_IF_ERROR(FindSegment());
    if (next_lsn_ > until) break;
    FrameInfo info;
    uint32_t payload_bytes;
    NL_RETURN_IF_ERROR(ReadHeader(&info, &payload_bytes));
    const bool wanted = info.lsn >= next_lsn_;
    if (wanted && info.carried_from_lsn == 0 && wants_(info.tenant)) {
      NL_RETURN_IF_ERROR(VisitFrame(info, payload_bytes, visit));
      bytes += payload_bytes;
    }
    offset_ += kFrameHeaderBytes + payload_bytes;
    segment_next_lsn_ = info.lsn + 1;
    if (wanted) next_lsn_ = info.lsn + 1;
  }
  return next_lsn_ <= until;
}

Status RangeReader::FindSegment() {
  if (file_ != nullptr && segment_next_lsn_ < segment_end_lsn_) return {};
  const std::vector<Writer::LiveSegment> live = writer_->LiveSegments();
  if (live.empty()) return Unavailable("the write-ahead log is empty");
  if (next_lsn_ < live.front().first_lsn) next_lsn_ = resumed_at_ = live.front().first_lsn;
  const auto after = std::upper_bound(
      live.begin(), live.end(), next_lsn_,
      [](Lsn lsn, const Writer::LiveSegment& segment) { return lsn < segment.first_lsn; });
  const Writer::LiveSegment& found = *(after - 1);
  segment_end_lsn_ = after == live.end() ? UINT64_MAX : after->first_lsn;
  NL_TRY(file_, file_system_->Open(writer_->SegmentPath(found.number), io::OpenMode::kRead,
                                   /*direct=*/false));
  window_.Clear();
  if (segment_ == found.number) return {};  // goes on where it was
  segment_ = found.number;
  segment_next_lsn_ = found.first_lsn;
  offset_ = 0;
  NL_RETURN_IF_ERROR(Fill(kSegmentHeaderBytes));
  SegmentHeader header;
  if (!DecodeSegmentHeader(window_.view().substr(0, kSegmentHeaderBytes), &header) ||
      header.number != segment_)
    return Corruption(SegmentName(segment_) + ": its header is damaged");
  salt_ = header.salt;
  offset_ = kSegmentHeaderBytes;
  return {};
}

Status RangeReader::Fill(size_t bytes) {
  const bool inside = offset_ >= window_offset_ && offset_ <= window_offset_ + window_.size();
  if (inside && window_.size() - (offset_ - window_offset_) >= bytes) return {};
  window_.Clear();
  window_offset_ = offset_;
  const size_t wanted = std::max(bytes, kWindowBytes);
  size_t read;
  NL_RETURN_IF_ERROR(file_->ReadAt(offset_, window_.Prepare(wanted), wanted, &read));
  window_.Commit(read);
  if (read >= bytes) return {};
  return Corruption(SegmentName(segment_) + ": ends before frame " +
                    std::to_string(segment_next_lsn_));
}

// Groups begin on pages; between them there are zeros.
Status RangeReader::ReadHeader(FrameInfo* info, uint32_t* payload_bytes) {
  for (const uint64_t at : {offset_, AlignUp(offset_)}) {
    offset_ = at;
    NL_RETURN_IF_ERROR(Fill(kFrameHeaderBytes));
    const char* const header = window_.data() + (offset_ - window_offset_);
    if (DecodeFrameHeader(header, info, payload_bytes) && info->lsn == segment_next_lsn_) return {};
  }
  return Corruption(SegmentName(segment_) + " offset " + std::to_string(offset_) + ": no frame " +
                    std::to_string(segment_next_lsn_));
}

Status RangeReader::VisitFrame(const FrameInfo& info, uint32_t payload_bytes, const Visit& visit) {
  NL_RETURN_IF_ERROR(Fill(kFrameHeaderBytes + payload_bytes));
  const char* const frame = window_.data() + (offset_ - window_offset_);
  if (base::LoadLe<uint32_t>(frame + 4) !=
      base::Crc32c(salt_, frame + 8, kFrameHeaderBytes - 8 + payload_bytes))
    return Corruption(SegmentName(segment_) + " offset " + std::to_string(offset_) +
                      ": checksum mismatch");
  NL_TRY(auto batch, model::RecordBatch::Decode({frame + kFrameHeaderBytes, payload_bytes}));
  return visit(info, std::move(batch));
}

}  // namespace neurallog::wal
