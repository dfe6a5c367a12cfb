// Where the logs are that a command reads or writes.
#pragma once

#include <memory>
#include <string>

#include "http/client.h"
#include "neurallog/status.h"

namespace neurallog::cli {

// A running server, or a data folder that no server has open, which is only read.
struct LogTarget {
  std::string server = "http://127.0.0.1:8080";
  std::string key;
  std::string ca_file;
  std::string data_dir;            // not empty: the folder
  std::string tenant = "default";  // of the folder
};

// Takes requests as a server does, whichever it is.
//
//   NL_TRY(const auto source, LogSource::Open(target));
//   NL_TRY(const auto response, source->Fetch({.url = "/v1/logs?query=*"}));
//
// Not thread-safe.
class LogSource {
 public:
  // Of a folder: Unavailable when it is in use. A server is asked by the first request only.
  static Result<std::unique_ptr<LogSource>> Open(const LogTarget& target);
  virtual ~LogSource() = default;

  // As http::Fetch, whatever the answer; `url` is path and query only.
  virtual Result<http::ClientResponse> FetchAny(http::ClientRequest request) = 0;
  // Likewise; an answer that is not 2xx is an error that says what the server said.
  Result<http::ClientResponse> Fetch(http::ClientRequest request);
};

// What a problem document says, or the beginning of another body.
std::string DetailOf(const http::ClientResponse& response);

// Whether the same request may succeed later: the server is away, or has too much to do.
bool IsWorthRetrying(const Status& status);
// Sleeps before the try after `failures` in a row: a fifth of a second, then twice as long each
// time, up to ten seconds.
void WaitBeforeRetry(int failures);

}  // namespace neurallog::cli
