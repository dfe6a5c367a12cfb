#include "actions/mail_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/base64.h"
#include "base/clock.h"

namespace neurallog::actions {
namespace {

// No line of base64 begins with dashes.
constexpr std::string_view kBoundary = "--neurallog-part--";

// RFC 2045: at most 76 characters in a line.
std::string Base64Lines(std::string_view bytes) {
  constexpr size_t kBytes = 57;
  std::string lines;
  for (size_t i = 0; i < bytes.size(); i += kBytes)
    lines.append(base::Base64(bytes.substr(i, kBytes))).append("\r\n");
  return lines;
}

std::string MailDate(int64_t wall_ns) {
  const time_t seconds = static_cast<time_t>(wall_ns / base::kNsPerSecond);
  tm parts;
  gmtime_r(&seconds, &parts);
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000", kDays[parts.tm_wday], parts.tm_mday,
                     kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                     parts.tm_sec);
}

std::string Thread(const std::string& id) {
  return id.empty() ? id : fmt::format("In-Reply-To: <{0}>\r\nReferences: <{0}>\r\n", id);
}

std::string Part(std::string_view type, std::string_view body) {
  return fmt::format(
      "--{}\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
      kBoundary, type, Base64Lines(body));
}

}  // namespace

std::string EncodeHeaderText(const std::string& text) {
  const bool plain =
      text.size() <= 70 && text.find("=?") == std::string::npos &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 127; });
  if (plain) return text;
  constexpr size_t kWordBytes = 42;  // an encoded word has at most 75 characters
  std::string words;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(begin + kWordBytes, text.size());
    while (end < text.size() && end > begin + 1 &&
           (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
      --end;
    words.append(words.empty() ? "=?utf-8?B?" : "\r\n =?utf-8?B?")
        .append(base::Base64(std::string_view(text).substr(begin, end - begin)))
        .append("?=");
    begin = end;
  }
  return words;
}

bool IsMailAddress(std::string_view text) {
  const size_t at = text.find('@');
  return text.size() <= 254 && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c < 127 &&
                  std::string_view("<>()[],;:\\\"").find(c) == std::string_view::npos;
         });
}

std::string MailMessage::Encode() const {
  std::string all_to;
  for (const std::string& one : to)
    all_to.append(all_to.empty() ? "" : ",\r\n ").append("<").append(one).append(">");
  std::string mail = fmt::format(
      "From: <{}>\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}>\r\n"
      "{}Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"{}\"\r\n\r\n",
      from, all_to, EncodeHeaderText(subject), MailDate(wall_ns), id, Thread(thread_id), kBoundary);
  mail.append(Part("text/plain", text)).append(Part("text/html", html));
  return mail.append("--").append(kBoundary).append("--\r\n");
}

}  // namespace neurallog::actions
