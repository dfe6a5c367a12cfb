#include "http/out_queue.h"

#include <utility>

namespace neurallog::http {
namespace {
constexpr size_t kCopyBytesMax = 16 * 1024;
constexpr size_t kSegmentBytes = 64 * 1024;
}  // namespace

std::string* OutQueue::Tail() {
  const bool usable = segments_.size() > pinned_ && segments_.back().size() < kSegmentBytes;
  if (!usable) segments_.emplace_back();
  return &segments_.back();
}

void OutQueue::Append(std::string_view bytes) {
  Tail()->append(bytes);
  Appended(bytes.size());
}

void OutQueue::AppendOwned(std::string&& bytes) {
  if (bytes.size() <= kCopyBytesMax) return Append(bytes);
  Appended(bytes.size());
  segments_.push_back(std::move(bytes));
}

int OutQueue::Gather(iovec* slices) {
  int count = 0;
  size_t offset = front_offset_;
  pinned_ = 0;
  for (auto segment = segments_.begin(); segment != segments_.end() && count < kSlicesMax;
       ++segment, offset = 0, ++pinned_)
    if (segment->size() > offset)
      slices[count++] = {segment->data() + offset, segment->size() - offset};
  return count;
}

void OutQueue::Consume(size_t bytes) {
  pinned_ = 0;
  bytes_ -= bytes;
  front_offset_ += bytes;
  while (segments_.size() > 1 && front_offset_ >= segments_.front().size()) {
    front_offset_ -= segments_.front().size();
    segments_.pop_front();
  }
  if (bytes_ == 0) Clear();
}

void OutQueue::Clear() {
  bytes_ = front_offset_ = pinned_ = 0;
  if (segments_.empty()) return;
  if (segments_.size() > 1) segments_.resize(1);
  if (segments_.front().capacity() > kSegmentBytes) return segments_.clear();
  segments_.front().clear();
}

}  // namespace neurallog::http
