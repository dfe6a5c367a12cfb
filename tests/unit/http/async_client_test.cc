#include "http/async_client.h"

#include <fstream>
#include <future>
#include <iterator>

#include "certificate.h"
#include "http/tls_client.h"
#include "http_test_support.h"

namespace neurallog::http {
namespace {

using Answer = Result<ClientResponse>;

std::unique_ptr<AsyncClient> StartClient(AsyncClientOptions options = {}) {
  auto client = AsyncClient::Start(std::move(options));
  REQUIRE(client.ok());
  return std::move(client).value();
}

std::future<Answer> SendTo(AsyncClient* client, AsyncRequest request) {
  auto promise = std::make_shared<std::promise<Answer>>();
  client->Send(std::move(request),
               [promise](Answer answer) { promise->set_value(std::move(answer)); });
  return promise->get_future();
}

Answer Ask(AsyncClient* client, AsyncRequest request) {
  return SendTo(client, std::move(request)).get();
}

// Takes one connection after the other and does with it what the test says.
class RawReceiver {
 public:
  explicit RawReceiver(std::function<void(int fd, int connection)> serve)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve)] {
      for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) {
        serve(fd, ++connections_);
      }
    });
  }
  ~RawReceiver() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  std::string Authority() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string Url() const { return "http://" + Authority() + "/"; }
  int connections() const { return connections_; }

  // The bytes of one request without a body; empty at the end of the connection.
  static std::string ReadHead(int fd) {
    std::string head;
    char c;
    while (!head.ends_with("\r\n\r\n") && ::recv(fd, &c, 1, 0) == 1) head.push_back(c);
    return head;
  }
  static void Write(int fd, std::string_view bytes) {
    REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }

 private:
  const int listener_;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("many requests share few kept connections and each gets its own answer") {
  TestServer server(TestOptions(IoBackend::kEpoll));
  const auto client = StartClient({.connections_per_origin_max = 3});
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 300; ++i)
    answers.push_back(
        SendTo(client.get(), {.url = server.Url("/echo"), .body = std::to_string(i)}));
  for (int i = 0; i < 300; ++i) {
    Answer answer = answers[static_cast<size_t>(i)].get();
    REQUIRE(answer.ok());
    REQUIRE(answer->status == 200);
    REQUIRE(answer->body == std::to_string(i));
  }
  REQUIRE(client->connections_opened() <= 3);
}

TEST_CASE("large bodies go out whole and long answers are cut") {
  TestServer server(TestOptions(IoBackend::kEpoll));
  const auto client = StartClient({.answer_bytes_max = 1000});
  REQUIRE(
      Ask(client.get(), {.url = server.Url("/length"), .body = std::string(5 << 20, 'x')})->body ==
      std::to_string(5 << 20));
  REQUIRE(Ask(client.get(), {.url = server.Url("/big")})->body == std::string(1000, 'b'));
  REQUIRE(Ask(client.get(), {.url = server.Url("/stream?pieces=100&bytes=5000")})->body.size() ==
          1000);
  REQUIRE(Ask(client.get(), {.url = server.Url("/hello")})->body == "hello");
}

TEST_CASE("nobody is connected to when one of the addresses is not allowed") {
  std::atomic<int> asked{0};
  RawReceiver receiver([](int, int) {});
  const auto client = StartClient({.check_address = [&](const std::string& address) {
    ++asked;
    return address == "::1" ? PermissionDenied("address ::1 is not allowed") : Status::Ok();
  }});
  const std::string url =
      "http://localhost" + receiver.Url().substr(std::string("http://127.0.0.1").size());
  const Answer answer = Ask(client.get(), {.url = url});
  REQUIRE(answer.status().code() == Code::kPermissionDenied);
  REQUIRE(asked == 2);
  REQUIRE(receiver.connections() == 0);
}

