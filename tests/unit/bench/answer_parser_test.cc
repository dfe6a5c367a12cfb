#include "answer_parser.h"

#include <catch2/catch.hpp>

namespace neurallog::bench {
namespace {

using Result = AnswerParser::Result;

const std::string kWithLength = "HTTP/1.1 200 OK\r\ncontent-LENGTH:  5\r\n\r\na\nb\nc";
const std::string kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
    "chunked\r\n\r\n4\r\nab\nc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n";

TEST_CASE("an answer with a length is complete at its last byte") {
  AnswerParser parser;
  CHECK(parser.Feed(kWithLength) == Result::kDone);
  CHECK(parser.status() == 200);
  CHECK(parser.body_bytes() == 5);
  CHECK(parser.body_lines() == 2);
  CHECK(parser.body_head() == "a\nb\nc");
  CHECK(parser.keep_alive());
}

TEST_CASE("answers may come cut at any byte") {
  for (const std::string& answer : {kWithLength, kChunked}) {
    for (size_t cut = 1; cut < answer.size(); ++cut) {
      AnswerParser parser;
      CAPTURE(answer, cut);
      CHECK(parser.Feed(answer.substr(0, cut)) == Result::kMore);
      CHECK(parser.Feed(answer.substr(cut)) == Result::kDone);
      CHECK(parser.body_bytes() == (&answer == &kWithLength || answer == kWithLength ? 5 : 14));
    }
    AnswerParser parser;
    for (size_t i = 0; i + 1 < answer.size(); ++i)
      CHECK(parser.Feed(answer.substr(i, 1)) == Result::kMore);
    CHECK(parser.Feed(answer.substr(answer.size() - 1)) == Result::kDone);
  }
}

TEST_CASE("a parser is reused after Reset") {
  AnswerParser parser;
  CHECK(parser.Feed(kChunked) == Result::kDone);
  parser.Reset();
  CHECK(parser.Feed(
            "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") ==
        Result::kDone);
  CHECK(parser.status() == 503);
  CHECK_FALSE(parser.keep_alive());
  CHECK(parser.body_bytes() == 0);
}

TEST_CASE("answers without a body end with their head") {
  AnswerParser parser;
  CHECK(parser.Feed("HTTP/1.1 204 No Content\r\n\r\n") == Result::kDone);
}

TEST_CASE("an interim answer is passed over") {
  AnswerParser parser;
  CHECK(parser.Feed(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n") ==
        Result::kDone);
  CHECK(parser.status() == 202);
}

TEST_CASE("a body without length ends when the peer closes") {
  AnswerParser parser;
  CHECK(parser.Feed("HTTP/1.0 200 OK\r\n\r\nrows\n") == Result::kMore);
  CHECK(parser.Close() == Result::kDone);
  CHECK(parser.body_lines() == 1);
}

TEST_CASE("a close in the middle is not an answer") {
  AnswerParser parser;
  CHECK(parser.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab") == Result::kMore);
  CHECK(parser.Close() == Result::kMalformed);
}

TEST_CASE("what is not an answer is malformed") {
  for (const char* text : {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc\r\nX: y\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"}) {
    AnswerParser parser;
    CAPTURE(text);
    CHECK(parser.Feed(text) == Result::kMalformed);
  }
  AnswerParser parser;
  CHECK(parser.Feed(std::string(AnswerParser::kHeadBytesMax + 1, 'x')) == Result::kMalformed);
}

}  // namespace
}  // namespace neurallog::bench
