#include <fstream>

#include "http_test_support.h"

namespace neurallog::http {
namespace {

TEST_CASE("a connection answers one request after the other") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  for (int i = 0; i < 5; ++i) {
    REQUIRE(client.Send(Get("/hello")));
    const RawResponse hello = client.Read();
    REQUIRE(hello.status == 200);
    REQUIRE(hello.body == "hello");
    REQUIRE(hello.headers.at("content-type") == "text/plain");
    REQUIRE(hello.headers.at("date").size() == 29);
    REQUIRE(hello.headers.count("connection") == 0);
    REQUIRE(client.Send(Post("/echo", "body " + std::to_string(i))));
    REQUIRE(client.Read().body == "body " + std::to_string(i));
  }
  REQUIRE(server.server->stats().connections_accepted == 1);
  REQUIRE(server.server->stats().requests == 10);
}

TEST_CASE("io_uring serves where the kernel allows it, and the server says what it uses") {
  TestServer epoll(TestOptions(IoBackend::kAuto));
  REQUIRE(epoll.server->backend() == IoBackend::kEpoll);
  std::ifstream disabled("/proc/sys/kernel/io_uring_disabled");
  std::string value;
  TestServer uring(TestOptions(IoBackend::kIoUring));
  if (disabled >> value && value == "0")
    WARN("backend of the io_uring server: " << IoBackendName(uring.server->backend()));
  RawClient client = uring.Connect();
  client.Send(Get("/hello"));
  REQUIRE(client.Read().status == 200);
}

TEST_CASE("a hundred pipelined requests in one write are answered in order") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i);
    all += i % 3 == 0   ? Get("/async?" + text)
           : i % 3 == 1 ? Post("/echo", text)
                        : Get("/target?" + text);
  }
  REQUIRE(client.Send(all));
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i);
    REQUIRE(client.Read().body == (i % 3 == 2 ? "/target?" + text : text));
  }
}

TEST_CASE("pipelined requests larger than the input buffer keep their order") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  std::vector<std::string> bodies;
  std::string all;
  for (int i = 0; i < 40; ++i) {
    bodies.emplace_back(static_cast<size_t>(i) * 1777 % 40000, static_cast<char>('a' + i % 26));
    all += Post("/echo", bodies.back());
  }
  std::thread sender([&] { client.Send(all); });
  for (const std::string& body : bodies) {
    const RawResponse response = client.Read();
    REQUIRE(response.status == 200);
    REQUIRE(response.body == body);
  }
  sender.join();
}

TEST_CASE("a request that comes byte by byte is one request") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  for (char c : Post("/echo", "slow body") + Get("/target")) {
    REQUIRE(client.Send({&c, 1}));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  REQUIRE(client.Read().body == "slow body");
  REQUIRE(client.Read().body == "/target");
}

TEST_CASE("a large body arrives whole, with a length and in chunks") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  std::string body(5'000'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 7 % 23);
  std::thread sender([&] { client.Send(Post("/echo", body)); });
  REQUIRE(client.Read().body == body);
  sender.join();

  for (size_t chunk_bytes : {1000u, 16383u, 70'000u, 3'000'000u}) {
    std::string request = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size(); at += chunk_bytes) {
      const std::string piece = body.substr(at, chunk_bytes);
      char size[20];
      std::snprintf(size, sizeof(size), "%zX\r\n", piece.size());
      request += size + piece + "\r\n";
    }
    request += "0\r\n\r\n";
    std::thread chunk_sender([&] { client.Send(request); });
    const RawResponse response = client.Read();
    chunk_sender.join();
    REQUIRE(response.status == 200);
    REQUIRE(response.body == body);
  }
}

TEST_CASE("chunks may be split at every byte, and the next request follows at once") {
  TestServer server(TestOptions(AnyBackend()));
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5\r\nhello\r\n001;name=\"a value\"\r\n,\r\nC\r\n chunked wor\r\n2\r\nld\r\n0\r\nTrailer: "
      "dropped\r\n\r\n" +
      Get("/target");
  for (size_t split = 1; split < request.size(); split += 3) {
    RawClient client = server.Connect();
    client.Send(request.substr(0, split));
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    client.Send(request.substr(split));
    REQUIRE(client.Read().body == "hello, chunked world");
    REQUIRE(client.Read().body == "/target");
  }
}

TEST_CASE("Expect: 100-continue is answered after the head passed, and before the body comes") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n");
  REQUIRE(client.Read().status == 100);
  client.Send("body");
  REQUIRE(client.Read().body == "body");

  client.Send(
      "POST /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const RawResponse refused = client.Read();
  REQUIRE(refused.status == 401);
  REQUIRE(refused.headers.at("connection") == "close");
  REQUIRE(client.EndsWithin(5000));

  RawClient other = server.Connect();
  other.Send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: a-miracle\r\n\r\n");
  REQUIRE(other.Read().status == 417);

  RawClient eager = server.Connect();
  eager.Send(
      "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody");
  REQUIRE(eager.Read().body == "body");
}

