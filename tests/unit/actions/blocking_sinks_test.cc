// Mail, syslog, streams and programs.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "actions/mail_message.h"
#include "actions/sink_services.h"
#include "base/base64.h"
#include "receiver.h"

namespace neurallog::actions {
namespace {

constexpr std::string_view kNotice =
    R"({"event":"firing","tenant":"acme","rule":{"id":"r1","name":"Disk f\u00fcll","severity":"high"},)"
    R"("alert":{"id":"1","group":{"host":"a"}},"records":[{"message":".disk <full>"}],"records_total":1})";

SinkOptions Programs(std::vector<std::string> programs) {
  SinkOptions options;
  options.exec_programs = std::move(programs);
  return options;
}

struct Services {
  explicit Services(SinkOptions options = {}, SinkServices::Append append = {}) {
    options.allow_cidrs = {"127.0.0.0/8"};
    auto started = SinkServices::Start(options, std::move(append));
    REQUIRE(started.ok());
    services = std::move(started).value();
  }
  std::unique_ptr<Sink> Make(std::string_view type, const std::string& config) {
    auto sink = FindSinkType(type)->make(TenantId{7}, config, services->host());
    INFO(sink.status().ToString());
    REQUIRE(sink.ok());
    return std::move(sink).value();
  }
  std::string ErrorOf(std::string_view type, const std::string& config) {
    return std::string(
        FindSinkType(type)->make(TenantId{7}, config, services->host()).status().message());
  }
  std::unique_ptr<SinkServices> services;
};

// A socket of the loopback that one thread serves.
class LineServer {
 public:
  explicit LineServer(std::function<void(int fd)> serve)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, serve = std::move(serve)] {
      for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) serve(fd);
    });
  }
  ~LineServer() { Stop(); }
  // What was served is whole afterwards.
  void Stop() {
    if (!thread_.joinable()) return;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  const std::string& port() const { return port_; }

  static std::string ReadLine(int fd) {
    std::string line;
    char c;
    while (!line.ends_with("\r\n") && ::recv(fd, &c, 1, 0) == 1) line.push_back(c);
    return line;
  }
  static std::string ReadAll(int fd) {
    std::string all;
    char c;
    while (::recv(fd, &c, 1, 0) == 1) all.push_back(c);
    return all;
  }
  static void Say(int fd, std::string line) {
    line += "\r\n";
    static_cast<void>(::send(fd, line.data(), line.size(), MSG_NOSIGNAL));
  }

 private:
  const int listener_;
  std::string port_;
  std::thread thread_;
};

// Speaks SMTP as far as a test needs it, and answers `refusals` to commands that begin so.
class MailServer {
 public:
  explicit MailServer(std::vector<std::pair<std::string, std::string>> refusals = {})
      : refusals_(std::move(refusals)), server_([this](int fd) { Serve(fd); }) {}

  std::string Config(std::string_view more = "") const {
    std::string config = R"({"host":"127.0.0.1","encryption":"none","from":"log@example.com",)";
    return config.append(R"("to":["a@example.com","b@example.com"],"port":)")
        .append(server_.port())
        .append(more)
        .append("}");
  }
  void Stop() { server_.Stop(); }
  std::string commands, message;

 private:
  void Serve(int fd) {
    LineServer::Say(fd, "220-mail\r\n220 here");
    for (std::string line; !(line = LineServer::ReadLine(fd)).empty();) {
      commands += line;
      LineServer::Say(fd, Answer(line));
      if (!Answer(line).starts_with("354")) continue;
      while (!message.ends_with("\r\n.\r\n")) message += LineServer::ReadLine(fd);
      LineServer::Say(fd, "250 queued");
    }
  }
  std::string Answer(const std::string& line) const {
    for (const auto& [begin, answer] : refusals_)
      if (line.starts_with(begin)) return answer;
    if (line.starts_with("EHLO")) return "250-mail\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME";
    return line.starts_with("DATA") ? "354 go on" : "250 ok";
  }

  const std::vector<std::pair<std::string, std::string>> refusals_;
  LineServer server_;
};

