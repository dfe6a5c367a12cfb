#include "http/client.h"

#include "certificate.h"
#include "http_test_support.h"

namespace neurallog::http {
namespace {

namespace fs = std::filesystem;

ClientRequest GetRequest(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  return request;
}

TEST_CASE("the client reads answers with a length, in chunks and without either") {
  TestServer server(TestOptions(AnyBackend()));
  auto hello = Fetch(GetRequest(server.Url("/hello")));
  REQUIRE(hello.ok());
  REQUIRE(hello->status == 200);
  REQUIRE(hello->body == "hello");
  REQUIRE(hello->FindHeader("CONTENT-TYPE") == "text/plain");
  REQUIRE(Fetch(GetRequest(server.Url("/stream?pieces=100&bytes=5000")))->body ==
          std::string(500'000, 'x'));
  ClientRequest post = GetRequest(server.Url("/echo"));
  post.method = "POST";
  post.body = std::string(300'000, 'p');
  REQUIRE(Fetch(post)->body == post.body);
  ClientRequest head = GetRequest(server.Url("/hello"));
  head.method = "HEAD";
  REQUIRE(Fetch(head)->body.empty());
}

TEST_CASE("the client hands pieces on while they come and stops when told") {
  TestServer server(TestOptions(AnyBackend()));
  size_t bytes = 0;
  ClientRequest request = GetRequest(server.Url("/stream?pieces=1000&bytes=5000"));
  request.on_body = [&](std::string_view piece) {
    bytes += piece.size();
    return bytes < 100'000;
  };
  REQUIRE(Fetch(request).status().code() == Code::kCancelled);
  REQUIRE(bytes >= 100'000);
}

TEST_CASE("the client reports what went wrong") {
  TestServer server(TestOptions(IoBackend::kEpoll));
  REQUIRE(Fetch(GetRequest("/no/scheme")).status().code() == Code::kInvalidArgument);
  REQUIRE(Fetch(GetRequest("gopher://x/")).status().code() == Code::kInvalidArgument);
  REQUIRE(Fetch(GetRequest("http://127.0.0.1:1/")).status().code() == Code::kUnavailable);
  REQUIRE(Fetch(GetRequest(server.Url("/abort"))).status().code() == Code::kUnavailable);
  ClientRequest slow = GetRequest(server.Url("/hold"));
  slow.timeout_ms = 100;
  REQUIRE(Fetch(slow).status().code() == Code::kDeadlineExceeded);
  ClientRequest small = GetRequest(server.Url("/stream?pieces=100&bytes=5000"));
  small.body_bytes_max = 1000;
  REQUIRE(Fetch(small).status().code() == Code::kTooLarge);
  ClientRequest split = GetRequest(server.Url("/hello"));
  split.headers.emplace_back("X", "a\r\nY: b");
  REQUIRE(Fetch(split).status().code() == Code::kInvalidArgument);
}

TEST_CASE("IPv6 addresses work on both sides") {
  ServerOptions options = TestOptions(AnyBackend());
  options.listen = "[::1]:0";
  TestHandler handler;
  auto server = Server::Start(options, &handler);
  if (!server.ok()) {
    WARN("no IPv6 here: " << server.status().ToString());
    return;
  }
  const auto peer =
      Fetch(GetRequest("http://[::1]:" + std::to_string((*server)->port()) + "/peer"));
  REQUIRE(peer.ok());
  REQUIRE(peer->body.substr(0, 6) == "[::1]:");
  REQUIRE(peer->body.find(" loopback") != std::string::npos);
}

TEST_CASE("TLS carries requests, streams and large bodies") {
  TempFolder folder;
  WriteCertificate(folder.File("cert.pem"), folder.File("key.pem"), 1);
  ServerOptions options = TestOptions(AnyBackend());
  options.tls_certificate_file = folder.File("cert.pem");
  options.tls_key_file = folder.File("key.pem");
  TestServer server(options);
  const std::string base = "https://127.0.0.1:" + std::to_string(server.server->port());
  ClientRequest request = GetRequest(base + "/hello");
  request.ca_file = options.tls_certificate_file;
  for (int i = 0; i < 3; ++i) {
    const auto hello = Fetch(request);
    INFO(hello.status().ToString());
    REQUIRE(hello.ok());
    REQUIRE(hello->body == "hello");
  }
  request.url = base + "/stream?pieces=300&bytes=10000";
  REQUIRE(Fetch(request)->body.size() == 3'000'000);
  request.url = base + "/echo";
  request.method = "POST";
  request.body = std::string(3'000'000, 't');
  REQUIRE(Fetch(request)->body == request.body);
  request.url = base + "/abort";
  REQUIRE(Fetch(request).status().code() == Code::kUnavailable);

  RawClient plain = server.Connect();
  plain.Send(Get("/hello"));
  plain.Read();
  REQUIRE(Eventually([&] { return server.server->stats().connections_open == 0; }));
}

TEST_CASE("a TLS handshake that does not happen is cut off") {
  TempFolder folder;
  WriteCertificate(folder.File("cert.pem"), folder.File("key.pem"), 1);
  ServerOptions options = TestOptions(AnyBackend());
  options.tls_certificate_file = folder.File("cert.pem");
  options.tls_key_file = folder.File("key.pem");
  options.header_timeout_ms = 300;
  TestServer server(options);
  RawClient silent = server.Connect();
  REQUIRE(silent.EndsWithin(3000));
}

TEST_CASE("a reloaded certificate is used by new connections, a broken one is not") {
  TempFolder folder;
  WriteCertificate(folder.File("cert.pem"), folder.File("key.pem"), 1);
  ServerOptions options = TestOptions(AnyBackend());
  options.tls_certificate_file = folder.File("cert.pem");
  options.tls_key_file = folder.File("key.pem");
  TestServer server(options);
  ClientRequest request =
      GetRequest("https://127.0.0.1:" + std::to_string(server.server->port()) + "/hello");
  request.ca_file = folder.File("old.pem");
  fs::copy_file(options.tls_certificate_file, request.ca_file);
  REQUIRE(Fetch(request).ok());

  WriteCertificate(folder.File("cert.pem"), folder.File("key.pem"), 2);
  REQUIRE(Fetch(request).ok());
  REQUIRE(server.server->ReloadTls().ok());
  REQUIRE_FALSE(Fetch(request).ok());
  request.ca_file = options.tls_certificate_file;
  REQUIRE(Fetch(request).ok());

  fs::copy_file(folder.File("old.pem"), options.tls_certificate_file,
                fs::copy_options::overwrite_existing);
  request.ca_file = folder.File("new.pem");
  const Status mismatch = server.server->ReloadTls();
  REQUIRE_FALSE(mismatch.ok());
  REQUIRE(mismatch.message().find(options.tls_key_file) != std::string_view::npos);
  fs::remove(options.tls_key_file);
  const Status missing = server.server->ReloadTls();
  REQUIRE(missing.message().find("key.pem") != std::string_view::npos);
}

TEST_CASE("a server with half of its TLS options does not start") {
  TestHandler handler;
  ServerOptions options = TestOptions(IoBackend::kEpoll);
  options.tls_certificate_file = "/nowhere/cert.pem";
  REQUIRE_FALSE(Server::Start(options, &handler).ok());
  options.tls_key_file = "/nowhere/key.pem";
  const auto server = Server::Start(options, &handler);
  REQUIRE(server.status().message().find("/nowhere/cert.pem") != std::string_view::npos);
}

}  // namespace
}  // namespace neurallog::http