TEST_CASE("HEAD has the length of the body but no body") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send("HEAD /hello HTTP/1.1\r\nHost: test\r\n\r\n" + Get("/target"));
  const RawResponse head = client.Read(/*head_request=*/true);
  REQUIRE(head.status == 200);
  REQUIRE(head.headers.at("content-length") == "5");
  REQUIRE(client.Read().body == "/target");
  client.Send("HEAD /stream?pieces=1000&bytes=1000 HTTP/1.1\r\nHost: test\r\n\r\n" +
              Get("/target"));
  REQUIRE(client.Read(/*head_request=*/true).headers.at("transfer-encoding") == "chunked");
  REQUIRE(client.Read().body == "/target");
  client.Send(Get("/nocontent") + Get("/target"));
  const RawResponse no_content = client.Read();
  REQUIRE(no_content.status == 204);
  REQUIRE(no_content.headers.count("content-length") == 0);
  REQUIRE(client.Read().body == "/target");
}

TEST_CASE("HTTP/1.0 and Connection headers decide whether the connection stays") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient old = server.Connect();
  old.Send("GET /hello HTTP/1.0\r\n\r\n");
  REQUIRE(old.Read().headers.at("connection") == "close");
  REQUIRE(old.EndsWithin(5000));

  RawClient old_kept = server.Connect();
  old_kept.Send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(old_kept.Read().headers.at("connection") == "keep-alive");
  old_kept.Send("GET /stream?pieces=3&bytes=4 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const RawResponse stream = old_kept.Read();
  REQUIRE(stream.headers.count("transfer-encoding") == 0);
  REQUIRE(stream.body == std::string(12, 'x'));

  RawClient closing = server.Connect();
  closing.Send("GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  REQUIRE(closing.Read().headers.at("connection") == "close");
  REQUIRE(closing.EndsWithin(5000));
}

TEST_CASE("what the handler sees of the request is what was sent") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send("GET /header HTTP/1.1\r\nHost: test\r\nX-TEST:  a value \t\r\n\r\n");
  REQUIRE(client.Read().body == "a value");
  client.Send("GET http://example.org:8080/target?a=b HTTP/1.1\r\nHost: test\r\n\r\n");
  REQUIRE(client.Read().body == "/target?a=b");
  client.Send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
  REQUIRE(client.Read().status == 200);
  client.Send(Get("/peer"));
  const std::string peer = client.Read().body;
  REQUIRE(peer.substr(0, 10) == "127.0.0.1:");
  REQUIRE(peer.find(" loopback") != std::string::npos);
}

TEST_CASE("an answer that nobody gives is a 500") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(Get("/drop") + Get("/throw") + Get("/hello"));
  REQUIRE(client.Read().status == 500);
  REQUIRE(client.Read().status == 500);
  REQUIRE(client.Read().body == "hello");
}

TEST_CASE("answers given from another thread reach their connections") {
  TestServer server(TestOptions(AnyBackend()));
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(server.Connect());
    clients.back().Send(Get("/hold"));
  }
  REQUIRE(Eventually([&] { return server.handler.held_count() == 50; }));
  for (const ResponderPtr& responder : server.handler.TakeHeld()) {
    REQUIRE_FALSE(responder->closed());
    responder->Send(TestHandler::Text("late"));
  }
  for (RawClient& client : clients) REQUIRE(client.Read().body == "late");
}

TEST_CASE("a client that leaves while its answer is computed is noticed") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(Get("/hold"));
  REQUIRE(Eventually([&] { return server.handler.held_count() == 1; }));
  const auto held = server.handler.TakeHeld();
  std::atomic<bool> resumed{false};
  REQUIRE_FALSE(held[0]->closed());
  client.Close();
  REQUIRE(Eventually([&] { return held[0]->closed(); }));
  held[0]->OnDrained(1, [&] { resumed = true; });
  REQUIRE(Eventually([&] { return resumed.load(); }));
  held[0]->Start(TestHandler::Text(""));
  held[0]->Write("for nobody");
  held[0]->Finish();
  REQUIRE(Eventually([&] { return server.server->stats().connections_open == 0; }));
}

TEST_CASE("a client that only ends its sending side still gets its whole answer") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(Get("/async?one") + Get("/hold"));
  client.ShutdownSend();
  REQUIRE(client.Read().body == "one");
  REQUIRE(Eventually([&] { return server.handler.held_count() == 1; }));
  server.handler.TakeHeld()[0]->Send(TestHandler::Text("two"));
  REQUIRE(client.Read().body == "two");
  REQUIRE(client.EndsWithin(5000));
}

TEST_CASE("bytes sent while an answer is computed are not lost") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(Get("/hold"));
  REQUIRE(Eventually([&] { return server.handler.held_count() == 1; }));
  const std::string large(100'000, 'q');
  std::thread sender([&] { client.Send(Post("/echo", "early") + Post("/echo", large)); });
  std::this_thread::sleep_for(milliseconds(30));
  server.handler.TakeHeld()[0]->Send(TestHandler::Text("first"));
  REQUIRE(client.Read().body == "first");
  REQUIRE(client.Read().body == "early");
  REQUIRE(client.Read().body == large);
  sender.join();
}

