// A group is staged in one aligned buffer, written page-wise, padded with zeros to a page border and synced. The next group begins on a
// fresh page: a durable page is never written again, so a torn write can only hurt frames that nobody was told about.
#include "wal/writer.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"

namespace neurallog::wal {
namespace {

// What a segment may hold before it takes all of its room on disk. A server that is at rest, or takes in little, needs no more.
constexpr uint64_t kUnreservedBytesMax = 1u << 20;

}  // namespace

Writer::Writer(io::FileSystem* file_system, const WriterOptions& options)
    : file_system_(file_system), options_(options), staging_(options.staging_bytes) {}

Result<std::unique_ptr<Writer>> Writer::Open(io::FileSystem* file_system,
                                             const WriterOptions& options, Lsn last_lsn,
                                             std::vector<LiveSegment> live_segments,
                                             const std::vector<uint64_t>& empty_segments,
                                             uint64_t last_segment) {
  NL_RETURN_IF_ERROR(file_system->CreateDirectories(options.directory));
  NL_TRY(const std::vector<std::string> names, file_system->List(options.directory));
  for (const std::string& name : names)
    if (IsRecycledName(name))
      NL_RETURN_IF_ERROR(file_system->Remove(options.directory + "/" + name));
  for (const uint64_t number : empty_segments)
    NL_RETURN_IF_ERROR(file_system->Remove(options.directory + "/" + SegmentName(number)));
  std::unique_ptr<Writer> writer(new Writer(file_system, options));
  writer->next_lsn_ = writer->group_first_lsn_ = last_lsn + 1;
  writer->durable_lsn_ = last_lsn;
  {
    base::MutexLock lock(writer->mutex_);
    writer->live_.assign(live_segments.begin(), live_segments.end());
    writer->next_number_ = last_segment + 1;
  }
  // On a full disk the server starts all the same: it answers queries, and the first group tries again.
  if (const Status begun = writer->StartSegment(); begun.code() == Code::kUnavailable) {
    base::LogError("wal: no segment can be begun", {{"error", begun.ToString()}});
  } else if (!begun.ok()) {
    return begun;
  }
  writer->preparer_ =
      base::StartThread("nl-wal-prepare", [self = writer.get()] { self->PrepareLoop(); });
  return writer;
}

Writer::~Writer() {
  {
    base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_preparer_.NotifyAll();
  if (preparer_.joinable()) preparer_.join();
}

Lsn Writer::Add(FrameInfo info, const model::RecordBatch& batch) {
  const size_t frame_bytes = kFrameHeaderBytes + batch.payload_bytes();
  const uint64_t end = write_offset_ + staged_ + frame_bytes;
  const bool full = group_offset_ > kSegmentHeaderBytes && AlignUp(end) > options_.segment_bytes;
  if (group_bytes_ == 0 && group_status_.ok() && (full || !current_.file))
    group_status_ = BeginSegment();
  if (group_bytes_ == 0 && group_status_.ok() && !current_.reserved && end > kUnreservedBytesMax)
    group_status_ = Reserve();

  info.lsn = next_lsn_++;
  info.durable_lsn = durable_lsn();
  char head[kFrameHeaderBytes + model::RecordBatch::kHeaderBytes];
  EncodeFrameHeader(info, static_cast<uint32_t>(batch.payload_bytes()), head);
  batch.EncodeHeader(head + kFrameHeaderBytes);
  uint32_t crc = base::Crc32c(current_.salt, head + 8, sizeof(head) - 8);
  crc = base::Crc32c(crc, batch.names_bytes().data(), batch.names_bytes().size());
  crc = base::Crc32c(crc, batch.rows_bytes().data(), batch.rows_bytes().size());
  base::StoreLe<uint32_t>(head + 4, crc);

  Stage(head, sizeof(head));
  Stage(batch.names_bytes().data(), batch.names_bytes().size());
  Stage(batch.rows_bytes().data(), batch.rows_bytes().size());
  group_bytes_ += frame_bytes;
  return info.lsn;
}

void Writer::Stage(const char* bytes, size_t count) {
  while (count > 0) {
    const size_t part = std::min(count, staging_.capacity() - staged_);
    std::memcpy(staging_.data() + staged_, bytes, part);
    staged_ += part;
    bytes += part;
    count -= part;
    if (staged_ == staging_.capacity()) FlushStaging();
  }
}

void Writer::FlushStaging() {
  const size_t padded = AlignUp(staged_);
  std::memset(staging_.data() + staged_, 0, padded - staged_);
  if (group_status_.ok() && broken_.ok())
    group_status_ = current_.file->WriteAt(write_offset_, staging_.data(), padded);
  write_offset_ += padded;
  staged_ = 0;
}

Status Writer::Sync() {
  if (group_bytes_ == 0) return {};
  if (staged_ > 0) FlushStaging();
  bool sync_tried = false;
  if (broken_.ok() && group_status_.ok()) {
    sync_tried = true;
    group_status_ = current_.file->Sync();
  }
  Status result = broken_.ok() ? group_status_ : broken_;
  if (result.ok()) {
    group_offset_ = write_offset_;
    group_first_lsn_ = next_lsn_;
    durable_lsn_.store(next_lsn_ - 1, std::memory_order_release);
  } else {
    const bool disk_full = result.code() == Code::kUnavailable && !sync_tried;
    if (!disk_full && broken_.ok())
      broken_ = result.Annotate("the write-ahead log is broken until the server is restarted");
    write_offset_ = group_offset_;
    next_lsn_ = group_first_lsn_;
  }
  group_bytes_ = 0;
  group_status_ = Status();
  base::MutexLock lock(mutex_);
  const bool half_full = group_offset_ > options_.segment_bytes / 2;
  if (half_full && !prepared_ && !prepare_wanted_) {
    prepare_wanted_ = true;
    wake_preparer_.NotifyOne();
  }
  return result;
}

Status Writer::BeginSegment() {
  std::unique_ptr<Segment> segment;
  uint64_t number;
  {
    base::MutexLock lock(mutex_);
    while (preparing_) prepared_ready_.Wait(mutex_);
    prepare_wanted_ = false;
    segment = std::move(prepared_);
    number = next_number_;
  }
  if (!segment) {
    NL_TRY(Segment made, PrepareSegment(number, /*reserve=*/true));
    segment = std::make_unique<Segment>(std::move(made));
  }
  Enter(std::move(*segment));
  return {};
}

Status Writer::StartSegment() {
  std::unique_ptr<Segment> unused;
  uint64_t number;
  {
    base::MutexLock lock(mutex_);
    while (preparing_) prepared_ready_.Wait(mutex_);
    prepare_wanted_ = false;
    unused = std::move(prepared_);
    number = next_number_;
  }
  if (unused) NL_RETURN_IF_ERROR(file_system_->Remove(Path(SegmentName(unused->number))));
  NL_TRY(Segment segment, PrepareSegment(number, /*reserve=*/false));
  Enter(std::move(segment));
  return {};
}

void Writer::Enter(Segment segment) {
  current_ = std::move(segment);
  current_.first_lsn = next_lsn_;
  reserved_.store(current_.reserved, std::memory_order_relaxed);
  group_offset_ = write_offset_ = kSegmentHeaderBytes;
  base::MutexLock lock(mutex_);
  live_.push_back({current_.number, current_.first_lsn});
  next_number_ = current_.number + 1;
}

Status Writer::Reserve() {
  NL_RETURN_IF_ERROR(current_.file->Allocate(options_.segment_bytes));
  current_.reserved = true;
  reserved_.store(true, std::memory_order_relaxed);
  return {};
}

Result<Writer::Segment> Writer::PrepareSegment(uint64_t number, bool reserve) {
  uint64_t reuse = 0;
  if (reserve) {
    base::MutexLock lock(mutex_);
    if (!recycled_.empty()) {
      reuse = recycled_.back();
      recycled_.pop_back();
    }
  }
  Segment segment;
  segment.number = number;
  std::random_device random;
  segment.salt = random() | 1;
  segment.reserved = reserve;
  const std::string temporary = Path(reuse != 0 ? RecycledName(reuse) : RecycledName(number));
  NL_TRY(segment.file, file_system_->Open(temporary, io::OpenMode::kWrite, options_.direct_io));
  Status status;
  if (reserve) status = segment.file->Allocate(options_.segment_bytes);
  io::AlignedBuffer page(kSegmentHeaderBytes);
  EncodeSegmentHeader({number, segment.salt}, page.data());
  if (status.ok()) status = segment.file->WriteAt(0, page.data(), kSegmentHeaderBytes);
  if (status.ok()) status = segment.file->Sync();
  if (status.ok()) status = file_system_->Rename(temporary, Path(SegmentName(number)));
  if (status.ok()) status = file_system_->SyncDirectory(options_.directory);
  if (!status.ok()) {
    segment.file.reset();
    [[maybe_unused]] const Status removed = file_system_->Remove(temporary);
    return status.Annotate("begin write-ahead log segment " + std::to_string(number));
  }
  return segment;
}

void Writer::PrepareLoop() {
  base::MutexLock lock(mutex_);
  for (;;) {
    while (!stop_ && !(prepare_wanted_ && !prepared_)) wake_preparer_.Wait(mutex_);
    if (stop_) return;
    preparing_ = true;
    const uint64_t number = next_number_;
    mutex_.Unlock();
    auto made = PrepareSegment(number, /*reserve=*/true);
    mutex_.Lock();
    if (made.ok()) {
      prepared_ = std::make_unique<Segment>(std::move(made).value());
    } else {
      WarnNotPrepared(made.status());
    }
    prepare_wanted_ = false;
    preparing_ = false;
    prepared_ready_.NotifyAll();
  }
}

// It is tried again for every group, so at most one line in ten seconds.
void Writer::WarnNotPrepared(const Status& status) {
  const int64_t now_ns = base::Clock::System().MonotonicNs();
  if (last_warning_ns_ != 0 && now_ns - last_warning_ns_ < 10 * base::kNsPerSecond) return;
  last_warning_ns_ = now_ns;
  base::LogWarn("wal: cannot prepare the next segment", {{"error", status.ToString()}});
}

void Writer::Release(Lsn lsn) {
  base::MutexLock lock(mutex_);
  if (pins_ > 0) return;
  while (live_.size() > 1 && live_[1].first_lsn <= lsn) {
    Retire(live_.front().number);
    live_.pop_front();
  }
}

bool Writer::CanRelease(Lsn lsn) const {
  base::MutexLock lock(mutex_);
  return pins_ == 0 && live_.size() > 1 && live_[1].first_lsn <= lsn;
}

void Writer::RemoveRecycled() {
  base::MutexLock lock(mutex_);
  for (const uint64_t number : recycled_)
    if (const Status status = file_system_->Remove(Path(RecycledName(number))); !status.ok())
      base::LogWarn("wal: cannot remove a segment", {{"error", status.ToString()}});
  recycled_.clear();
}

bool Writer::IsMinimal() const {
  base::MutexLock lock(mutex_);
  return live_.size() == 1 && recycled_.empty() && !reserved_.load(std::memory_order_relaxed);
}

void Writer::Retire(uint64_t number) {
  const std::string path = Path(SegmentName(number));
  Status status;
  const bool is_linked = linked_.erase(number) > 0;
  if (!is_linked && static_cast<int>(recycled_.size()) < options_.recycle_segments_max) {
    status = file_system_->Rename(path, Path(RecycledName(number)));
    if (status.ok()) recycled_.push_back(number);
  } else {
    status = file_system_->Remove(path);
  }
  if (!status.ok()) base::LogWarn("wal: cannot release a segment", {{"error", status.ToString()}});
}

void Writer::Pin() {
  base::MutexLock lock(mutex_);
  ++pins_;
}

void Writer::Unpin() {
  base::MutexLock lock(mutex_);
  --pins_;
}

Result<std::vector<Writer::LiveSegment>> Writer::LinkSegments(const std::string& directory) {
  base::MutexLock lock(mutex_);
  for (const LiveSegment& segment : live_) {
    const std::string name = SegmentName(segment.number);
    NL_RETURN_IF_ERROR(file_system_->Link(Path(name), directory + "/" + name));
    linked_.insert(segment.number);
  }
  return std::vector<LiveSegment>(live_.begin(), live_.end());
}

std::vector<Writer::LiveSegment> Writer::LiveSegments() const {
  base::MutexLock lock(mutex_);
  return {live_.begin(), live_.end()};
}

uint64_t Writer::live_bytes() const {
  base::MutexLock lock(mutex_);
  return live_.size() * options_.segment_bytes;
}

Lsn Writer::oldest_lsn() const {
  base::MutexLock lock(mutex_);
  return live_.empty() ? durable_lsn() + 1 : live_.front().first_lsn;
}

}  // namespace neurallog::wal
