#include "http/client.h"

#include <strings.h>

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "http/chunk_decoder.h"
#include "http/client_stream.h"
#include "http/listen_address.h"

namespace neurallog::http {
namespace {

constexpr size_t kHeadBytesMax = 256 * 1024;
constexpr size_t kReadBytes = 64 * 1024;

struct Url {
  bool tls = false;
  std::string host;
  uint16_t port = 80;
  std::string authority;
  std::string target;
};

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

Result<Url> ParseUrl(std::string_view text) {
  Url url;
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos)
    return InvalidArgument("url " + std::string(text) + " has no scheme");
  url.tls = text.substr(0, scheme) == "https";
  if (!url.tls && text.substr(0, scheme) != "http")
    return InvalidArgument("url " + std::string(text) + " is neither http nor https");
  const std::string_view rest = text.substr(scheme + 3);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  url.authority = rest.substr(0, end);
  std::string_view target = rest.substr(end);
  target = target.substr(0, target.find('#'));
  url.target = target.empty() || target[0] != '/' ? "/" + std::string(target) : std::string(target);
  const size_t bracket = url.authority.rfind(']');
  const size_t host_end = bracket == std::string::npos ? 0 : bracket;
  const bool has_port = url.authority.find(':', host_end) != std::string::npos;
  const std::string host_port =
      has_port ? url.authority : url.authority + (url.tls ? ":443" : ":80");
  NL_TRY(HostPort address, ParseHostPort(host_port));
  if (address.host.empty()) return InvalidArgument("url " + std::string(text) + " has no host");
  url.host = std::move(address.host);
  url.port = address.port;
  return url;
}

bool IsLine(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

Result<std::string> RequestHead(const ClientRequest& request, const Url& url) {
  std::string head = request.method + " " + url.target + " HTTP/1.1\r\n";
  bool has_host = false;
  for (const auto& [name, value] : request.headers) {
    if (!IsLine(name) || !IsLine(value))
      return InvalidArgument("header " + name + " has a line break");
    has_host = has_host || SameName(name, "host");
    head += name + ": " + value + "\r\n";
  }
  if (!IsLine(request.method) || !IsLine(url.target) || url.target.find(' ') != std::string::npos)
    return InvalidArgument("url " + request.url + " has a space or a line break");
  if (!has_host) head += "Host: " + url.authority + "\r\n";
  const bool sends_body = !request.body.empty() || request.method == "POST" ||
                          request.method == "PUT" || request.method == "PATCH";
  if (sends_body) head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return head + "Connection: close\r\n\r\n";
}

// Reads one answer from a stream.
class ResponseReader {
 public:
  ResponseReader(const ClientRequest& request, ClientStream* stream)
      : request_(request), stream_(stream), block_(kReadBytes, '\0') {}

  Result<ClientResponse> Read() {
    do {
      NL_RETURN_IF_ERROR(ReadHead());
    } while (response_.status < 200);
    const bool bodiless =
        request_.method == "HEAD" || response_.status == 204 || response_.status == 304;
    if (!bodiless) NL_RETURN_IF_ERROR(ReadBody());
    return std::move(response_);
  }

 private:
  // Puts more bytes at the end of input_; false at the end of the connection.
  Result<bool> Fill() {
    NL_TRY(const size_t bytes, stream_->Read(block_.data(), block_.size()));
    input_.append(block_, 0, bytes);
    return bytes > 0;
  }

  Status ReadHead() {
    size_t end = input_.find("\r\n\r\n");
    while (end == std::string::npos) {
      if (input_.size() > kHeadBytesMax) return TooLarge("the head of the response is too large");
      NL_TRY(const bool more, Fill());
      if (!more) return Unavailable("the connection ended before the head of the response");
      end = input_.find("\r\n\r\n");
    }
    const Status parsed = ParseHead(std::string_view(input_).substr(0, end + 2));
    input_.erase(0, end + 4);
    return parsed;
  }

  Status ParseHead(std::string_view head) {
    response_ = ClientResponse();
    const size_t line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ')
      return Unavailable("the response is not HTTP/1.1");
    if (std::from_chars(line.data() + 9, line.data() + 12, response_.status).ptr !=
        line.data() + 12)
      return Unavailable("the response has no status");
    return ParseFields(head.substr(line_end + 2));
  }

  Status ParseFields(std::string_view fields) {
    while (!fields.empty()) {
      const std::string_view field = fields.substr(0, fields.find("\r\n"));
      fields.remove_prefix(field.size() + 2);
      const size_t colon = field.find(':');
      if (colon == std::string_view::npos)
        return Unavailable("the response has a malformed header");
      const size_t value = std::min(field.find_first_not_of(" \t", colon + 1), field.size());
      response_.headers.emplace_back(field.substr(0, colon), field.substr(value));
    }
    return Status::Ok();
  }

  Status ReadBody() {
    if (SameName(response_.FindHeader("transfer-encoding"), "chunked")) return ReadChunked();
    const std::string_view length = response_.FindHeader("content-length");
    if (length.empty()) return ReadUntilClose();
    uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
    if (error != std::errc() || end != length.data() + length.size())
      return Unavailable("the response has an invalid Content-Length");
    return ReadLength(bytes);
  }

  Status ReadLength(uint64_t bytes) {
    if (bytes > request_.body_bytes_max)
      return TooLarge("the response has " + std::to_string(bytes) + " bytes");
    while (bytes > 0) {
      if (input_.empty()) NL_RETURN_IF_ERROR(FillInBody());
      const std::string_view piece = std::string_view(input_).substr(0, bytes);
      bytes -= piece.size();
      NL_RETURN_IF_ERROR(Take(piece));
      input_.erase(0, piece.size());
    }
    return Status::Ok();
  }

  Status ReadChunked() {
    ChunkDecoder decoder;
    for (;;) {
      std::string_view rest = input_, data;
      const ChunkDecoder::Outcome outcome = decoder.Next(&rest, &data);
      const size_t used = input_.size() - rest.size();
      if (outcome == ChunkDecoder::Outcome::kMalformed)
        return Unavailable("the response has a malformed chunk");
      NL_RETURN_IF_ERROR(Take(data));
      input_.erase(0, used);
      if (outcome == ChunkDecoder::Outcome::kDone) return ParseFields(decoder.trailers());
      if (outcome == ChunkDecoder::Outcome::kMore) NL_RETURN_IF_ERROR(FillInBody());
    }
  }

  Status ReadUntilClose() {
    for (;;) {
      NL_RETURN_IF_ERROR(Take(input_));
      input_.clear();
      NL_TRY(const bool more, Fill());
      if (!more) return Status::Ok();
    }
  }

  Status FillInBody() {
    NL_TRY(const bool more, Fill());
    return more ? Status::Ok() : Unavailable("the connection ended in the middle of the response");
  }

  Status Take(std::string_view piece) {
    if (piece.empty()) return Status::Ok();
    if (request_.on_body && response_.status / 100 == 2)
      return request_.on_body(piece) ? Status::Ok() : Cancelled("the caller ended the response");
    if (response_.body.size() + piece.size() > request_.body_bytes_max)
      return TooLarge("the response has more than " + std::to_string(request_.body_bytes_max) +
                      " bytes");
    response_.body.append(piece);
    return Status::Ok();
  }

  const ClientRequest& request_;
  ClientStream* const stream_;
  std::string block_;
  std::string input_;
  ClientResponse response_;
};

}  // namespace

std::string_view ClientResponse::FindHeader(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (SameName(key, name)) return value;
  return {};
}

Result<ClientResponse> Fetch(const ClientRequest& request) {
  NL_TRY(const Url url, ParseUrl(request.url));
  NL_TRY(const std::string head, RequestHead(request, url));
  const int64_t deadline_ns = request.timeout_ms == 0 ? 0
                                                      : base::Clock::System().MonotonicNs() +
                                                            request.timeout_ms * base::kNsPerMs;
  NL_TRY(const std::unique_ptr<ClientStream> stream,
         ClientStream::Connect(url.host, url.port, deadline_ns, request.cancelled));
  if (url.tls)
    NL_RETURN_IF_ERROR(stream->StartTls(url.host, request.ca_file).Annotate(url.authority));
  NL_RETURN_IF_ERROR(stream->WriteAll(head).Annotate(url.authority));
  // A server that refuses early may close while the body is on its way; its answer is worth more
  // than the broken pipe.
  const Status sent = stream->WriteAll(request.body);
  Result<ClientResponse> response = ResponseReader(request, stream.get()).Read();
  if (response.ok()) return response;
  return (sent.ok() ? response.status() : sent).Annotate(url.authority);
}

}  // namespace neurallog::http
