// A syslog receiver (RFC 5424) over TCP with octet counts (RFC 6587), TLS (RFC 5425) or UDP.
// Syslog has no answers: what was written counts as delivered.
//
// Configuration: host, port (514; 6514 with tls); protocol (tcp, tls, udp); facility (0 to 23, 16);
// app_name; hostname; text (template, one line); timeout.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "actions/address_guard.h"
#include "actions/blocking_sink.h"
#include "actions/chat_message.h"
#include "actions/http_sink.h"
#include "actions/sink_table.h"
#include "base/time_format.h"
#include "http/client_stream.h"

namespace neurallog::actions {
namespace {

// What every receiver takes (RFC 5425, 4.3.1).
constexpr size_t kTextBytesMax = 7'500;
constexpr std::string_view kText =
    "{{#event=resolved}}Resolved: {{/event}}{{rule.name}}"
    "{{#alert.group}} {{.}}{{/alert.group}}{{#records}} | "
    "{{#message}}{{.}}{{/message}}{{/records}}";

struct SyslogConfig {
  std::string host, protocol, app_name, hostname;
  uint16_t port = 0;
  uint64_t facility = 0;
  Template text;
};

int SeverityOf(const base::JsonValue& notice) {
  const std::string_view severity = TextAt(notice, "rule", "severity");
  if (IsResolved(notice)) return 5;
  if (severity == "critical") return 2;
  if (severity == "high") return 3;
  return severity == "medium" ? 4 : 5;
}

// A word of a header: printable ASCII without spaces.
bool IsWord(std::string_view text, size_t bytes_max) {
  for (const char c : text)
    if (c <= ' ' || c >= 127) return false;
  return !text.empty() && text.size() <= bytes_max;
}

class SyslogSink : public BlockingSink {
 public:
  SyslogSink(SinkHost* host, int64_t timeout_ns, SyslogConfig config)
      : BlockingSink(host, timeout_ns), config_(std::move(config)) {}

  std::string endpoint() const override {
    return fmt::format("syslog+{}://{}:{}", config_.protocol, config_.host, config_.port);
  }
  Result<std::string> Preview(std::string_view notice) const override {
    Attempt attempt;
    attempt.delivery_id = "msg_preview";
    attempt.notice = notice;
    return Compose(attempt);
  }

 protected:
  Outcome Run(const Attempt& attempt, int64_t deadline_ns) override {
    const Result<std::string> line = Compose(attempt);
    if (!line.ok()) return OutcomeOfError(line.status());
    const Status sent =
        config_.protocol == "udp" ? SendDatagram(*line) : SendOverStream(*line, deadline_ns);
    return sent.ok() ? Outcome() : OutcomeOfError(sent);
  }

 private:
  Result<std::string> Compose(const Attempt& attempt) const {
    NL_TRY(const base::JsonValue notice, base::ParseJson(attempt.notice));
    NL_TRY(std::string text, config_.text.Render(notice));
    for (char& c : text)
      if (static_cast<unsigned char>(c) < ' ') c = ' ';
    return fmt::format("<{}>1 {} {} {} - {} - {}", config_.facility * 8 + SeverityOf(notice),
                       base::FormatRfc3339(attempt.wall_ns / 1000 * 1000), config_.hostname,
                       config_.app_name, attempt.delivery_id.substr(0, 32),
                       CutText(std::move(text), kTextBytesMax));
  }

  Status CheckAddress(const std::string& address) const {
    return host().guard->CheckAddress(address);
  }

  Status SendOverStream(const std::string& line, int64_t deadline_ns) {
    const auto check = [this](const std::string& address) { return CheckAddress(address); };
    NL_TRY(const auto stream, http::ClientStream::Connect(config_.host, config_.port, deadline_ns,
                                                          host().stopping, check));
    if (config_.protocol == "tls")
      NL_RETURN_IF_ERROR(stream->StartTls(config_.host, host().ca_file));
    return stream->WriteAll(fmt::format("{} {}", line.size(), line));
  }

  Status SendDatagram(const std::string& line) {
    NL_TRY(const http::Addresses addresses, http::ResolveHost(config_.host));
    for (const std::string& one : addresses) NL_RETURN_IF_ERROR(CheckAddress(one));
    const auto address = http::SocketAddress::Parse(addresses.front(), config_.port);
    if (!address) return Internal("the resolver gave no address");
    const int fd = ::socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return Unavailable(std::string("open a socket: ") + std::strerror(errno));
    const ssize_t sent =
        ::sendto(fd, line.data(), line.size(), MSG_DONTWAIT, address->get(), address->bytes);
    const int error = errno;
    ::close(fd);
    if (sent >= 0) return Status::Ok();
    return Unavailable(std::string("send: ") + std::strerror(error));
  }

  const SyslogConfig config_;
};

}  // namespace

MadeSink MakeSyslogSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_RETURN_IF_ERROR(CheckBlocking(*host));
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  SyslogConfig config;
  NL_TRY(config.host, from.Required("host"));
  NL_RETURN_IF_ERROR(host->guard->CheckHost(config.host));
  NL_TRY(config.protocol, from.Choice("protocol", {"tcp", "tls", "udp"}));
  NL_TRY(const uint64_t port, from.Number("port", config.protocol == "tls" ? 6514 : 514, 1, 65535));
  if (port < 1024 && port != 514 && port != 601)
    return PermissionDenied("port " + std::to_string(port) + " is not for syslog");
  config.port = static_cast<uint16_t>(port);
  NL_TRY(config.facility, from.Number("facility", 16, 0, 23));
  NL_TRY(config.app_name, from.Optional("app_name", "neurallog"));
  NL_TRY(config.hostname, from.Optional("hostname", "neurallog"));
  if (!IsWord(config.app_name, 48) || !IsWord(config.hostname, 255))
    return InvalidArgument("config.app_name, config.hostname: a word of printable ASCII is needed");
  NL_TRY(config.text, from.Compiled("text", kText, Escape::kText));
  NL_TRY(const int64_t timeout_ns, from.TimeoutNs());
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<SyslogSink>(host, timeout_ns, std::move(config)));
}

}  // namespace neurallog::actions
