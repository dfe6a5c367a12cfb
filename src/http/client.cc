#include "http/client.h"

#include "base/clock.h"
#include "http/client_stream.h"
#include "http/response_parser.h"
#include "http/url.h"

namespace neurallog::http {
namespace {

constexpr size_t kAnswerPieceBytes = 64 * 1024;

Result<std::string> RequestHead(const ClientRequest& request, const Url& url) {
  std::string head = request.method + " " + url.target + " HTTP/1.1\r\n";
  bool has_host = false;
  for (const auto& [name, value] : request.headers) {
    if (!IsLine(name) || !IsLine(value))
      return InvalidArgument("header " + name + " has a line break");
    has_host = has_host || SameName(name, "host");
    head += name + ": " + value + "\r\n";
  }
  if (!IsLine(request.method)) return InvalidArgument("the method has a line break");
  if (!has_host) head += "Host: " + url.authority + "\r\n";
  const bool sends_body = !request.body.empty() || request.method == "POST" ||
                          request.method == "PUT" || request.method == "PATCH";
  if (sends_body) head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return head + "Connection: close\r\n\r\n";
}

Result<ClientResponse> ReadResponse(const ClientRequest& request, ClientStream* stream) {
  ResponseParser parser;
  parser.Begin({.bodiless = request.method == "HEAD",
                .body_bytes_max = request.body_bytes_max,
                .on_body = request.on_body});
  std::string block(kAnswerPieceBytes, '\0');
  for (;;) {
    NL_TRY(const size_t bytes, stream->Read(block.data(), block.size()));
    if (bytes == 0) {
      NL_RETURN_IF_ERROR(parser.FeedEnd());
      return std::move(parser.response());
    }
    std::string_view input(block.data(), bytes);
    NL_TRY(const bool complete, parser.Feed(&input));
    if (complete) return std::move(parser.response());
  }
}

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
  Result<ClientResponse> response = ReadResponse(request, stream.get());
  if (response.ok()) return response;
  return (sent.ok() ? response.status() : sent).Annotate(url.authority);
}

}  // namespace neurallog::http
