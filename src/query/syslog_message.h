// Syslog messages of RFC 3164 and RFC 5424.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace neurallog::query {

// Tells the parts that the message has: level, priority, facility, facility_keyword, severity, format,
// timestamp, hostname, app_name, proc_id, msg_id, message, and those of structured data as id.name.
// Times of RFC 3164 have no year: they belong to the twelve months up to `now_ns`, `offset_ns` is
// added to them. Nothing is told of a text that is no syslog message.
using SyslogPart = std::function<void(std::string_view name, std::string_view value)>;
void ParseSyslog(std::string_view text, int64_t now_ns, int64_t offset_ns, const SyslogPart& tell);

}  // namespace neurallog::query
