#include "http/message.h"

#include <catch2/catch.hpp>

#include "http/body_budget.h"
#include "http/listen_address.h"
#include "http/out_queue.h"
#include "http/resolver.h"
#include "http/response_head.h"
#include "http/status_map.h"

namespace neurallog::http {
namespace {

TEST_CASE("percent escapes are decoded and broken ones are noticed") {
  REQUIRE(PercentDecode("a%20b%2Fc%c3%A4", false) == "a b/c\xc3\xa4");
  REQUIRE(PercentDecode("a+b", true) == "a b");
  REQUIRE(PercentDecode("a+b", false) == "a+b");
  REQUIRE(PercentDecode("", true) == "");
  REQUIRE(PercentDecode("%00", true) == std::string(1, '\0'));
  for (const char* broken : {"%", "%2", "%zz", "a%2", "%2g", "% 1"})
    REQUIRE_FALSE(PercentDecode(broken, true).has_value());
}

TEST_CASE("query parameters keep their order and broken escapes") {
  QueryParams params("a=1&b=two+words&a=3&&flag&=x&bad=%zz&eq=a=b");
  REQUIRE(params.Find("a") == "1");
  REQUIRE(params.Find("b") == "two words");
  REQUIRE(params.Find("flag") == "");
  REQUIRE(params.Find("bad") == "%zz");
  REQUIRE(params.Find("eq") == "a=b");
  REQUIRE_FALSE(params.Find("c").has_value());
  REQUIRE(params.all().size() == 7);
  params.Add("c=%26");
  REQUIRE(params.Find("c") == "&");
  REQUIRE(QueryParams("").all().empty());
}

TEST_CASE("a response head cannot be split by a header value") {
  Response response;
  response.headers = {
      {"X-Evil", "a\r\nSet-Cookie: b"}, {"Content-Length", "7"}, {"connection", "keep-alive"}};
  std::string head;
  AppendResponseHead(&head, response, {.date = "D", .body_bytes = 3});
  REQUIRE(head ==
          "HTTP/1.1 200 OK\r\nDate: D\r\nX-Evil: a  Set-Cookie: b\r\nContent-Length: 3\r\n\r\n");
  REQUIRE(FormatHttpDate(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("a problem document carries status and detail") {
  const Response busy = ProblemResponse(ResourceExhausted("quota \"x\" is used up"));
  REQUIRE(busy.status == 429);
  REQUIRE(busy.content_type == "application/problem+json");
  REQUIRE(busy.body ==
          "{\"type\":\"about:blank\",\"title\":\"Too Many "
          "Requests\",\"status\":429,\"detail\":\"quota \\\"x\\\" is used up\"}\n");
  REQUIRE(busy.headers.size() == 1);
  REQUIRE(ProblemResponse(NotFound("x")).headers.empty());
  REQUIRE(HttpStatus(Code::kUnsupported) == 415);
  REQUIRE(HttpStatus(Code::kCancelled) == 503);
  REQUIRE(HttpStatus(Code::kCorruption) == 500);
}

TEST_CASE("listen addresses are taken apart") {
  REQUIRE(ParseHostPort("127.0.0.1:80")->host == "127.0.0.1");
  REQUIRE(ParseHostPort("[::1]:8080")->host == "::1");
  REQUIRE(ParseHostPort(":9")->host.empty());
  REQUIRE(ParseHostPort("host:65535")->port == 65535);
  for (const char* wrong :
       {"", "host", "host:", "host:x", "host:65536", "::1:80", "[::1]", "[::1:80", "host:-1"})
    REQUIRE_FALSE(ParseHostPort(wrong).ok());
}

TEST_CASE("numeric addresses and localhost need no lookup, unknown names are errors") {
  REQUIRE(*ResolveHost("192.0.2.1") == std::vector<std::string>{"192.0.2.1"});
  REQUIRE(*ResolveHost("::1") == std::vector<std::string>{"::1"});
  REQUIRE(ResolveHost("localhost")->front() == "127.0.0.1");
  REQUIRE_FALSE(ResolveHost("").ok());
  const auto unknown = ResolveHost("no-such-host.invalid");
  REQUIRE_FALSE(unknown.ok());
  REQUIRE(unknown.status().message().find("no-such-host.invalid") != std::string_view::npos);
}

TEST_CASE("an out queue gives back what was put in, in pieces of any size") {
  OutQueue queue;
  std::string expected, sent;
  for (int i = 0; i < 200; ++i) {
    const std::string piece(static_cast<size_t>(i * 977 % 40'000), static_cast<char>('a' + i % 26));
    expected += piece;
    if (i % 2 == 0) {
      queue.Append(piece);
    } else {
      queue.AppendOwned(std::string(piece));
    }
    iovec slices[OutQueue::kSlicesMax];
    const int count = queue.Gather(slices);
    queue.Append("pinned");  // while "in flight"
    expected += "pinned";
    size_t take = static_cast<size_t>(i * 7919 % 30'000);
    size_t taken = 0;
    for (int s = 0; s < count && take > 0; ++s) {
      const size_t part = std::min(take, slices[s].iov_len);
      sent.append(static_cast<const char*>(slices[s].iov_base), part);
      taken += part;
      take -= part;
    }
    queue.Consume(taken);
  }
  iovec slices[OutQueue::kSlicesMax];
  while (!queue.empty()) {
    REQUIRE(queue.Gather(slices) > 0);
    sent.append(static_cast<const char*>(slices[0].iov_base), slices[0].iov_len);
    queue.Consume(slices[0].iov_len);
  }
  REQUIRE(sent == expected);
  REQUIRE(queue.bytes() == 0);
}

struct TestWaiter : BodyBudget::Waiter {
  void OnGranted(size_t bytes) override { granted += bytes; }
  size_t granted = 0;
};

TEST_CASE("the body budget serves in order and lets one waiter beyond the bound") {
  BodyBudget budget(100);
  std::vector<std::shared_ptr<TestWaiter>> waiters;
  for (int i = 0; i < 5; ++i) waiters.push_back(std::make_shared<TestWaiter>());
  REQUIRE(budget.Reserve(waiters[0], 60, 0));
  REQUIRE(budget.Reserve(waiters[1], 40, 0));
  REQUIRE_FALSE(budget.Reserve(waiters[2], 10, 0));
  REQUIRE_FALSE(budget.Reserve(waiters[3], 1, 0));
  // 0 holds a part and grows: beyond the bound, because somebody must get done; 1 has to wait for
  // it.
  REQUIRE(budget.Reserve(waiters[0], 60, 60));
  REQUIRE_FALSE(budget.Reserve(waiters[1], 40, 40));
  REQUIRE(budget.Reserve(waiters[0], 10, 120));
  REQUIRE(budget.held_bytes() == 170);
  budget.Release(waiters[0].get(), 130);
  REQUIRE(waiters[1]->granted == 40);
  REQUIRE(waiters[2]->granted == 10);
  REQUIRE(waiters[3]->granted == 1);
  REQUIRE_FALSE(budget.has_waiters());
  REQUIRE_FALSE(budget.Reserve(waiters[4], 1000, 0));
  budget.Release(waiters[1].get(), 80);
  budget.Release(waiters[2].get(), 10);
  REQUIRE(waiters[4]->granted == 0);
  budget.Release(waiters[3].get(), 1);
  REQUIRE(waiters[4]->granted == 1000);
  REQUIRE_FALSE(budget.Reserve(waiters[0], 5, 0));
  budget.Cancel(waiters[0].get());
  budget.Release(waiters[4].get(), 1000);
  REQUIRE(waiters[0]->granted == 0);
  REQUIRE(budget.held_bytes() == 0);
}

}  // namespace
}  // namespace neurallog::http
