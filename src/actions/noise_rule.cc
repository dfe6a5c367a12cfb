#include "actions/noise_rule.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/json_text.h"
#include "base/time_format.h"
#include "rules/alerting.h"

namespace neurallog::actions {
namespace {

using base::JsonValue;
using base::TimeInterval;
using Kind = JsonValue::Kind;

constexpr int64_t kDurationMaxNs = int64_t{10} * 366 * 86'400 * 1'000'000'000;

// "startsAt" as "starts_at".
std::string SnakeCase(std::string_view name) {
  std::string snake;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') snake.push_back('_');
    snake.push_back(base::ToLower(c));
  }
  return snake;
}

Status Wrong(std::string_view name, std::string_view expected) {
  return InvalidArgument(fmt::format("{}: expected {}", name.substr(0, 40), expected));
}

Status Within(std::string_view name, const Status& status) {
  return InvalidArgument(fmt::format("{}: {}", name, status.message()));
}

Result<int64_t> ReadTime(std::string_view name, const JsonValue& json) {
  const auto time_ns = base::ParseTimestamp(json.text());
  if (!time_ns || json.kind() == Kind::kBool)
    return Wrong(name, "a time like 2026-06-01T12:00:00Z");
  return *time_ns;
}

Status ReadNoiseText(std::string_view name, const JsonValue& json, std::string* to) {
  if (json.kind() != Kind::kString || json.text().size() > NoiseRule::kTextBytesMax)
    return Wrong(name, fmt::format("a text of up to {} bytes", NoiseRule::kTextBytesMax));
  *to = json.text();
  return {};
}

Status ReadEqual(const JsonValue& json, std::vector<std::string>* to) {
  if (json.kind() != Kind::kArray || json.items().size() > NoiseRule::kEqualMax)
    return Wrong("equal", fmt::format("up to {} names of labels", NoiseRule::kEqualMax));
  for (const JsonValue& item : json.items()) {
    if (item.kind() != Kind::kString) return Wrong("equal", "names of labels");
    to->push_back(item.text());
  }
  return {};
}

using ParseRange = Result<TimeInterval::Range> (*)(std::string_view);

Status ReadRanges(std::string_view name, const JsonValue& json, ParseRange parse,
                  std::vector<TimeInterval::Range>* to) {
  if (json.kind() != Kind::kArray || json.items().size() > NoiseRule::kIntervalsMax)
    return Wrong(name, fmt::format("an array of up to {}", NoiseRule::kIntervalsMax));
  for (const JsonValue& item : json.items()) {
    const auto range = parse(item.text());
    if (!range.ok()) return Within(name, range.status());
    to->push_back(*range);
  }
  return {};
}

Status ReadTimes(const JsonValue& json, std::vector<TimeInterval::Range>* to) {
  if (json.kind() != Kind::kArray || json.items().size() > NoiseRule::kIntervalsMax)
    return Wrong("times", fmt::format("an array of up to {}", NoiseRule::kIntervalsMax));
  for (const JsonValue& item : json.items()) {
    if (item.kind() != Kind::kObject || item.names().size() != 2)
      return Wrong("times", "objects of start_time and end_time");
    NL_TRY(const std::string from, item.String("start_time"));
    NL_TRY(const std::string until, item.String("end_time"));
    const auto range = TimeInterval::ParseHours(from, until);
    if (!range.ok()) return Within("times", range.status());
    to->push_back(*range);
  }
  return {};
}

Status ReadIntervalMember(const std::string& name, const JsonValue& value, TimeInterval* to) {
  if (name == "times") return ReadTimes(value, &to->minutes);
  if (name == "weekdays")
    return ReadRanges(name, value, TimeInterval::ParseWeekdays, &to->weekdays);
  if (name == "days_of_month")
    return ReadRanges(name, value, TimeInterval::ParseDaysOfMonth, &to->days_of_month);
  if (name == "months") return ReadRanges(name, value, TimeInterval::ParseMonths, &to->months);
  if (name == "years") return ReadRanges(name, value, TimeInterval::ParseYears, &to->years);
  if (name == "location") {
    const auto zone = base::TimeZone::Find(value.text());
    if (!zone.ok()) return Within(name, zone.status());
    to->zone = *zone;
    return {};
  }
  return InvalidArgument("unknown member " + name.substr(0, 40));
}

Status ReadNoiseMember(const std::string& name, const JsonValue& value, NoiseRule* rule) {
  const bool has_times =
      rule->kind == NoiseKind::kTimeInterval || rule->kind == NoiseKind::kMaintenance;
  const bool has_span = rule->kind == NoiseKind::kSilence || rule->kind == NoiseKind::kMaintenance;
  const bool is_inhibition = rule->kind == NoiseKind::kInhibition;
  if (name == "id" || name == "name") return ReadNoiseText(name, value, &rule->id);
  if (name == "comment") return ReadNoiseText(name, value, &rule->comment);
  if (name == "created_by") return ReadNoiseText(name, value, &rule->created_by);
  if ((has_span && name == "matchers") || (is_inhibition && name == "target_matchers")) {
    NL_TRY(rule->matchers, LabelMatchers::Parse(name, value));
    return {};
  }
  if (is_inhibition && name == "source_matchers") {
    NL_TRY(rule->sources, LabelMatchers::Parse(name, value));
    return {};
  }
  if (is_inhibition && name == "equal") return ReadEqual(value, &rule->equal);
  if (has_times && name == "time_intervals") {
    auto times = ParseTimeIntervals(value);
    if (!times.ok()) return Within(name, times.status());
    rule->times = std::move(*times);
    rule->times_json = base::ToJson(value);
    return {};
  }
  if (has_span && name == "starts_at") {
    NL_TRY(rule->starts_ns, ReadTime(name, value));
    return {};
  }
  if (has_span && name == "ends_at") {
    NL_TRY(rule->ends_ns, ReadTime(name, value));
    return {};
  }
  if (has_span && name == "duration") return {};  // read last
  // What an answer has shown.
  if (name == "state" || name == "status" || name == "updated_at") return {};
  return InvalidArgument("unknown member " + name.substr(0, 40));
}

Status ReadEnd(const JsonValue& duration, int64_t now_ns, NoiseRule* rule) {
  const auto ns = base::ParseDuration(duration.text());
  if (!ns || *ns <= 0 || *ns > kDurationMaxNs) return Wrong("duration", "a time such as 2h");
  if (rule->ends_ns != 0) return Wrong("duration", "it or ends_at, not both");
  if (rule->starts_ns == 0) rule->starts_ns = now_ns;
  rule->ends_ns = rule->starts_ns + *ns;
  return {};
}

Status CheckNoiseRule(const NoiseRule& rule) {
  if (!rule.id.empty() && !rules::IsActionId(rule.id))
    return Wrong("id", "letters, digits, '-', '_' and '.', up to 64");
  switch (rule.kind) {
    case NoiseKind::kSilence:
      if (rule.matchers.size() == 0) return Wrong("matchers", "one at least");
      if (rule.ends_ns == 0) return Wrong("ends_at", "a time, or a duration");
      break;
    case NoiseKind::kMaintenance:
      if (rule.times.empty() && rule.ends_ns == 0)
        return Wrong("time_intervals", "one at least, or an ends_at");
      break;
    case NoiseKind::kInhibition:
      if (rule.sources.size() == 0) return Wrong("source_matchers", "one at least");
      if (rule.matchers.size() == 0) return Wrong("target_matchers", "one at least");
      break;
    case NoiseKind::kTimeInterval:
      if (rule.id.empty()) return Wrong("id", "the name by which actions refer to it");
      if (rule.times.empty()) return Wrong("time_intervals", "one at least");
      break;
  }
  if (rule.ends_ns != 0 && rule.ends_ns <= rule.starts_ns)
    return Wrong("ends_at", "a time after starts_at");
  return {};
}

void AppendNoiseText(std::string* json, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  json->append(json->size() > 1 ? ",\"" : "\"").append(name).append("\":");
  base::AppendJsonString(json, text);
}

void AppendNoiseJson(std::string* json, std::string_view name, std::string_view value) {
  json->append(json->size() > 1 ? ",\"" : "\"").append(name).append("\":").append(value);
}

}  // namespace

