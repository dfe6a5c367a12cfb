#include "http/response_head.h"

#include <strings.h>

#include <charconv>
#include <cstdio>
#include <ctime>

namespace neurallog::http {
namespace {

void AppendNumber(std::string* to, uint64_t number) {
  char text[20];
  to->append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

void AppendStatusLine(std::string* to, int status) {
  if (status == 200) {
    to->append("HTTP/1.1 200 OK\r\nDate: ");
    return;
  }
  to->append("HTTP/1.1 ");
  AppendNumber(to, static_cast<uint64_t>(status < 100 || status > 999 ? 500 : status));
  to->push_back(' ');
  to->append(ReasonPhrase(status));
  to->append("\r\nDate: ");
}

void AppendWithoutLineBreaks(std::string* to, std::string_view text) {
  const size_t start = to->size();
  to->append(text);
  char* const end = to->data() + to->size();
  for (char* c = to->data() + start; c != end; ++c)
    if (*c == '\r' || *c == '\n' || *c == '\0') *c = ' ';
}

void AppendHeader(std::string* to, std::string_view name, std::string_view value) {
  AppendWithoutLineBreaks(to, name);
  to->append(": ");
  AppendWithoutLineBreaks(to, value);
  to->append("\r\n");
}

bool IsFramingHeader(const std::string& name) {
  for (const char* own : {"content-length", "transfer-encoding", "connection", "date"})
    if (strcasecmp(name.c_str(), own) == 0) return true;
  return false;
}

void AppendFraming(std::string* to, const Response& response, const ResponseHeadOptions& options) {
  if (response.status < 200 || response.status == 204) return;
  if (options.framing == BodyFraming::kChunked) {
    to->append("Transfer-Encoding: chunked\r\n");
  } else if (options.framing == BodyFraming::kLength && response.status != 304) {
    to->append("Content-Length: ");
    AppendNumber(to, options.body_bytes);
    to->append("\r\n");
  }
}

}  // namespace

bool IsBodiless(int status) { return status < 200 || status == 204 || status == 304; }

void AppendResponseHead(std::string* to, const Response& response,
                        const ResponseHeadOptions& options) {
  AppendStatusLine(to, response.status);
  to->append(options.date);
  to->append("\r\n");
  if (!response.content_type.empty()) AppendHeader(to, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers)
    if (!IsFramingHeader(name)) AppendHeader(to, name, value);
  AppendFraming(to, response, options);
  if (response.status == 101) {
    to->append("Connection: Upgrade\r\n");
  } else if (!options.keep_alive) {
    to->append("Connection: close\r\n");
  } else if (!options.http11) {
    to->append("Connection: keep-alive\r\n");
  }
  to->append("\r\n");
}

std::string FormatHttpDate(int64_t unix_seconds) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<time_t>(unix_seconds);
  tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  const int size = std::snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon],
                                 utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return std::string(text, static_cast<size_t>(size));
}

}  // namespace neurallog::http