TEST_CASE("a redirect is an answer and is not followed") {
  RawReceiver receiver([](int fd, int) {
    while (!RawReceiver::ReadHead(fd).empty())
      RawReceiver::Write(fd,
                         "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  });
  const auto client = StartClient();
  REQUIRE(Ask(client.get(), {.url = receiver.Url()})->status == 302);
}

TEST_CASE("a request that a kept connection breaks under is sent over a new one") {
  RawReceiver receiver([](int fd, int connection) {
    RawReceiver::ReadHead(fd);
    RawReceiver::Write(fd, kOk);
    RawReceiver::ReadHead(fd);
    if (connection > 1) RawReceiver::Write(fd, kOk);
  });
  const auto client = StartClient();
  for (int i = 0; i < 2; ++i) REQUIRE(Ask(client.get(), {.url = receiver.Url()})->body == "ok");
  REQUIRE(client->connections_opened() == 2);
}

TEST_CASE("a connection that breaks in the middle of an answer is an error") {
  RawReceiver receiver([](int fd, int) {
    RawReceiver::ReadHead(fd);
    RawReceiver::Write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok");
  });
  const auto client = StartClient();
  REQUIRE(Ask(client.get(), {.url = receiver.Url()}).status().code() == Code::kUnavailable);
}

TEST_CASE("who gets no answer in time is told, and others are answered meanwhile") {
  TestServer server(TestOptions(IoBackend::kEpoll));
  const auto client = StartClient({.connections_per_origin_max = 2});
  auto slow = SendTo(client.get(), {.url = server.Url("/hold"), .timeout_ns = 300'000'000});
  REQUIRE(Ask(client.get(), {.url = server.Url("/hello")})->body == "hello");
  REQUIRE(slow.get().status().code() == Code::kDeadlineExceeded);
  // Both connections are taken: the third request does not even leave.
  auto first = SendTo(client.get(), {.url = server.Url("/hold"), .timeout_ns = 600'000'000});
  auto second = SendTo(client.get(), {.url = server.Url("/hold"), .timeout_ns = 600'000'000});
  const Answer third = Ask(client.get(), {.url = server.Url("/hello"), .timeout_ns = 200'000'000});
  REQUIRE(third.status().code() == Code::kDeadlineExceeded);
  REQUIRE(first.get().status().code() == Code::kDeadlineExceeded);
  REQUIRE(second.get().status().code() == Code::kDeadlineExceeded);
  REQUIRE(Ask(client.get(), {.url = server.Url("/hello")})->body == "hello");
}

TEST_CASE("requests beyond the limit are refused at once") {
  TestServer server(TestOptions(IoBackend::kEpoll));
  auto client = StartClient({.requests_max = 2});
  auto first = SendTo(client.get(), {.url = server.Url("/hold")});
  auto second = SendTo(client.get(), {.url = server.Url("/hold")});
  REQUIRE(Ask(client.get(), {.url = server.Url("/hello")}).status().code() ==
          Code::kResourceExhausted);
  client.reset();
  REQUIRE(first.get().status().code() == Code::kCancelled);
  REQUIRE(second.get().status().code() == Code::kCancelled);
}

TEST_CASE("connections beyond the limit of all take the place of unused ones") {
  TestServer one(TestOptions(IoBackend::kEpoll)), other(TestOptions(IoBackend::kEpoll));
  const auto client = StartClient({.connections_max = 1});
  for (int i = 0; i < 4; ++i)
    REQUIRE(Ask(client.get(), {.url = (i % 2 ? one : other).Url("/hello")})->body == "hello");
  REQUIRE(client->connections_opened() == 4);
  auto held = SendTo(client.get(), {.url = one.Url("/hold"), .timeout_ns = 500'000'000});
  REQUIRE(Eventually([&] { return one.handler.held_count() == 1; }));
  REQUIRE(Ask(client.get(), {.url = other.Url("/hello")}).status().code() ==
          Code::kResourceExhausted);
}

TEST_CASE("requests that cannot be written are refused") {
  const auto client = StartClient();
  const auto code = [&](AsyncRequest request) {
    return Ask(client.get(), std::move(request)).status().code();
  };
  REQUIRE(code({.url = "nowhere"}) == Code::kInvalidArgument);
  REQUIRE(code({.url = "http://user:secret@127.0.0.1/"}) == Code::kInvalidArgument);
  REQUIRE(code({.url = "http://127.0.0.1/a b"}) == Code::kInvalidArgument);
  REQUIRE(code({.method = "GET /", .url = "http://127.0.0.1/"}) == Code::kInvalidArgument);
  REQUIRE(code({.url = "http://127.0.0.1/", .headers = {{"X", "a\r\nY: b"}}}) ==
          Code::kInvalidArgument);
  REQUIRE(code({.url = "http://127.0.0.1/", .headers = {{"Host", "inside"}}}) ==
          Code::kInvalidArgument);
  REQUIRE(code({.url = "http://127.0.0.1/", .headers = {{"transfer-encoding", "chunked"}}}) ==
          Code::kInvalidArgument);
  REQUIRE(code({.url = "http://127.0.0.1:1/"}) == Code::kUnavailable);
}

TEST_CASE("the client asks over TLS and only whom it trusts") {
  TempFolder folder;
  WriteCertificate(folder.File("cert.pem"), folder.File("key.pem"), 1);
  WriteCertificate(folder.File("other.pem"), folder.File("other_key.pem"), 2);
  ServerOptions options = TestOptions(IoBackend::kEpoll);
  options.tls_certificate_file = folder.File("cert.pem");
  options.tls_key_file = folder.File("key.pem");
  TestServer server(options);
  const std::string port = std::to_string(server.server->port());
  const auto client = StartClient({.ca_file = folder.File("cert.pem")});
  for (int i = 0; i < 3; ++i)
    REQUIRE(Ask(client.get(), {.url = "https://127.0.0.1:" + port + "/echo",
                               .body = std::string(200'000 * i, 'x')})
                ->body.size() == std::min<size_t>(200'000 * i, 64 << 10));
  REQUIRE(client->connections_opened() <= 3);
  const Answer other_name = Ask(client.get(), {.url = "https://localhost:" + port + "/hello"});
  REQUIRE(other_name.status().code() == Code::kUnavailable);
  // A request may say itself whom to trust; then no other shares its connection.
  const std::string hello = "https://127.0.0.1:" + port + "/hello";
  const auto text_of = [&](const char* name) {
    std::ifstream file(folder.File(name));
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const TlsContext other = *MakeClientTls({.ca = text_of("other.pem")}, "");
  REQUIRE(Ask(client.get(), {.url = hello, .tls = other}).status().code() == Code::kUnavailable);
  const auto nobody = StartClient({.ca_file = folder.File("other.pem")});
  const TlsContext known = *MakeClientTls({.ca = text_of("cert.pem")}, "");
  REQUIRE(Ask(nobody.get(), {.url = hello, .tls = known}).ok());
  REQUIRE_FALSE(Ask(nobody.get(), {.url = hello}).ok());
  CHECK(MakeClientTls({.certificate = text_of("cert.pem"), .key = text_of("key.pem")},
                      folder.File("cert.pem"))
            .ok());
  CHECK_FALSE(MakeClientTls({.certificate = text_of("cert.pem"), .key = text_of("other_key.pem")},
                            folder.File("cert.pem"))
                  .ok());
  CHECK_FALSE(MakeClientTls({.certificate = text_of("cert.pem")}, folder.File("cert.pem")).ok());
  const auto stranger = StartClient({.ca_file = folder.File("other.pem")});
  REQUIRE(Ask(stranger.get(), {.url = "https://127.0.0.1:" + port + "/hello"}).status().code() ==
          Code::kUnavailable);
}

TEST_CASE("requests go through a proxy, and what is encrypted through a tunnel") {
  std::mutex mutex;
  std::vector<std::string> heads;
  RawReceiver proxy([&](int fd, int) {
    const std::string head = RawReceiver::ReadHead(fd);
    std::lock_guard lock(mutex);
    heads.push_back(head);
    RawReceiver::Write(fd, head.starts_with("CONNECT") ? "HTTP/1.1 403 Forbidden\r\n\r\n" : kOk);
  });
  const auto client =
      StartClient({.check_address =
                       [](const std::string& address) {
                         return address == "10.0.0.1" ? PermissionDenied("no") : Status::Ok();
                       },
                   .proxy = "http://user:secret@" + proxy.Authority()});
  REQUIRE(Ask(client.get(), {.method = "GET", .url = "http://example.test/a?b"})->body == "ok");
  REQUIRE(Ask(client.get(), {.url = "https://example.test/a"}).status().code() ==
          Code::kUnavailable);
  REQUIRE(Ask(client.get(), {.url = "http://10.0.0.1/"}).status().code() ==
          Code::kPermissionDenied);
  std::lock_guard lock(mutex);
  REQUIRE(heads.size() == 2);
  CHECK(heads[0].starts_with("GET http://example.test/a?b HTTP/1.1\r\nHost: example.test\r\n"));
  CHECK(heads[0].find("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n") != std::string::npos);
  CHECK(heads[1].starts_with("CONNECT example.test:443 HTTP/1.1\r\n"));
}

}  // namespace neurallog::http
