// One conversation with a mail server (RFC 5321): greeting, TLS, credentials, one message.
// Blocks. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/client_stream.h"

namespace neurallog::actions {

// What a server answered: the code and its text.
struct SmtpReply {
  int code = 0;
  std::string text;
  bool ok() const { return code / 100 == 2 || code / 100 == 3; }
};

class SmtpSession {
 public:
  explicit SmtpSession(std::unique_ptr<http::ClientStream> stream) : stream_(std::move(stream)) {}

  // An error is a fault of the connection; a refusal is a reply that is not ok().
  Result<SmtpReply> Greeting() { return ReadReply(); }
  // EHLO; remembers what the server can do.
  Result<SmtpReply> Hello();
  // STARTTLS, the handshake, and EHLO again.
  Result<SmtpReply> StartTls(const std::string& host, const std::string& ca_file);
  // The handshake before the greeting.
  Status BeginWithTls(const std::string& host, const std::string& ca_file);
  // AUTH PLAIN, or LOGIN where only that is offered.
  Result<SmtpReply> Authenticate(std::string_view username, std::string_view password);
  // `line`: without its end.
  Result<SmtpReply> Command(std::string line);
  // What comes behind DATA's 354; lines end with CRLF, and none begins with a dot.
  Result<SmtpReply> Message(std::string_view message);
  void Quit();

  bool offers(std::string_view extension) const;

 private:
  Result<SmtpReply> ReadReply();
  Result<std::string> ReadLine();

  std::unique_ptr<http::ClientStream> stream_;
  std::string input_;
  std::vector<std::string> extensions_;  // "STARTTLS", "AUTH PLAIN LOGIN"
};

}  // namespace neurallog::actions
