// Reads one HTTP/1.1 response from pieces of any size.
//
//   parser.Begin({.body_bytes_max = 64 << 10});
//   NL_TRY(const bool complete, parser.Feed(&input));   // input: what was received
//
// Not thread-safe. A head beyond 256 KiB is an error.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "http/chunk_decoder.h"
#include "http/client.h"

namespace neurallog::http {

class ResponseParser {
 public:
  struct Options {
    bool bodiless = false;  // the answer to HEAD, or to CONNECT
    size_t body_bytes_max = 256u << 20;
    // A longer body ends there, and so does the use of the connection; otherwise it is an error.
    bool cut_long_body = false;
    // When set, the body of a 2xx response goes here; false ends the exchange.
    std::function<bool(std::string_view)> on_body;
  };

  // Forgets the last response.
  void Begin(Options options);
  // Takes what belongs to the response from the front of *input. True: it is complete.
  Result<bool> Feed(std::string_view* input);
  // The connection has ended: an error unless that ends the body.
  Status FeedEnd();

  // Nothing of a response was fed yet.
  bool untouched() const { return state_ == State::kHead && head_.empty(); }
  // Of a complete response: the connection can be used again.
  bool keep_alive() const { return keep_alive_; }
  ClientResponse& response() { return response_; }

 private:
  enum class State : uint8_t { kHead, kLength, kChunked, kUntilClose, kDone };

  Status FeedHead(std::string_view* input);
  Status ParseHead();
  Status ParseFields(std::string_view fields);
  Status ChooseFraming();
  Status FeedChunked(std::string_view* input);
  Status Take(std::string_view piece);

  Options options_;
  State state_ = State::kHead;
  bool keep_alive_ = false;
  uint64_t remaining_ = 0;  // of a body with Content-Length
  std::string head_;
  ChunkDecoder chunks_;
  ClientResponse response_;
};

}  // namespace neurallog::http
