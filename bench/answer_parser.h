// Reads one HTTP/1.1 answer from whatever pieces the socket gives: status, and the body with a
// length, in chunks, or up to the close. Keeps no body but its beginning. Not thread-safe; one per
// connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace neurallog::bench {

class AnswerParser {
 public:
  enum class Result { kMore, kDone, kMalformed };

  void Reset();
  // Takes the next bytes. kDone only when they end exactly with the answer: requests are not
  // pipelined.
  Result Feed(std::string_view bytes);
  // The peer closed: kDone when the answer may end this way.
  Result Close() const;

  int status() const { return status_; }
  bool keep_alive() const { return keep_alive_; }
  uint64_t body_bytes() const { return body_bytes_; }
  uint64_t body_lines() const {
    return body_lines_;
  }  // line feeds, which are rows of an NDJSON answer
  const std::string& body_head() const { return body_head_; }  // at most kBodyHeadBytes

  static constexpr size_t kHeadBytesMax = 64 * 1024;
  static constexpr size_t kBodyHeadBytes = 300;

 private:
  enum class State {
    kHead,
    kBody,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer,
    kUntilClose,
    kDone,
    kMalformed
  };

  // Each takes what belongs to it from the front of `bytes` and moves to the next state.
  void TakeHead(std::string_view* bytes);
  void TakeBody(std::string_view* bytes);
  void TakeLine(std::string_view* bytes);
  void ReadHead(std::string_view head);
  void ReadHeader(std::string_view name, std::string_view value);
  void ReadLine(std::string_view line);

  State state_ = State::kHead;
  std::string pending_;     // of the head, or of a line between chunks
  uint64_t remaining_ = 0;  // of the body or of the chunk
  int status_ = 0;
  bool keep_alive_ = true;
  bool chunked_ = false;
  bool has_length_ = false;
  uint64_t body_bytes_ = 0;
  uint64_t body_lines_ = 0;
  std::string body_head_;
};

}  // namespace neurallog::bench