Outcome Mail(const std::vector<std::pair<std::string, std::string>>& refusals) {
  Services services;
  MailServer server(refusals);
  const auto sink = services.Make("email", server.Config());
  return DeliverTo(sink.get(), AttemptOf(kNotice));
}

}  // namespace

TEST_CASE("a mail carries text and HTML, an id that stays and the thread of its alert") {
  Services services;
  MailServer server;
  const auto sink = services.Make("email", server.Config());
  CHECK(sink->endpoint().starts_with("smtp://127.0.0.1:"));
  const Outcome outcome = DeliverTo(sink.get(), AttemptOf(kNotice));
  CHECK(outcome.error.empty());
  CHECK(outcome.kind == Outcome::Kind::kDelivered);
  CHECK(outcome.status == 250);
  CHECK(outcome.answer == "queued");
  server.Stop();
  CHECK(server.commands ==
        "EHLO neurallog\r\nMAIL FROM:<log@example.com>\r\nRCPT TO:<a@example.com>\r\n"
        "RCPT TO:<b@example.com>\r\nDATA\r\nQUIT\r\n");
  const auto has = [&](std::string_view text) {
    return server.message.find(text) != std::string::npos;
  };
  CHECK(has("Message-ID: <msg_p5jXN8AQM9LWM0D4loKWxJek@neurallog>\r\n"));
  CHECK(has("References: <alert_1@neurallog>\r\n"));
  CHECK(has("Date: Thu, 25 Feb 2021 15:02:10 +0000\r\n"));
  CHECK(has("Subject: =?utf-8?B?" + base::Base64("Disk f\xc3\xbcll (high)") + "?=\r\n"));
  CHECK(has(base::Base64("Group: host=a\n.disk <full>")));
  CHECK(has("Content-Type: text/html; charset=utf-8"));
  CHECK(has(base::Base64("<html><body><p>Group: host=a</p><pre>.disk &lt;fu").substr(0, 40)));
  CHECK(sink->Preview(kNotice).value() ==
        "Subject: Disk f\xc3\xbcll (high)\n\nGroup: host=a\n.disk <full>");
}

TEST_CASE("what a mail server answers decides what becomes of a mail") {
  CHECK(Mail({{"MAIL", "451 later"}}).kind == Outcome::Kind::kRetry);
  CHECK(Mail({{"MAIL", "550 never"}}).kind == Outcome::Kind::kFinal);
  CHECK(Mail({{"RCPT", "550 nobody"}}).kind == Outcome::Kind::kFinal);
  CHECK(Mail({{"RCPT", "450 later"}}).status == 450);
  CHECK(Mail({{"RCPT TO:<a", "550 nobody"}}).kind == Outcome::Kind::kDelivered);
  CHECK(Mail({{"DATA", "452 full"}}).kind == Outcome::Kind::kRetry);
  CHECK(Mail({{"EHLO", "nonsense"}}).error == "the receiver does not speak SMTP");
}

