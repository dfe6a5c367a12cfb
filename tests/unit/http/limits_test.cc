#include "http_test_support.h"

namespace neurallog::http {
namespace {

TEST_CASE("a head beyond the limit is answered 431 and one at the limit is served") {
  ServerOptions options = TestOptions(AnyBackend());
  options.head_bytes_max = 8192;
  TestServer server(options);
  const std::string frame = "GET /hello HTTP/1.1\r\nHost: test\r\nX-Fill: ";
  RawClient fits = server.Connect();
  fits.Send(frame + std::string(8192 - frame.size() - 4, 'f') + "\r\n\r\n");
  REQUIRE(fits.Read().status == 200);
  RawClient over = server.Connect();
  over.Send(frame + std::string(8192 - frame.size() - 3, 'f') + "\r\n\r\n");
  REQUIRE(over.Read().status == 431);
  REQUIRE(over.EndsWithin(5000));
  RawClient endless = server.Connect();
  endless.Send(frame + std::string(100'000, 'f'));
  REQUIRE(endless.Read().status == 431);
}

TEST_CASE("a body beyond the limit is answered 413 before it is read") {
  ServerOptions options = TestOptions(AnyBackend());
  options.body_bytes_max = 100'000;
  TestServer server(options);
  RawClient fits = server.Connect();
  fits.Send(Post("/length", std::string(100'000, 'b')));
  REQUIRE(fits.Read().body == "100000");

  RawClient announced = server.Connect();
  announced.Send("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: 100001\r\n\r\n");
  const RawResponse refused = announced.Read();
  REQUIRE(refused.status == 413);
  REQUIRE(refused.headers.at("connection") == "close");
  REQUIRE(announced.EndsWithin(5000));

  RawClient huge_chunk = server.Connect();
  huge_chunk.Send(
      "POST /length HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n186A1\r\n");
  REQUIRE(huge_chunk.Read().status == 413);

  RawClient many_chunks = server.Connect();
  std::string request = "POST /length HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 101; ++i) request += "3E8\r\n" + std::string(1000, 'c') + "\r\n";
  many_chunks.Send(request);
  REQUIRE(many_chunks.Read().status == 413);

  RawClient exact_chunks = server.Connect();
  request = "POST /length HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) request += "3E8\r\n" + std::string(1000, 'c') + "\r\n";
  exact_chunks.Send(request + "0\r\n\r\n");
  REQUIRE(exact_chunks.Read().body == "100000");
}

TEST_CASE("the handler lowers the body limit of a request") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  client.Send(Post("/limit10", "ten bytes!"));
  REQUIRE(client.Read().body == "ten bytes!");
  client.Send(Post("/limit10", "eleven byte"));
  REQUIRE(client.Read().status == 413);
}

TEST_CASE("a refused request keeps the connection only when nothing of it is left to read") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient whole = server.Connect();
  whole.Send(Get("/refuse") + Post("/refuse", "unread") + Get("/hello"));
  REQUIRE(whole.Read().status == 401);
  REQUIRE(whole.Read().status == 401);
  REQUIRE(whole.Read().body == "hello");
  RawClient part = server.Connect();
  part.Send("POST /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nbeginning");
  REQUIRE(part.Read().headers.at("connection") == "close");
  REQUIRE(server.handler.handled == 1);
}

TEST_CASE("a large body that is refused does not hide the answer behind a reset") {
  TestServer server(TestOptions(AnyBackend()));
  RawClient client = server.Connect();
  REQUIRE(client.Send(Post("/refuse", std::string(1'000'000, 'u'))));
  REQUIRE(client.Read().status == 401);
  REQUIRE(client.EndsWithin(5000));
}

TEST_CASE("a head that does not end in time is answered 408") {
  ServerOptions options = TestOptions(AnyBackend());
  options.header_timeout_ms = 400;
  TestServer server(options);
  RawClient client = server.Connect();
  const auto begin = steady_clock::now();
  for (int i = 0; i < 5; ++i) {  // progress does not help
    client.Send(i == 0 ? "GET / HTTP/1.1\r\n" : "X: y\r\n");
    std::this_thread::sleep_for(milliseconds(50));
  }
  REQUIRE(client.Read().status == 408);
  REQUIRE(steady_clock::now() - begin < milliseconds(2000));
  REQUIRE(client.EndsWithin(5000));
  REQUIRE(server.server->stats().timeouts == 1);
}

TEST_CASE("a body that stands still is answered 408, one that moves is not") {
  ServerOptions options = TestOptions(AnyBackend());
  options.body_timeout_ms = 600;
  TestServer server(options);
  RawClient still = server.Connect();
  still.Send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhel");
  REQUIRE(still.Read().status == 408);

  RawClient moving = server.Connect();
  moving.Send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(milliseconds(120));
    moving.Send("m");
  }
  REQUIRE(moving.Read().body == "mmmmmmmmmm");
}

TEST_CASE("an idle connection is closed without a word") {
  ServerOptions options = TestOptions(AnyBackend());
  options.idle_timeout_ms = 300;
  TestServer server(options);
  RawClient fresh = server.Connect(), used = server.Connect();
  used.Send(Get("/hello"));
  REQUIRE(used.Read().status == 200);
  REQUIRE(fresh.EndsWithin(3000));
  REQUIRE(used.EndsWithin(3000));
}

TEST_CASE("a running answer is not an idle connection") {
  ServerOptions options = TestOptions(AnyBackend());
  options.idle_timeout_ms = options.header_timeout_ms = options.body_timeout_ms = 300;
  TestServer server(options);
  RawClient client = server.Connect();
  client.Send(Get("/hold"));
  REQUIRE(client.SilentFor(1000));
  server.handler.TakeHeld()[0]->Send(TestHandler::Text("in time"));
  REQUIRE(client.Read().body == "in time");
}

TEST_CASE("a client that takes nothing is cut off") {
  ServerOptions options = TestOptions(AnyBackend());
  options.write_timeout_ms = 400;
  TestServer server(options);
  RawClient client = server.Connect(/*receive_buffer_bytes=*/8192);
  client.Send(Get("/stream?pieces=100000&bytes=10000"));
  REQUIRE(Eventually([&] { return server.server->stats().connections_open == 1; }));
  REQUIRE(Eventually([&] { return server.server->stats().connections_open == 0; }));
  REQUIRE(Eventually([&] { return server.handler.streamer()->ended.load(); }));
}

TEST_CASE("connections beyond the limit get 503 and room is given back") {
  ServerOptions options = TestOptions(AnyBackend());
  options.connections_max = 3;
  TestServer server(options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server.Connect());
    clients.back().Send(Get("/hello"));
    REQUIRE(clients.back().Read().status == 200);
  }
  RawClient fourth = server.Connect();
  const RawResponse refused = fourth.Read();
  REQUIRE(refused.status == 503);
  REQUIRE(refused.complete);
  REQUIRE(refused.body.back() == '\n');
  REQUIRE(fourth.EndsWithin(5000));
  REQUIRE(server.server->stats().connections_refused == 1);
  clients.pop_back();
  REQUIRE(Eventually([&] { return server.server->stats().connections_open == 2; }));
  RawClient again = server.Connect();
  again.Send(Get("/hello"));
  REQUIRE(again.Read().status == 200);
}

TEST_CASE("bodies beyond the total bound wait for their turn, in order") {
  ServerOptions options = TestOptions(AnyBackend());
  options.body_bytes_total_max = 1'000'000;
  options.body_bytes_max = 10'000'000;
  TestServer server(options);
  RawClient first = server.Connect();
  first.Send(Post("/hold", std::string(600'000, '1')));
  REQUIRE(Eventually([&] { return server.handler.held_count() == 1; }));

  RawClient second = server.Connect();
  second.Send(
      "POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: 500000\r\nExpect: "
      "100-continue\r\n\r\n");
  REQUIRE(second.SilentFor(200));
  // A small one would fit, but it came later.
  RawClient third = server.Connect();
  third.Send(Post("/length", "small"));
  REQUIRE(third.SilentFor(200));
  RawClient bodiless = server.Connect();
  bodiless.Send(Get("/hello"));
  REQUIRE(bodiless.Read().status == 200);

  server.handler.TakeHeld()[0]->Send(TestHandler::Text("done"));
  REQUIRE(first.Read().body == "done");
  REQUIRE(second.Read().status == 100);
  REQUIRE(third.Read().body == "5");
  second.Send(std::string(500'000, '2'));
  REQUIRE(second.Read().body == "500000");
}

TEST_CASE("one body larger than the total bound passes alone") {
  ServerOptions options = TestOptions(AnyBackend());
  options.body_bytes_total_max = 100'000;
  options.body_bytes_max = 10'000'000;
  TestServer server(options);
  RawClient client = server.Connect();
  std::thread sender([&] { client.Send(Post("/length", std::string(5'000'000, 'a'))); });
  REQUIRE(client.Read().body == "5000000");
  sender.join();
}

TEST_CASE("many growing bodies under a small total bound all arrive") {
  ServerOptions options = TestOptions(AnyBackend());
  options.body_bytes_total_max = 3'000'000;
  options.threads = 2;
  TestServer server(options);
  std::vector<RawClient>
      clients;  // connected here, because Catch's assertions belong to one thread
  for (int i = 0; i < 8; ++i) clients.push_back(server.Connect());
  std::vector<std::thread> senders;
  std::atomic<int> whole{0};
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&, i] {
      RawClient& client = clients[static_cast<size_t>(i)];
      std::string body(4'000'000 + static_cast<size_t>(i), 'g');
      if (i % 2 == 0) {
        client.Send(Post("/length", body));
      } else {
        client.Send("POST /length HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        char size[20];
        std::snprintf(size, sizeof(size), "%zx\r\n", body.size());
        client.Send(size + body + "\r\n0\r\n\r\n");
      }
      whole += client.Read().body == std::to_string(body.size());
    });
  }
  for (std::thread& sender : senders) sender.join();
  REQUIRE(whole == 8);
}

TEST_CASE("a waiting client that leaves does not block the queue") {
  ServerOptions options = TestOptions(AnyBackend());
  options.body_bytes_total_max = 100'000;
  TestServer server(options);
  RawClient first = server.Connect();
  first.Send(Post("/hold", std::string(90'000, '1')));
  REQUIRE(Eventually([&] { return server.handler.held_count() == 1; }));
  RawClient leaving = server.Connect();
  leaving.Send("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: 50000\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(50));
  RawClient third = server.Connect();
  third.Send(Post("/length", std::string(60'000, '3')));
  leaving.Close();
  server.handler.TakeHeld()[0]->Send(TestHandler::Text("done"));
  REQUIRE(third.Read().body == "60000");
}

}  // namespace
}  // namespace neurallog::http
