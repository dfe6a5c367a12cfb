#include "http/head_parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <cstring>

#include "base/ascii.h"

namespace neurallog::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;
using beast::http::verb;
using Error = beast::error_code;
using BeastView = beast::string_view;

constexpr size_t kHeadersExpected = 12;

std::string_view View(BeastView text) { return {text.data(), text.size()}; }

using base::EqualsIgnoreCase;

Method MethodOf(verb v) {
  switch (v) {
    case verb::get: return Method::kGet;
    case verb::head: return Method::kHead;
    case verb::post: return Method::kPost;
    case verb::put: return Method::kPut;
    case verb::patch: return Method::kPatch;
    case verb::delete_: return Method::kDelete;
    case verb::options: return Method::kOptions;
    default: return Method::kOther;
  }
}

// Collects the fields as views into the head, with the few that decide about framing aside.
class Parser final : public beast::http::basic_parser<true> {
 public:
  Parser(size_t head_bytes, Request* request)
      : request_(request), head_end_(request->head.get() + head_bytes) {
    header_limit(static_cast<uint32_t>(head_bytes) + 1);
    body_limit(boost::none);
    request->headers.reserve(kHeadersExpected);
  }

  int version = 11;
  bool folded = false;
  int hosts = 0, lengths = 0, codings = 0, expectations = 0;
  std::string_view host, length, coding, expectation;

 private:
  void on_request_impl(verb method, BeastView, BeastView target, int minor_major, Error&) override {
    request_->method = MethodOf(method);
    request_->target = View(target);
    version = minor_major;
  }

  void on_field_impl(field name, BeastView beast_name, BeastView beast_value, Error&) override {
    const std::string_view name_text = View(beast_name), value = View(beast_value);
    folded = folded || IsFolded(name_text, value);
    request_->headers.push_back({name_text, value});
    switch (name) {
      case field::host: return Note(value, &hosts, &host);
      case field::content_length: return Note(value, &lengths, &length);
      case field::transfer_encoding: return Note(value, &codings, &coding);
      case field::expect: return Note(value, &expectations, &expectation);
      default: return;
    }
  }

  static void Note(std::string_view value, int* count, std::string_view* last) {
    ++*count;
    *last = value;
  }

  // Beast joins folded lines in a buffer of its own, or, when the first line is blank, steps over
  // its line end.
  bool IsFolded(std::string_view name, std::string_view value) const {
    const char* after_colon = name.data() + name.size() + 1;
    if (value.data() < after_colon || value.data() > head_end_) return true;
    return std::memchr(after_colon, '\r', static_cast<size_t>(value.data() - after_colon)) !=
           nullptr;
  }

  void on_response_impl(int, BeastView, int, Error&) override {}
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, Error&) override {}
  size_t on_body_impl(BeastView, Error&) override { return 0; }
  void on_chunk_header_impl(uint64_t, BeastView, Error&) override {}
  size_t on_chunk_body_impl(uint64_t, BeastView, Error&) override { return 0; }
  void on_finish_impl(Error&) override {}

  Request* request_;
  const char* head_end_;
};

using base::IsDigit;

// "HTTP/2.0" as the third word of three is a version that exists elsewhere; anything else is no
// HTTP.
int StatusOfBadVersion(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::string_view word = line.substr(line.rfind(' ') + 1);
  const bool three_words = std::count(line.begin(), line.end(), ' ') == 2;
  const bool other = word != "HTTP/1.0" && word != "HTTP/1.1";
  const bool is_version = word.size() == 8 && word.substr(0, 5) == "HTTP/" && IsDigit(word[5]) &&
                          word[6] == '.' && IsDigit(word[7]);
  return three_words && other && is_version ? 505 : 400;
}

// A set of bytes that is looked up without branches.
struct ByteSet {
  constexpr explicit ByteSet(std::string_view others) {
    for (char c = 'a'; c <= 'z'; ++c)
      has[static_cast<size_t>(c)] = has[static_cast<size_t>(c - 'a' + 'A')] = true;
    for (char c = '0'; c <= '9'; ++c) has[static_cast<size_t>(c)] = true;
    for (char c : others) has[static_cast<size_t>(c)] = true;
  }
  bool HasAll(std::string_view text) const {
    return std::all_of(text.begin(), text.end(),
                       [this](char c) { return has[static_cast<unsigned char>(c)]; });
  }
  bool has[256] = {};
};

constexpr ByteSet kHostBytes("-._~!$&'()*+;=:[]%");
constexpr ByteSet kTokenBytes("!#$%&'*+-.^_`|~");

HeadError CheckHost(const Parser& parser) {
  if (parser.hosts > 1) return {400, "more than one Host header"};
  if (parser.hosts == 0 && parser.version >= 11) return {400, "no Host header"};
  if (!kHostBytes.HasAll(parser.host)) return {400, "invalid Host header"};
  return {};
}

