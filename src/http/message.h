// Requests and responses as the rest of the server sees them. Beast and Asio stay behind
// http/reactor.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"

namespace neurallog::http {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

struct Header {
  std::string_view name;
  std::string_view value;
};

// One request. `headers` and `target` point into `head`; moving the Request keeps them valid.
struct Request {
  Method method = Method::kOther;
  std::string_view target;      // as sent: path[?query]
  std::vector<Header> headers;  // names as sent; compare without case
  base::Buffer body;  // decoded from chunks, still compressed if Content-Encoding says so; padded
                      // for simdjson
  std::string peer;   // "203.0.113.7:50412"
  bool peer_is_loopback = false;
  int64_t received_ns = 0;       // monotonic: when the head was complete
  std::unique_ptr<char[]> head;  // owns the bytes that target and headers point to

  // The value of the first header with this name in any case, or empty.
  std::string_view FindHeader(std::string_view name) const;
  // The part of target before '?', still percent-encoded.
  std::string_view path() const { return target.substr(0, target.find('?')); }
  // The part after '?', or empty.
  std::string_view query() const {
    const size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  }
};

struct Response {
  int status = 200;
  std::string content_type;  // empty: no Content-Type header
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool close = false;  // close the connection after this response
};

// Where the answer to one request goes. Every call may come from any thread; the answer is handed
// to the connection's io thread, and hand-overs that are made close together wake that thread once.
// Exactly one of Send, Start or Upgrade must be called; dropping the last reference without either answers
// 500.
class Responder {
 public:
  using Trailers = std::vector<std::pair<std::string, std::string>>;
  virtual ~Responder() = default;

  // A whole answer.
  virtual void Send(Response response) = 0;

  // An answer in pieces (chunked): Start with status and headers, Write any number of times, then
  // Finish, which may add fields behind the body (lost where the protocol has no trailers). Abort
  // ends the connection in the middle, so that the client sees that the answer is
  // incomplete.
  virtual void Start(Response head) = 0;
  // Another protocol from here on: the head (101) goes out, Write sends bytes as they are, and what
  // the client sends goes to `on_input` on the io thread. Finish ends the connection.
  virtual void Upgrade(Response head, std::function<void(std::string_view)> on_input) = 0;
  virtual void Write(std::string chunk) = 0;
  virtual void Finish(Trailers trailers = {}) = 0;
  virtual void Abort() = 0;

  // Bytes handed to Write that the socket has not taken yet. Writers stop at a bound of their
  // choice and wait for OnDrained.
  virtual size_t buffered_bytes() const = 0;
  // True once the client is gone; what is written from then on is thrown away.
  virtual bool closed() const = 0;
  // Calls `resume` once, on the io thread, as soon as fewer than `low_bytes` are buffered or the
  // client is gone.
  virtual void OnDrained(size_t low_bytes, std::function<void()> resume) = 0;
};
using ResponderPtr = std::shared_ptr<Responder>;

// The application behind the listener. Called on io threads; must not block.
class Handler {
 public:
  virtual ~Handler() = default;

  // Called when the head is complete and before the body is read. A response refuses the request at
  // once (the body is not read, and the connection closes unless the whole request had arrived
  // already); nothing lets it go on, with at most `*body_bytes_max` bytes of body (answer 413
  // beyond).
  virtual std::optional<Response> CheckHead(const Request& request, size_t* body_bytes_max) = 0;
  virtual void Handle(Request request, ResponderPtr responder) = 0;
  // An RFC 9457 problem document (or what the path's protocol expects) for errors that the
  // connection finds itself: 400 malformed, 408 timeout, 413, 431, 501, 505.
  virtual Response ErrorResponse(int status, std::string_view detail) = 0;
};

// The reason phrase of RFC 9110, or "Unknown".
std::string_view ReasonPhrase(int status);
// Percent-decodes a path or query component ('+' is a space only in queries). Returns nothing for a
// broken escape.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);

// key=value pairs of a query string or a form body, in order, decoded. Broken escapes are kept as
// they are.
class QueryParams {
 public:
  explicit QueryParams(std::string_view encoded);
  void Add(std::string_view encoded);
  // The first value of the key, or nothing.
  std::optional<std::string_view> Find(std::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace neurallog::http
