// Bytes that wait for a socket, in segments whose memory stays in place while they are being sent.
//
// Small pieces are gathered in one segment; large strings are taken over without a copy. Not
// thread-safe.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace neurallog::http {

class OutQueue {
 public:
  static constexpr int kSlicesMax = 16;

  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }

  // The segment to append to; call Appended() with the number of bytes that were added.
  std::string* Tail();
  void Appended(size_t bytes) { bytes_ += bytes; }
  void Append(std::string_view bytes);
  void AppendOwned(std::string&& bytes);

  // Points `slices` at the front of the queue and returns how many were filled. These segments do
  // not move until Consume().
  int Gather(iovec* slices);
  // Removes bytes from the front.
  void Consume(size_t bytes);
  void Clear();

 private:
  std::deque<std::string> segments_;
  size_t front_offset_ = 0;
  size_t bytes_ = 0;
  size_t pinned_ = 0;
};

}  // namespace neurallog::http
