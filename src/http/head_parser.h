// Turns the bytes of one complete request head into a Request, and refuses whatever could be read
// in two ways.
//
// Beast's basic_parser does the grammar; on top of it stand the checks that it leaves out and that
// request smuggling lives on: folded lines, repeated or odd Content-Length and Transfer-Encoding,
// missing or several Host, targets that are not origin-form.
#pragma once

#include <cstdint>
#include <string>

#include "http/message.h"

namespace neurallog::http {

// Finds the end of a head while its bytes arrive. Line ends must be CRLF; a bare LF is found at
// once, not after a timeout.
class HeadScanner {
 public:
  enum class Outcome { kIncomplete, kComplete, kMalformed };

  // Looks at `bytes`, which begin with all bytes of this head that were given before. When
  // complete, size() is the head's length.
  Outcome Scan(std::string_view bytes);
  size_t size() const { return scanned_; }
  void Reset() { *this = HeadScanner(); }

 private:
  size_t scanned_ = 0;
  size_t line_start_ = 0;
};

// What the head says about the body and the connection.
struct Framing {
  uint64_t content_length = 0;
  bool chunked = false;
  bool http11 = true;
  bool keep_alive = true;
  bool expects_continue = false;

  bool has_body() const { return chunked || content_length > 0; }
};

// Why a head is refused; status 0 says that it is not.
struct HeadError {
  int status = 0;
  std::string detail;
};

// Parses request->head[0, size), which ends with the empty line. Fills method, target, headers and
// *framing. May change bytes of the head (an absolute-form target becomes origin-form).
HeadError ParseHead(size_t size, Request* request, Framing* framing);

}  // namespace neurallog::http