std::string_view KindName(NoiseKind kind) {
  constexpr std::array<std::string_view, kNoiseKinds> kNames = {"silence", "maintenance window",
                                                                "inhibition", "time interval"};
  return kNames[static_cast<size_t>(kind)];
}

Result<std::vector<TimeInterval>> ParseTimeIntervals(const JsonValue& json) {
  if (json.kind() != Kind::kArray || json.items().empty() ||
      json.items().size() > NoiseRule::kIntervalsMax)
    return InvalidArgument(fmt::format("expected 1 to {} of them", NoiseRule::kIntervalsMax));
  std::vector<TimeInterval> intervals;
  for (const JsonValue& item : json.items()) {
    if (item.kind() != Kind::kObject) return InvalidArgument("expected objects");
    TimeInterval& interval = intervals.emplace_back();
    for (const std::string& name : item.names())
      NL_RETURN_IF_ERROR(ReadIntervalMember(name, *item.Find(name), &interval));
  }
  return intervals;
}

Result<NoiseRule> NoiseRule::Parse(NoiseKind kind, std::string_view text, int64_t now_ns,
                                   std::string_view id) {
  if (text.size() > kBytesMax)
    return TooLarge(
        fmt::format("a {} of {} bytes, more than {}", KindName(kind), text.size(), kBytesMax));
  NL_TRY(const JsonValue json, base::ParseJson(text));
  if (json.kind() != Kind::kObject) return InvalidArgument("expected an object");
  NoiseRule rule;
  rule.kind = kind;
  for (const std::string& name : json.names())
    NL_RETURN_IF_ERROR(ReadNoiseMember(SnakeCase(name), *json.Find(name), &rule));
  if (!id.empty()) rule.id = id;
  if (kind == NoiseKind::kSilence && rule.starts_ns == 0) rule.starts_ns = now_ns;
  if (const JsonValue* const duration = json.Find("duration"))
    NL_RETURN_IF_ERROR(ReadEnd(*duration, now_ns, &rule));
  NL_RETURN_IF_ERROR(CheckNoiseRule(rule));
  return rule;
}

