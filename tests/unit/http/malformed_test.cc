#include "http/chunk_decoder.h"
#include "http/head_parser.h"
#include "http_test_support.h"

namespace neurallog::http {
namespace {

struct Case {
  const char* name;
  std::string request;
  int status;
};

const std::string kHost = "Host: test\r\n";
const std::string kPost = "POST /echo HTTP/1.1\r\nHost: test\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

std::vector<Case> Cases() {
  return {
      {"both lengths", kPost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"both lengths, other order",
       kPost + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"length and unknown coding",
       kPost + "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"two different lengths", kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"the same length twice", kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"a list of lengths", kPost + "Content-Length: 3, 3\r\n\r\nabc", 400},
      {"a length with plus", kPost + "Content-Length: +3\r\n\r\nabc", 400},
      {"a length with minus", kPost + "Content-Length: -3\r\n\r\nabc", 400},
      {"a length with a space inside", kPost + "Content-Length: 1 2\r\n\r\nabc", 400},
      {"a hexadecimal length", kPost + "Content-Length: 0x3\r\n\r\nabc", 400},
      {"an empty length", kPost + "Content-Length: \r\n\r\n", 400},
      {"a length beyond 64 bits", kPost + "Content-Length: 18446744073709551616\r\n\r\n", 400},
      {"a length at the end of 64 bits", kPost + "Content-Length: 18446744073709551615\r\n\r\n",
       413},
      {"chunked twice", kPost + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked in two headers",
       kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked hidden by a second coding",
       kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400},
      {"identity", kPost + "Transfer-Encoding: identity\r\n\r\n", 400},
      {"identity before chunked", kPost + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
       400},
      {"chunked not last", kPost + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
      {"an unknown coding", kPost + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"an unknown coding before chunked",
       kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"xchunked", kPost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"a quoted coding", kPost + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400},
      {"chunked with a parameter", kPost + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400},
      {"a control character before chunked",
       kPost + "Transfer-Encoding: \x0b"
               "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"an empty coding", kPost + "Transfer-Encoding:\r\n\r\n", 400},
      {"a coding in HTTP/1.0",
       "POST /echo HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a folded line", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\n\r\n", 400},
      {"a folded line with a tab", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n\tb\r\n\r\n", 400},
      {"a blank first line of a folded header", "GET / HTTP/1.1\r\nHost: test\r\nX:\r\n b\r\n\r\n",
       400},
      {"a blank last line of a folded header",
       "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n \r\nY: z\r\n\r\n", 400},
      {"a folded Transfer-Encoding", kPost + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
       400},
      {"a folded first header", "GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400},
      {"a space before the colon", kPost + "Content-Length : 3\r\n\r\nabc", 400},
      {"a tab before the colon", kPost + "Transfer-Encoding\t: chunked\r\n\r\n", 400},
      {"a header without colon", "GET / HTTP/1.1\r\nHost: test\r\nnonsense\r\n\r\n", 400},
      {"a header without name", "GET / HTTP/1.1\r\nHost: test\r\n: value\r\n\r\n", 400},
      {"a bare LF after the request line", "GET / HTTP/1.1\nHost: test\r\n\r\n", 400},
      {"a bare LF after a header", "GET / HTTP/1.1\r\nHost: test\nX: y\r\n\r\n", 400},
      {"bare LFs only", "GET / HTTP/1.1\nHost: test\n\n", 400},
      {"a bare CR in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\rb\r\n\r\n", 400},
      {"a bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: test\r\r\n\r\n", 400},
      {"NUL in a value",
       "GET / HTTP/1.1\r\nHost: test\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n", 400},
      {"NUL in a name", "GET / HTTP/1.1\r\nHost: test\r\nX" + std::string(1, '\0') + ": b\r\n\r\n",
       400},
      {"NUL in the target", "GET /a" + std::string(1, '\0') + "b HTTP/1.1\r\nHost: test\r\n\r\n",
       400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505},
      {"HTTP/0.9 as a number", "GET / HTTP/0.9\r\nHost: test\r\n\r\n", 505},
      {"HTTP/0.9", "GET /\r\n\r\n", 400},
      {"a version in lower case", "GET / http/1.1\r\nHost: test\r\n\r\n", 400},
      {"a version with more digits", "GET / HTTP/1.10\r\nHost: test\r\n\r\n", 400},
      {"something else than HTTP", "GET / ICAP/1.0\r\nHost: test\r\n\r\n", 400},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"a relative target", "GET index HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"an asterisk outside of OPTIONS", "GET * HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"another scheme", "GET ftp://example.org/ HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"a scheme without authority", "GET http:///path HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"a fragment", "GET /a#b HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"TLS on the plain port", "\x16\x03\x01\x02", 400},
      {"a space first", " GET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"many blank lines", "\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400},
      {"a broken Connection header", "GET / HTTP/1.1\r\nHost: test\r\nConnection: @\r\n\r\n", 400},
      {"a chunk size that is no number", kChunked + "xyz\r\n", 400},
      {"an empty chunk size", kChunked + "\r\n", 400},
      {"a chunk size with a prefix", kChunked + "0x5\r\nhello\r\n0\r\n\r\n", 400},
      {"a chunk size with a sign", kChunked + "+5\r\nhello\r\n0\r\n\r\n", 400},
      {"a chunk size with a space", kChunked + "5 \r\nhello\r\n0\r\n\r\n", 400},
      {"a chunk size beyond 64 bits", kChunked + "10000000000000005\r\nhello\r\n0\r\n\r\n", 400},
      {"a chunk size below 64 bits", kChunked + "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", 400},
      {"a large chunk size", kChunked + "FFFFFFFFFF\r\nhello\r\n0\r\n\r\n", 413},
      {"a chunk without its line end", kChunked + "5\r\nhelloX0\r\n\r\n", 400},
      {"a chunk that is longer than its size", kChunked + "3\r\nhello\r\n0\r\n\r\n", 400},
      {"a bare LF after the chunk size", kChunked + "5\nhello\r\n0\r\n\r\n", 400},
      {"a bare LF after the chunk", kChunked + "5\r\nhello\n0\r\n\r\n", 400},
      {"a bare LF in a chunk extension", kChunked + "5;a\nb\r\nhello\r\n0\r\n\r\n", 400},
      {"a bare LF in the trailers", kChunked + "0\r\nA: b\n\r\n", 400},
      {"a chunk extension without end", kChunked + "5;" + std::string(5000, 'e'), 400},
      {"trailers without end", kChunked + "0\r\nA: " + std::string(5000, 'e'), 400},
      {"a folded trailer", kChunked + "0\r\n a\r\n\r\n", 400},
  };
}

TEST_CASE("malformed requests are refused, the connection ends and what follows is not served") {
  TestServer server(TestOptions(AnyBackend()));
  for (const Case& one : Cases()) {
    INFO(one.name);
    RawClient client = server.Connect();
    client.Send(one.request + Get("/smuggled"));
    const RawResponse response = client.Read();
    CHECK(response.status == one.status);
    CHECK(response.headers.at("connection") == "close");
    CHECK(response.headers.at("content-type") == "application/problem+json");
    CHECK(client.EndsWithin(5000));
  }
  REQUIRE(server.handler.handled == 0);
  REQUIRE(server.server->stats().malformed + 2 == Cases().size());
}

TEST_CASE("lenient forms that cannot be read in two ways are served") {
  TestServer server(TestOptions(AnyBackend()));
  const std::vector<std::pair<std::string, std::string>> requests = {
      {"\r\n\r\nGET /hello HTTP/1.1\r\nHost: test\r\n\r\n", "hello"},
      {"GET /hello HTTP/1.1\r\nHost:\r\n\r\n", "hello"},
      {"GET /hello HTTP/1.1\r\nhost:[::1]:8080\r\n\r\n", "hello"},
      {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "hello"},
      {"GET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n", "hello"},
      {"BREW /target HTTP/1.1\r\nHost: test\r\n\r\n", "/target"},
      {"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 0003\r\n\r\nabc", "abc"},
      {"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", ""},
      {"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: "
       "CHUNKED\r\n\r\n03\r\nabc\r\n000\r\n\r\n",
       "abc"},
  };
  RawClient client = server.Connect();
  for (const auto& [request, body] : requests) {
    INFO(request);
    client.Send(request);
    const RawResponse response = client.Read();
    CHECK(response.status == 200);
    CHECK(response.body == body);
  }
}

HeadError Parse(const std::string& head, Request* request, Framing* framing) {
  request->head = std::make_unique<char[]>(head.size());
  std::copy(head.begin(), head.end(), request->head.get());
  return ParseHead(head.size(), request, framing);
}

TEST_CASE("a parsed head points into its own bytes and survives a move") {
  Request request;
  Framing framing;
  const std::string head =
      "POST /v1/logs?a=b%20c HTTP/1.1\r\nHost: h\r\nContent-Length: 42\r\nConnection: "
      "close\r\nEmpty:\r\n\r\n";
  REQUIRE(Parse(head, &request, &framing).status == 0);
  const Request moved = std::move(request);
  REQUIRE(moved.method == Method::kPost);
  REQUIRE(moved.path() == "/v1/logs");
  REQUIRE(moved.query() == "a=b%20c");
  REQUIRE(moved.headers.size() == 4);
  REQUIRE(moved.FindHeader("CONTENT-length") == "42");
  REQUIRE(moved.FindHeader("empty").empty());
  REQUIRE(framing.content_length == 42);
  REQUIRE_FALSE(framing.keep_alive);
  REQUIRE(moved.target.data() > moved.head.get());
  REQUIRE(moved.target.data() < moved.head.get() + head.size());
}

TEST_CASE("every head that is cut short or has a byte changed is refused or parsed, never more") {
  const std::string head =
      "POST http://host:80/a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: "
      "100-continue\r\nX: y\r\n\r\n";
  for (size_t at = 0; at < head.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = head;
      changed[at] = static_cast<char>(byte);
      Request request;
      Framing framing;
      const HeadError error = Parse(changed, &request, &framing);
      if (error.status != 0) continue;
      REQUIRE(!request.target.empty());
      for (const Header& header : request.headers)
        REQUIRE(header.name.data() + header.name.size() <= request.head.get() + head.size());
    }
    Request request;
    Framing framing;
    if (at > 0) REQUIRE(Parse(head.substr(0, at), &request, &framing).status != 0);
  }
}

TEST_CASE("the head scanner finds the end at every split") {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n", rest = "GET";
  for (size_t split = 0; split < head.size(); ++split) {
    HeadScanner scanner;
    REQUIRE(scanner.Scan(head.substr(0, split)) == HeadScanner::Outcome::kIncomplete);
    REQUIRE(scanner.Scan(head + rest) == HeadScanner::Outcome::kComplete);
    REQUIRE(scanner.size() == head.size());
  }
}

TEST_CASE("the chunk decoder gives the same body for every split") {
  const std::string encoded =
      "4\r\nWiki\r\n6;x=y\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nA: b\r\nC: d\r\n\r\nNEXT";
  for (size_t first = 0; first < encoded.size() - 4; ++first) {
    ChunkDecoder decoder;
    std::string body;
    bool done = false;
    std::string_view left;
    for (std::string_view piece :
         {std::string_view(encoded).substr(0, first), std::string_view(encoded).substr(first)}) {
      for (;;) {
        std::string_view data;
        const auto outcome = decoder.Next(&piece, &data);
        REQUIRE(outcome != ChunkDecoder::Outcome::kMalformed);
        body += data;
        done = outcome == ChunkDecoder::Outcome::kDone;
        left = piece;
        if (outcome != ChunkDecoder::Outcome::kData) break;
      }
    }
    REQUIRE(done);
    REQUIRE(left == "NEXT");
    REQUIRE(body == "Wikipedia in \r\n\r\nchunks.");
  }
}

}  // namespace
}  // namespace neurallog::http
