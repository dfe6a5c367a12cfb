// Decodes a chunked body (RFC 9112, 7.1) from pieces of any size.
//
// Strict: CRLF only, no space around the size; extensions, which are thrown away, and trailers are
// bounded. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace neurallog::http {

class ChunkDecoder {
 public:
  enum class Outcome { kMore, kData, kDone, kMalformed };

  // Reads from the front of *input and removes what it read. kData: *data is the next piece of the
  // body, a part of the input. kMore: the input is used up. kDone: the body has ended, the rest of
  // the input belongs to the next request.
  Outcome Next(std::string_view* input, std::string_view* data);

  // Bytes of the current chunk that are still to come: they may be read past the decoder if Skip()
  // is told so.
  uint64_t data_remaining() const { return state_ == State::kData ? remaining_ : 0; }
  void Skip(uint64_t bytes);

  // The fields behind the body so far, each with its CRLF.
  const std::string& trailers() const { return trailers_; }

 private:
  enum class State : uint8_t {
    kSizeFirst,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,
    kTrailerLine,
    kTrailerLf,
    kEndLf
  };

  bool Step(char c);
  bool OnSize(char c);
  bool OnTrailer(char c);
  bool OnExtra();
  bool GoTo(State state) {
    state_ = state;
    return true;
  }

  State state_ = State::kSizeFirst;
  bool done_ = false;
  uint64_t remaining_ = 0;
  uint32_t extra_bytes_ = 0;
  std::string trailers_;
};

}  // namespace neurallog::http
