// The text of a mail (RFC 5322, MIME): plain text and HTML of the same, any UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace neurallog::actions {

struct MailMessage {
  std::string from;  // addresses are checked before
  std::vector<std::string> to;
  std::string subject;  // one line
  std::string text, html;
  std::string id;         // without < and >
  std::string thread_id;  // of all mails of one alert; empty: none
  int64_t wall_ns = 0;

  // Lines end with CRLF, none is longer than 998 bytes or begins with a dot.
  std::string Encode() const;
};

// `text` in the form that headers take: itself, or words of encoded UTF-8.
std::string EncodeHeaderText(const std::string& text);

// True for local@domain of printable ASCII without spaces and brackets.
bool IsMailAddress(std::string_view text);

}  // namespace neurallog::actions
