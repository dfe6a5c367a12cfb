// Mail over SMTP, as text and as HTML of the same.
//
// Configuration: host, port (587; 465 with tls); encryption (starttls, tls, none); username, password
// (secret); from, to (list); title (template of the subject), text, html (templates); timeout.
// Recipients that are refused do not keep others from theirs.
#include "actions/address_guard.h"
#include "actions/blocking_sink.h"
#include "actions/chat_message.h"
#include "actions/http_sink.h"
#include "actions/mail_message.h"
#include "actions/sink_table.h"
#include "actions/smtp_session.h"

namespace neurallog::actions {
namespace {

constexpr size_t kTextBytesMax = 200 << 10;
constexpr size_t kRecipientsMax = 50;
constexpr std::string_view kHtml =
    "<html><body>"
    "{{#rule.meta.description}}<p>{{.}}</p>{{/rule.meta.description}}"
    "{{#alert.group}}<p>Group: {{.}}</p>{{/alert.group}}"
    "{{#alert.matches}}<p>Matches: {{.}}</p>{{/alert.matches}}"
    "<pre>{{#records}}{{#message}}{{.}}{{/message}}{{^message}}{{.}}{{/message}}\n{{/records}}</"
    "pre>"
    "{{#rule.meta.runbook}}<p>Runbook: <a href=\"{{.}}\">{{.}}</a></p>{{/rule.meta.runbook}}"
    "</body></html>";

struct EmailConfig {
  std::string host, encryption, username, password, from;
  uint16_t port = 0;
  std::vector<std::string> to;
  ChatMessage message;
  Template html;
};

Outcome OutcomeOfReply(const SmtpReply& reply) {
  Outcome outcome;
  outcome.status = reply.code;
  outcome.answer = reply.text.substr(0, Outcome::kAnswerBytesMax);
  if (reply.ok()) return outcome;
  outcome.kind = reply.code / 100 == 5 ? Outcome::Kind::kFinal : Outcome::Kind::kRetry;
  outcome.error = "the mail server answered " + std::to_string(reply.code);
  return outcome;
}

class EmailSink : public BlockingSink {
 public:
  EmailSink(SinkHost* host, int64_t timeout_ns, EmailConfig config)
      : BlockingSink(host, timeout_ns), config_(std::move(config)) {}

  std::string endpoint() const override {
    return "smtp://" + config_.host + ":" + std::to_string(config_.port);
  }
  Result<std::string> Preview(std::string_view notice) const override {
    Attempt attempt;
    attempt.delivery_id = "msg_preview";
    attempt.notice = notice;
    NL_TRY(const MailMessage mail, Compose(attempt));
    std::string preview = "Subject: ";
    return std::move(preview.append(mail.subject).append("\n\n").append(mail.text));
  }

 protected:
  Outcome Run(const Attempt& attempt, int64_t deadline_ns) override {
    const Result<MailMessage> mail = Compose(attempt);
    if (!mail.ok()) return OutcomeOfError(mail.status());
    Result<SmtpReply> reply = Send(*mail, deadline_ns);
    return reply.ok() ? OutcomeOfReply(*reply) : OutcomeOfError(reply.status());
  }

 private:
  Result<MailMessage> Compose(const Attempt& attempt) const {
    NL_TRY(const base::JsonValue notice, base::ParseJson(attempt.notice));
    MailMessage mail;
    mail.from = config_.from;
    mail.to = config_.to;
    NL_TRY(mail.subject, config_.message.Title(notice));
    NL_TRY(mail.text, config_.message.Text(notice));
    NL_TRY(mail.html, config_.html.Render(notice));
    mail.id.append(attempt.delivery_id).append("@neurallog");
    if (!attempt.dedup_key.empty()) mail.thread_id.append(attempt.dedup_key).append("@neurallog");
    mail.wall_ns = attempt.wall_ns;
    return mail;
  }