bool NoiseRule::IsActive(int64_t wall_ns) const {
  return wall_ns >= starts_ns && (ends_ns == 0 || wall_ns < ends_ns) &&
         (times.empty() || base::AnyContains(times, wall_ns));
}

std::string_view NoiseRule::StateName(int64_t wall_ns) const {
  if (ends_ns != 0 && wall_ns >= ends_ns) return "expired";
  return IsActive(wall_ns) ? "active" : "pending";
}

std::string NoiseRule::ToJson(int64_t wall_ns) const {
  std::string json = "{";
  AppendNoiseText(&json, "id", id);
  if (kind == NoiseKind::kInhibition) {
    AppendNoiseJson(&json, "source_matchers", sources.ToJson());
    AppendNoiseJson(&json, "target_matchers", matchers.ToJson());
    std::string names;
    for (const std::string& name : equal) {
      names.append(names.empty() ? "[" : ",");
      base::AppendJsonString(&names, name);
    }
    AppendNoiseJson(&json, "equal", names.empty() ? "[]" : names.append("]"));
  } else if (kind != NoiseKind::kTimeInterval) {
    AppendNoiseJson(&json, "matchers", matchers.ToJson());
  }
  if (starts_ns != 0) AppendNoiseText(&json, "starts_at", base::FormatRfc3339(starts_ns));
  if (ends_ns != 0) AppendNoiseText(&json, "ends_at", base::FormatRfc3339(ends_ns));
  if (!times.empty()) AppendNoiseJson(&json, "time_intervals", times_json);
  AppendNoiseText(&json, "created_by", created_by);
  AppendNoiseText(&json, "comment", comment);
  if (wall_ns != 0) {
    if (kind != NoiseKind::kInhibition) AppendNoiseText(&json, "state", StateName(wall_ns));
    AppendNoiseText(&json, "updated_at", base::FormatRfc3339(updated_ns));
  }
  return json.append("}");
}

}  // namespace neurallog::actions
