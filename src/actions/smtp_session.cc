#include "actions/smtp_session.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "http/url.h"

namespace neurallog::actions {
namespace {

constexpr size_t kLineBytesMax = 4096;
constexpr int kReplyLinesMax = 100;

}  // namespace

bool SmtpSession::offers(std::string_view extension) const {
  for (const std::string& one : extensions_)
    if (http::SameName(std::string_view(one).substr(0, one.find(' ')), extension)) return true;
  return false;
}

Result<SmtpReply> SmtpSession::Hello() {
  NL_TRY(SmtpReply reply, Command("EHLO neurallog"));
  extensions_.clear();
  std::string_view rest = reply.text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    extensions_.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return reply;
}

Result<SmtpReply> SmtpSession::StartTls(const std::string& host, const std::string& ca_file) {
  NL_TRY(SmtpReply reply, Command("STARTTLS"));
  if (!reply.ok()) return reply;
  // What was sent in the clear behind the reply must not count as said in private.
  if (!input_.empty()) return Unavailable("the server spoke before TLS began");
  NL_RETURN_IF_ERROR(stream_->StartTls(host, ca_file));
  return Hello();
}

Status SmtpSession::BeginWithTls(const std::string& host, const std::string& ca_file) {
  return stream_->StartTls(host, ca_file);
}

Result<SmtpReply> SmtpSession::Authenticate(std::string_view username, std::string_view password) {
  bool plain = false, login = false;
  for (const std::string& one : extensions_) {
    if (!http::SameName(std::string_view(one).substr(0, 4), "AUTH")) continue;
    plain = plain || one.find("PLAIN") != std::string::npos;
    login = login || one.find("LOGIN") != std::string::npos;
  }
  if (login && !plain) {
    NL_TRY(SmtpReply reply, Command("AUTH LOGIN"));
    if (reply.code != 334) return reply;
    NL_TRY(reply, Command(base::Base64(username)));
    if (reply.code != 334) return reply;
    return Command(base::Base64(password));
  }
  std::string both(1, '\0');
  both.append(username).append(1, '\0').append(password);
  return Command("AUTH PLAIN " + base::Base64(both));
}

Result<SmtpReply> SmtpSession::Command(std::string line) {
  NL_RETURN_IF_ERROR(stream_->WriteAll(line.append("\r\n")));
  return ReadReply();
}

Result<SmtpReply> SmtpSession::Message(std::string_view message) {
  NL_RETURN_IF_ERROR(stream_->WriteAll(message));
  return Command(".");
}

void SmtpSession::Quit() { static_cast<void>(Command("QUIT").ok()); }

Result<SmtpReply> SmtpSession::ReadReply() {
  SmtpReply reply;
  for (int lines = 0; lines < kReplyLinesMax; ++lines) {
    NL_TRY(const std::string line, ReadLine());
    const char* const begin = line.data();
    if (line.size() < 3 || std::from_chars(begin, begin + 3, reply.code).ptr != begin + 3)
      return Unavailable("the receiver does not speak SMTP");
    reply.text.append(reply.text.empty() ? "" : "\n");
    if (line.size() > 4) reply.text.append(line, 4);
    if (line.size() == 3 || line[3] != '-') return reply;
  }
  return Unavailable("the receiver's reply has too many lines");
}

Result<std::string> SmtpSession::ReadLine() {
  size_t end;
  while ((end = input_.find('\n')) == std::string::npos) {
    if (input_.size() > kLineBytesMax) return Unavailable("the receiver's reply is too long");
    char block[1024];
    NL_TRY(const size_t bytes, stream_->Read(block, sizeof(block)));
    if (bytes == 0) return Unavailable("the receiver ended the connection");
    input_.append(block, bytes);
  }
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace neurallog::actions