HeadError CheckContentLength(const Parser& parser, Framing* framing) {
  if (parser.lengths == 0) return {};
  if (parser.lengths > 1) return {400, "more than one Content-Length header"};
  const std::string_view text = parser.length;
  const bool digits = std::all_of(text.begin(), text.end(), &IsDigit);
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), framing->content_length);
  if (!digits || error != std::errc() || end != text.data() + text.size())
    return {400, "invalid Content-Length"};
  return {};
}

bool IsToken(std::string_view text) { return !text.empty() && kTokenBytes.HasAll(text); }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "gzip" and "gzip, chunked" are codings that this server does not have; everything else beside
// "chunked" is a trick or a mistake.
HeadError RefuseCoding(std::string_view codings) {
  bool chunked_seen = false;
  while (true) {
    const size_t comma = std::min(codings.find(','), codings.size());
    const std::string_view coding = Trim(codings.substr(0, comma));
    if (chunked_seen || !IsToken(coding) || EqualsIgnoreCase(coding, "identity"))
      return {400, "invalid Transfer-Encoding"};
    chunked_seen = EqualsIgnoreCase(coding, "chunked");
    if (comma == codings.size())
      return {501, "Transfer-Encoding other than chunked is not supported"};
    codings.remove_prefix(comma + 1);
  }
}

HeadError CheckTransferEncoding(const Parser& parser, Framing* framing) {
  if (parser.codings == 0) return {};
  if (parser.lengths > 0) return {400, "both Content-Length and Transfer-Encoding"};
  if (parser.codings > 1) return {400, "more than one Transfer-Encoding header"};
  if (parser.version < 11) return {400, "Transfer-Encoding in an HTTP/1.0 request"};
  if (!EqualsIgnoreCase(parser.coding, "chunked")) return RefuseCoding(parser.coding);
  framing->chunked = true;
  return {};
}

HeadError CheckExpectation(const Parser& parser, Framing* framing) {
  if (parser.expectations == 0 || parser.version < 11) return {};
  if (parser.expectations > 1 || !EqualsIgnoreCase(parser.expectation, "100-continue"))
    return {417, "unknown expectation"};
  framing->expects_continue = true;
  return {};
}

// Cuts "http://host:port/path?query" down to "/path?query". A missing path takes the place of the
// authority's last byte.
bool ReduceAbsoluteForm(Request* request) {
  std::string_view target = request->target;
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return false;
  if (!EqualsIgnoreCase(target.substr(0, scheme), "http") &&
      !EqualsIgnoreCase(target.substr(0, scheme), "https"))
    return false;
  const size_t authority = scheme + 3;
  size_t path = std::min(target.find_first_of("/?", authority), target.size());
  if (path == authority) return false;
  if (path == target.size() || target[path] == '?') {
    --path;
    request->head[static_cast<size_t>(target.data() - request->head.get()) + path] = '/';
  }
  request->target = target.substr(path);
  return true;
}

HeadError CheckTarget(Request* request) {
  const std::string_view target = request->target;
  if (target.find('#') != std::string_view::npos) return {400, "a fragment in the request target"};
  if (target[0] == '/') return {};
  if (target == "*" && request->method == Method::kOptions) return {};
  if (ReduceAbsoluteForm(request)) return {};
  return {400, "the request target is not a path"};
}

}  // namespace

HeadScanner::Outcome HeadScanner::Scan(std::string_view bytes) {
  while (scanned_ < bytes.size()) {
    const void* found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    if (found == nullptr) {
      scanned_ = bytes.size();
      return Outcome::kIncomplete;
    }
    const auto line_end = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    scanned_ = line_end + 1;
    if (line_end == 0 || bytes[line_end - 1] != '\r') return Outcome::kMalformed;
    if (line_end - line_start_ == 1) return Outcome::kComplete;
    line_start_ = scanned_;
  }
  return Outcome::kIncomplete;
}

HeadError ParseHead(size_t size, Request* request, Framing* framing) {
  const std::string_view head(request->head.get(), size);
  Parser parser(size, request);
  Error error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error == beast::http::error::bad_version)
    return {StatusOfBadVersion(head), "unknown HTTP version"};
  if (error) return {400, "malformed request head: " + error.message()};
  if (!parser.is_header_done()) return {400, "malformed request head"};
  if (parser.folded) return {400, "a folded header line"};
  framing->http11 = parser.version >= 11;
  framing->keep_alive = parser.keep_alive();
  if (HeadError refused = CheckHost(parser); refused.status != 0) return refused;
  if (HeadError refused = CheckTransferEncoding(parser, framing); refused.status != 0)
    return refused;
  if (HeadError refused = CheckContentLength(parser, framing); refused.status != 0) return refused;
  if (HeadError refused = CheckExpectation(parser, framing); refused.status != 0) return refused;
  return CheckTarget(request);
}

}  // namespace neurallog::http