  // The reply that ends it: to the message, or the first that refused to go on.
  Result<SmtpReply> Send(const MailMessage& mail, int64_t deadline_ns) {
    const auto check = [this](const std::string& address) {
      return host().guard->CheckAddress(address);
    };
    NL_TRY(auto stream, http::ClientStream::Connect(config_.host, config_.port, deadline_ns,
                                                    host().stopping, check));
    SmtpSession session(std::move(stream));
    NL_TRY(SmtpReply reply, Begin(&session));
    if (!reply.ok()) return reply;
    NL_TRY(reply, SendEnvelope(&session));
    if (!reply.ok()) return reply;
    NL_TRY(reply, session.Command("DATA"));
    if (reply.code != 354) return reply;
    NL_TRY(reply, session.Message(mail.Encode()));
    session.Quit();
    return reply;
  }

  Result<SmtpReply> Begin(SmtpSession* session) {
    if (config_.encryption == "tls")
      NL_RETURN_IF_ERROR(session->BeginWithTls(config_.host, host().ca_file));
    NL_TRY(SmtpReply reply, session->Greeting());
    if (!reply.ok()) return reply;
    NL_TRY(reply, session->Hello());
    if (!reply.ok()) return reply;
    if (config_.encryption == "starttls") {
      NL_TRY(reply, session->StartTls(config_.host, host().ca_file));
      if (!reply.ok()) return reply;
    }
    if (config_.username.empty()) return reply;
    return session->Authenticate(config_.username, config_.password);
  }

  Result<SmtpReply> SendEnvelope(SmtpSession* session) {
    NL_TRY(SmtpReply reply, session->Command("MAIL FROM:<" + config_.from + ">"));
    if (!reply.ok()) return reply;
    SmtpReply accepted;
    for (const std::string& to : config_.to) {
      NL_TRY(reply, session->Command("RCPT TO:<" + to + ">"));
      if (reply.ok()) accepted = reply;
    }
    return accepted.ok() ? accepted : reply;
  }

  const EmailConfig config_;
};

Status ReadAddresses(SinkConfig* from, EmailConfig* to) {
  NL_TRY(to->from, from->Required("from"));
  NL_TRY(to->to, from->Texts("to"));
  if (to->to.empty() || to->to.size() > kRecipientsMax)
    return InvalidArgument("config.to: between 1 and " + std::to_string(kRecipientsMax) +
                           " addresses are needed");
  if (!IsMailAddress(to->from))
    return InvalidArgument("config.from: " + to->from + " is no address");
  for (const std::string& one : to->to)
    if (!IsMailAddress(one)) return InvalidArgument("config.to: " + one + " is no address");
  return Status::Ok();
}

Status ReadServer(SinkConfig* from, const SinkHost& host, EmailConfig* to) {
  NL_TRY(to->host, from->Required("host"));
  NL_TRY(to->encryption, from->Choice("encryption", {"starttls", "tls", "none"}));
  NL_TRY(const uint64_t port, from->Number("port", to->encryption == "tls" ? 465 : 587, 1, 65535));
  if (port < 1024 && port != 25 && port != 465 && port != 587)
    return PermissionDenied("port " + std::to_string(port) + " is not for mail");
  to->port = static_cast<uint16_t>(port);
  NL_TRY(to->username, from->Optional("username", ""));
  NL_TRY(to->password, from->Optional("password", ""));
  if (!to->username.empty() && to->encryption == "none")
    return InvalidArgument("config.username: is not sent without encryption");
  return host.guard->CheckHost(to->host);
}

}  // namespace

MadeSink MakeEmailSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_RETURN_IF_ERROR(CheckBlocking(*host));
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  EmailConfig config;
  NL_RETURN_IF_ERROR(ReadServer(&from, *host, &config));
  NL_RETURN_IF_ERROR(ReadAddresses(&from, &config));
  NL_TRY(config.message, ChatMessage::Make(&from, Escape::kText, kTextBytesMax));
  NL_TRY(config.html, from.Compiled("html", kHtml, Escape::kHtml));
  NL_TRY(const int64_t timeout_ns, from.TimeoutNs());
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<EmailSink>(host, timeout_ns, std::move(config)));
}

}  // namespace neurallog::actions