TEST_CASE("a slow reader bounds what a stream buffers") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect(/*receive_buffer_bytes=*/8192);
  client.Send(Get("/stream?pieces=4000&bytes=10000"));
  REQUIRE(Eventually([&] { return server.handler.streamer() != nullptr; }));
  const auto streamer = server.handler.streamer();
  std::this_thread::sleep_for(milliseconds(200));
  REQUIRE_FALSE(streamer->ended);
  const RawResponse response = client.Read();
  REQUIRE(response.complete);
  REQUIRE(response.body.size() == 40'000'000);
  REQUIRE(streamer->drained_calls > 10);
  REQUIRE(streamer->most_buffered < Streamer::kHighBytes + 20'000);
  client.Send(Get("/hello"));
  REQUIRE(client.Read().body == "hello");
}

TEST_CASE("a stream ends when its reader goes away") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(Get("/stream?pieces=1000000&bytes=10000"));
  REQUIRE(Eventually([&] { return server.handler.streamer() != nullptr; }));
  const auto streamer = server.handler.streamer();
  std::this_thread::sleep_for(milliseconds(50));
  REQUIRE_FALSE(streamer->ended);
  client.Close();
  REQUIRE(Eventually([&] { return streamer->ended.load(); }));
  REQUIRE(streamer->pieces > 0);
}

TEST_CASE("an aborted stream cannot be taken for a whole one") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(Get("/abort"));
  const RawResponse response = client.Read();
  REQUIRE(response.status == 200);
  REQUIRE(response.body == "the beginning");
  REQUIRE_FALSE(response.complete);
}

TEST_CASE("a large answer to a slow reader arrives whole") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect(/*receive_buffer_bytes=*/8192);
  client.Send(Get("/big") + Get("/target"));
  std::this_thread::sleep_for(milliseconds(100));
  REQUIRE(client.Read().body == std::string(8 << 20, 'b'));
  REQUIRE(client.Read().body == "/target");
}

TEST_CASE("a client that pipelines without reading is not answered without bound") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect(/*receive_buffer_bytes=*/8192);
  const std::string body(10'000, 'p');
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += Post("/echo", body);
  std::thread sender([&] { client.Send(requests); });
  std::this_thread::sleep_for(milliseconds(300));
  const int handled = server.handler.handled;
  CHECK(handled < 1000);
  for (int i = 0; i < 1000; ++i) REQUIRE(client.Read().body == body);
  sender.join();
}

TEST_CASE("stopping lets running requests finish and closes idle connections") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient idle = server.Connect(), busy = server.Connect();
  idle.Send(Get("/hello"));
  REQUIRE(idle.Read().status == 200);
  busy.Send(Get("/hold"));
  REQUIRE(Eventually([&] { return server.handler.held_count() == 1; }));
  const auto held = server.handler.TakeHeld();
  std::thread stopper([&] { server.server->Stop(/*drain_ms=*/10'000); });
  REQUIRE(idle.EndsWithin(5000));
  held[0]->Send(TestHandler::Text("last words"));
  const RawResponse last = busy.Read();
  REQUIRE(last.body == "last words");
  REQUIRE(last.headers.at("connection") == "close");
  stopper.join();
  REQUIRE(server.server->stats().connections_open == 0);
}

TEST_CASE("stopping does not wait longer than it was told, and late answers are harmless") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient busy = server.Connect();
  busy.Send(Get("/hold"));
  REQUIRE(Eventually([&] { return server.handler.held_count() == 1; }));
  const auto begin = steady_clock::now();
  server.server->Stop(/*drain_ms=*/100);
  REQUIRE(steady_clock::now() - begin < milliseconds(3000));
  REQUIRE(busy.EndsWithin(1000));
  auto held = server.handler.TakeHeld();
  server.server.reset();
  bool resumed = false;
  REQUIRE(held[0]->closed());
  held[0]->Send(TestHandler::Text("too late"));
  held[0]->OnDrained(1, [&] { resumed = true; });
  REQUIRE(resumed);
}

TEST_CASE("several threads share one port") {
  ServerOptions options = TestOptions(AnyBackend());
  options.threads = 3;
  TestServer server(options);
  for (int i = 0; i < 30; ++i) {
    RawClient client = server.Connect();
    client.Send(Get("/async?x"));
    REQUIRE(client.Read().body == "x");
  }
}

TEST_CASE("a port that is in use is an error that names the address") {
  TestServer first(TestOptions(IoBackend::kEpoll));
  ServerOptions options = TestOptions(AnyBackend());
  options.listen = "127.0.0.1:" + std::to_string(first.server->port());
  const auto second = Server::Start(options, &first.handler);
  REQUIRE_FALSE(second.ok());
  REQUIRE(second.status().message().find(options.listen) != std::string_view::npos);
}

}  // namespace
}  // namespace neurallog::http
