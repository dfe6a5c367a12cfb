#include "query/syslog_message.h"

#include <charconv>
#include <string>

#include "base/clock.h"
#include "base/time_format.h"

namespace neurallog::query {
namespace {

constexpr std::string_view kFacilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "solaris-cron",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};
constexpr std::string_view kLevels[] = {"emerg", "alert",  "critical", "error",
                                        "warn",  "notice", "info",     "debug"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Takes what stands before `end`, and `end` itself.
std::string_view TakeUntil(std::string_view* rest, char end) {
  const std::string_view part = rest->substr(0, rest->find(end));
  rest->remove_prefix(std::min(part.size() + 1, rest->size()));
  return part;
}

void TellPriority(std::string_view* rest, const SyslogPart& tell) {
  if (rest->empty() || rest->front() != '<') return;
  const size_t end = rest->find('>');
  if (end == std::string_view::npos) return;
  const std::string_view digits = rest->substr(1, end - 1);
  uint32_t priority;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), priority);
  if (error != std::errc() || at != digits.data() + digits.size()) return;
  rest->remove_prefix(end + 1);
  const uint32_t facility = priority / 8;
  tell("level", kLevels[priority % 8]);
  tell("priority", digits);
  tell("facility_keyword", facility < std::size(kFacilities)
                               ? std::string(kFacilities[facility])
                               : "facility" + std::to_string(facility));
  tell("facility", std::to_string(facility));
  tell("severity", std::to_string(priority % 8));
}

// What stands for no value is not told.
void TellHeader(std::string_view name, std::string_view* rest, const SyslogPart& tell) {
  const std::string_view value = TakeUntil(rest, ' ');
  if (value != "-" && !value.empty()) tell(name, value);
}

// [id name="value" ...]; backslashes escape quotes, ']' and themselves. False when it is broken.
bool TellElement(std::string_view* rest, const SyslogPart& tell) {
  rest->remove_prefix(1);
  const std::string id(rest->substr(0, rest->find_first_of(" ]")));
  rest->remove_prefix(id.size());
  while (!rest->empty() && rest->front() == ' ') {
    rest->remove_prefix(1);
    const size_t equals = rest->find("=\"");
    if (equals == std::string_view::npos) return false;
    const std::string name = id + "." + std::string(rest->substr(0, equals));
    rest->remove_prefix(equals + 2);
    std::string value;
    while (!rest->empty() && rest->front() != '"') {
      if (rest->front() == '\\' && rest->size() > 1) rest->remove_prefix(1);
      value.push_back(rest->front());
      rest->remove_prefix(1);
    }
    if (rest->empty()) return false;
    rest->remove_prefix(1);
    tell(name, value);
  }
  if (rest->empty() || rest->front() != ']') return false;
  rest->remove_prefix(1);
  return true;
}

void TellStructuredData(std::string_view* rest, const SyslogPart& tell) {
  if (!rest->empty() && rest->front() == '-') {
    rest->remove_prefix(1);
  } else {
    while (!rest->empty() && rest->front() == '[')
      if (!TellElement(rest, tell)) break;
  }
  if (!rest->empty() && rest->front() == ' ') rest->remove_prefix(1);
}

void ParseRfc5424(std::string_view rest, const SyslogPart& tell) {
  tell("format", "rfc5424");
  TellHeader("timestamp", &rest, tell);
  TellHeader("hostname", &rest, tell);
  TellHeader("app_name", &rest, tell);
  TellHeader("proc_id", &rest, tell);
  TellHeader("msg_id", &rest, tell);
  TellStructuredData(&rest, tell);
  tell("message", rest);
}

// "Jun  3 12:08:33" in the year before `now_ns`.
std::optional<int64_t> ParseShortTime(std::string_view text, int64_t now_ns) {
  size_t month = 0;
  while (month < std::size(kMonths) && kMonths[month] != text.substr(0, 3)) ++month;
  if (month == std::size(kMonths) || text.size() != 15) return std::nullopt;
  std::string day(text.substr(4, 2));
  if (day[0] == ' ') day[0] = '0';
  const int this_year = std::stoi(base::FormatDay(now_ns).substr(0, 4));
  for (const int year : {this_year, this_year - 1}) {
    char date[32];
    std::snprintf(date, sizeof(date), "%04d-%02d-%s", year, static_cast<int>(month + 1),
                  day.c_str());
    const auto ns =
        base::ParseRfc3339(std::string(date) + "T" + std::string(text.substr(7, 8)) + "Z");
    // A clock that is a day ahead is no reason to go back a year.
    if (ns && *ns <= now_ns + base::kNsPerDay) return ns;
  }
  return std::nullopt;
}

void TellTag(std::string_view tag, const SyslogPart& tell) {
  const size_t bracket = tag.find('[');
  tell("app_name", tag.substr(0, bracket));
  if (bracket == std::string_view::npos) return;
  std::string_view id = tag.substr(bracket + 1);
  if (!id.empty() && id.back() == ']') id.remove_suffix(1);
  tell("proc_id", id);
}

void ParseRfc3164(std::string_view rest, int64_t now_ns, int64_t offset_ns,
                  const SyslogPart& tell) {
  constexpr size_t kTimeBytes = 15;
  tell("format", "rfc3164");
  const auto ns = ParseShortTime(rest.substr(0, kTimeBytes), now_ns);
  if (!ns) return tell("message", rest);
  tell("timestamp", base::FormatRfc3339(*ns + offset_ns));
  rest.remove_prefix(std::min(kTimeBytes + 1, rest.size()));
  tell("hostname", TakeUntil(&rest, ' '));
  const size_t colon = rest.find(": ");
  const bool has_tag = colon != std::string_view::npos && rest.find(' ') > colon;
  if (has_tag) {
    TellTag(rest.substr(0, colon), tell);
    rest.remove_prefix(colon + 2);
  }
  tell("message", rest);
}

}  // namespace

void ParseSyslog(std::string_view text, int64_t now_ns, int64_t offset_ns, const SyslogPart& tell) {
  if (text.empty()) return;
  TellPriority(&text, tell);
  if (text.substr(0, 2) == "1 ") return ParseRfc5424(text.substr(2), tell);
  ParseRfc3164(text, now_ns, offset_ns, tell);
}

}  // namespace neurallog::query
