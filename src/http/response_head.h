// Writes the head of a response.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/message.h"

namespace neurallog::http {

enum class BodyFraming {
  kLength,      // Content-Length follows from the body
  kChunked,     // Transfer-Encoding: chunked
  kUntilClose,  // HTTP/1.0 streams: the end of the connection ends the body
};

struct ResponseHeadOptions {
  std::string_view date;  // "Sun, 06 Nov 1994 08:49:37 GMT"
  BodyFraming framing = BodyFraming::kLength;
  size_t body_bytes = 0;
  bool http11 = true;
  bool keep_alive = true;
};

// True for the statuses that never have a body: 1xx, 204, 304.
bool IsBodiless(int status);

// Appends status line, headers and the empty line. Line breaks in the response's header values
// become spaces; headers that frame the message (Content-Length, Transfer-Encoding, Connection) are
// this function's own and are left out when the response brings them.
void AppendResponseHead(std::string* to, const Response& response,
                        const ResponseHeadOptions& options);

// The IMF-fixdate of RFC 9110 for seconds since 1970.
std::string FormatHttpDate(int64_t unix_seconds);

}  // namespace neurallog::http