TEST_CASE("headers of mails are what they should be, whatever the text") {
  CHECK(EncodeHeaderText("plain") == "plain");
  const std::string text(100, 'x');
  const std::string accents = "a\xc3\xa4" + text + "\xe2\x82\xac";
  const std::string encoded = EncodeHeaderText(accents);
  std::string decoded;
  for (size_t at = 0; at < encoded.size();) {
    const size_t end = std::min(encoded.find("\r\n ", at), encoded.size());
    const std::string word = encoded.substr(at, end - at);
    CHECK(word.size() <= 75);
    REQUIRE(word.starts_with("=?utf-8?B?"));
    decoded += *base::DecodeBase64(word.substr(10, word.size() - 12));
    at = end + 3;
  }
  CHECK(decoded == accents);
  for (const std::string_view good : {"a@b", "first.last+tag@mail.example.com"})
    CHECK(IsMailAddress(good));
  for (const std::string_view bad :
       {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b>\r\nRCPT TO:<c@d", "<a@b>"})
    CHECK_FALSE(IsMailAddress(bad));
}

TEST_CASE("configurations of mails and syslog that cannot be are refused") {
  Services services;
  const auto email = [&](const std::string& members) {
    return services.ErrorOf("email",
                            R"({"host":"127.0.0.1","from":"a@b","to":["c@d"],)" + members + "}");
  };
  CHECK(email(R"("port":22)") == "port 22 is not for mail");
  CHECK(email(R"("encryption":"none","username":"u")") ==
        "config.username: is not sent without encryption");
  CHECK(email(R"("host2":"")") == "config.host2: there is no such member");
  CHECK(services.ErrorOf("email", R"({"host":"127.0.0.1","from":"a@b","to":["x"]})") ==
        "config.to: x is no address");
  CHECK(services.ErrorOf("email", R"({"host":"10.0.0.1","from":"a@b","to":["c@d"]})") ==
        "address 10.0.0.1 is not of the open internet");
  CHECK(services.ErrorOf("syslog", R"({"host":"127.0.0.1","port":23})") ==
        "port 23 is not for syslog");
  CHECK(services.ErrorOf("syslog", R"({"host":"127.0.0.1","app_name":"a b"})").find("a word") !=
        std::string::npos);
  CHECK(services.ErrorOf("exec", R"({"program":"/bin/sh"})").find("is not on the server's list") !=
        std::string::npos);
  CHECK(services.ErrorOf("stream", "{}") == "this server has no log to write to");
}

TEST_CASE("a mail server that hangs costs its time and nobody else's") {
  Services services;
  LineServer silent([&](int fd) { LineServer::ReadAll(fd); });
  const auto slow =
      services.Make("email", R"({"host":"127.0.0.1","encryption":"none","from":"a@b",)"
                             R"("to":["c@d"],"timeout":"400ms","port":)" +
                                 silent.port() + "}");
  std::vector<std::future<Outcome>> waiting;
  for (int i = 0; i < 5; ++i) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    slow->Deliver(AttemptOf(kNotice), [promise](Outcome outcome) { promise->set_value(outcome); });
    waiting.push_back(promise->get_future());
  }
  MailServer server;
  const auto quick = services.Make("email", server.Config());
  CHECK(DeliverTo(quick.get(), AttemptOf(kNotice)).kind == Outcome::Kind::kDelivered);
  for (auto& one : waiting) CHECK(one.get().kind == Outcome::Kind::kRetry);
}

TEST_CASE("services that end let attempts end") {
  auto services = std::make_unique<Services>();
  LineServer silent([](int fd) { LineServer::ReadAll(fd); });
  const auto sink = services->Make(
      "syslog", R"({"host":"127.0.0.1","protocol":"tls","port":)" + silent.port() + "}");
  std::promise<Outcome> promise;
  sink->Deliver(AttemptOf(kNotice),
                [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  services.reset();
  CHECK(promise.get_future().get().kind == Outcome::Kind::kRetry);
}

TEST_CASE("a syslog receiver gets one line per notice, with its length") {
  Services services;
  std::promise<std::string> received;
  LineServer server([&](int fd) { received.set_value(LineServer::ReadAll(fd)); });
  const auto sink =
      services.Make("syslog", R"({"host":"127.0.0.1","facility":4,"port":)" + server.port() + "}");
  CHECK(DeliverTo(sink.get(), AttemptOf(kNotice)).kind == Outcome::Kind::kDelivered);
  const std::string line =
      "<35>1 2021-02-25T15:02:10Z neurallog neurallog - msg_p5jXN8AQM9LWM0D4loKWxJek - "
      "Disk f\xc3\xbcll host=a | .disk <full>";
  CHECK(received.get_future().get() == std::to_string(line.size()) + " " + line);
}

TEST_CASE("syslog goes out as datagrams too") {
  Services services;
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const auto sink =
      services.Make("syslog", R"({"host":"127.0.0.1","protocol":"udp","text":"a\nb","port":)" +
                                  std::to_string(ntohs(address.sin_port)) + "}");
  CHECK(DeliverTo(sink.get(), AttemptOf(kNotice)).kind == Outcome::Kind::kDelivered);
  char block[2048];
  const ssize_t got = ::recv(fd, block, sizeof(block), 0);
  ::close(fd);
  CHECK(std::string(block, static_cast<size_t>(got)).ends_with(" - a b"));
}

TEST_CASE("a stream writes into its own tenant's logs, and not for ever") {
  TenantId tenant{};
  std::string record;
  Services services({}, [&](TenantId to, std::string_view request, std::string_view json) {
    CHECK(request == "msg_p5jXN8AQM9LWM0D4loKWxJek");
    tenant = to;
    record = json;
    return Status::Ok();
  });
  const auto sink = services.Make("stream", R"({"fields":{"team":"ops"}})");
  std::string notice(kNotice);
  for (int hops = 1; hops <= 3; ++hops) {
    REQUIRE(DeliverTo(sink.get(), AttemptOf(notice)).kind == Outcome::Kind::kDelivered);
    CHECK(tenant == TenantId{7});
    const auto json = base::ParseJson(record);
    REQUIRE(json.ok());
    CHECK(json->Find("neurallog.hops")->text() == std::to_string(hops));
    CHECK(json->Find("message")->text() == "Disk f\xc3\xbcll host=a");
    CHECK(json->Find("level")->text() == "error");
    CHECK(json->Find("team")->text() == "ops");
    notice = R"({"rule":{"name":"again"},"records":[{"message":"x"},)" + record + "]}";
    if (hops < 3)
      notice =
          R"({"event":"match","rule":{"name":"Disk f\u00fcll","severity":"high"},"alert":{"group":{"host":"a"}},"records":[)" +
          record + "]}";
  }
  const Outcome ended = DeliverTo(sink.get(), AttemptOf(notice));
  CHECK(ended.kind == Outcome::Kind::kFinal);
  CHECK(ended.error == "the record has come through 3 actions already");
  CHECK(services.ErrorOf("stream", R"({"fields":{"neurallog.hops":"0"}})").find("not yours") !=
        std::string::npos);
}

TEST_CASE("a program gets the notice and its arguments, without a shell") {
  Services services(Programs({"/bin/sh", "/bin/cat", "/usr/bin/env", "/bin/echo"}));
  const auto cat = services.Make("exec", R"({"program":"/bin/cat"})");
  CHECK(DeliverTo(cat.get(), AttemptOf(kNotice)).answer == kNotice);
  const auto echo =
      services.Make("exec", R"({"program":"/bin/echo","args":["{{rule.id}}; id","$HOME"]})");
  CHECK(DeliverTo(echo.get(), AttemptOf(kNotice)).answer == "r1; id $HOME\n");
  CHECK(echo->Preview(kNotice).value() == R"(/bin/echo "r1; id" "$HOME")");
  ::setenv("NEURALLOG_TEST_SECRET", "hidden", 1);
  const auto env = services.Make("exec", R"({"program":"/usr/bin/env"})");
  const Outcome seen = DeliverTo(env.get(), AttemptOf(kNotice));
  CHECK(seen.answer.find("NEURALLOG_DELIVERY_ID=msg_p5jXN8AQM9LWM0D4loKWxJek\n") !=
        std::string::npos);
  CHECK(seen.answer.find("hidden") == std::string::npos);
  const auto fails =
      services.Make("exec", R"({"program":"/bin/sh","args":["-c","echo no >&2; exit 3"]})");
  const Outcome failed = DeliverTo(fails.get(), AttemptOf(kNotice));
  CHECK(failed.kind == Outcome::Kind::kRetry);
  CHECK(failed.error == "the program ended with 3");
  CHECK(failed.answer == "no\n");
}

TEST_CASE("a program that does not end, or writes without end, is ended") {
  Services services(Programs({"/bin/sh"}));
  const auto slow = services.Make(
      "exec", R"({"program":"/bin/sh","args":["-c","sleep 100 & sleep 100"],"timeout":"300ms"})");
  CHECK(DeliverTo(slow.get(), AttemptOf(kNotice)).error == "the program did not end in time");
  const auto loud = services.Make(
      "exec",
      R"({"program":"/bin/sh","args":["-c","while :; do echo xxxxxxxxxxxxxxxxxxxx; done"],"timeout":"300ms"})");
  CHECK(DeliverTo(loud.get(), AttemptOf(kNotice)).kind == Outcome::Kind::kRetry);
  const auto limited =
      services.Make("exec", R"({"program":"/bin/sh","args":["-c","ulimit -n; ulimit -c"]})");
  CHECK(DeliverTo(limited.get(), AttemptOf(kNotice)).answer == "64\n0\n");
}

}  // namespace neurallog::actions
