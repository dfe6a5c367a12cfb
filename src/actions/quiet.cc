#include "actions/quiet.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/quantity.h"
#include "base/time_format.h"
#include "rules/alerting.h"

namespace neurallog::actions {
namespace {

using base::JsonValue;
using Kind = JsonValue::Kind;

constexpr int64_t kLongestNs = int64_t{30} * 86'400 * 1'000'000'000;

Status ReadSpan(std::string_view name, const JsonValue& json, int64_t least_ns, int64_t* to) {
  const auto ns = json.text() == "0" ? std::optional<int64_t>(0) : base::ParseDuration(json.text());
  if (!ns || *ns < least_ns || *ns > kLongestNs)
    return InvalidArgument(fmt::format("group: {}: expected a duration of {} to 30d", name,
                                       least_ns == 0 ? "0s" : "1s"));
  *to = *ns;
  return {};
}

Status ReadNames(std::string_view name, const JsonValue& json, std::vector<std::string>* to) {
  const Status wrong = InvalidArgument(
      fmt::format("{}: expected an array of up to {} texts", name, Grouping::kByMax));
  if (json.kind() != Kind::kArray || json.items().size() > Grouping::kByMax) return wrong;
  for (const JsonValue& item : json.items()) {
    if (item.kind() != Kind::kString || item.text().empty() ||
        item.text().size() > LabelMatchers::kNameBytesMax)
      return wrong;
    to->push_back(item.text());
  }
  return {};
}

Status ReadItems(const JsonValue& json, uint32_t* to) {
  const uint64_t most = Grouping::kItemsMax;
  const auto items = json.kind() == Kind::kNumber && json.text().size() <= 4
                         ? std::strtoull(json.text().c_str(), nullptr, 10)
                         : 0;
  if (items < 1 || items > most)
    return InvalidArgument(fmt::format("group: max_items: expected a number from 1 to {}", most));
  *to = static_cast<uint32_t>(items);
  return {};
}

Result<Grouping> ReadGrouping(const JsonValue& json) {
  if (json.kind() != Kind::kObject) return InvalidArgument("group: expected an object");
  if (json.Find("by") == nullptr)
    return InvalidArgument(
        R"(group: by is missing: names of labels; ["..."] for each alert by itself)");
  Grouping grouping;
  for (const std::string& name : json.names()) {
    const JsonValue& value = *json.Find(name);
    if (name == "by") NL_RETURN_IF_ERROR(ReadNames("group: by", value, &grouping.by));
    else if (name == "wait") NL_RETURN_IF_ERROR(ReadSpan(name, value, 0, &grouping.wait_ns));
    else if (name == "interval")
      NL_RETURN_IF_ERROR(ReadSpan(name, value, base::kNsPerSecond, &grouping.interval_ns));
    else if (name == "repeat") NL_RETURN_IF_ERROR(ReadSpan(name, value, 0, &grouping.repeat_ns));
    else if (name == "max_items") NL_RETURN_IF_ERROR(ReadItems(value, &grouping.items_max));
    else return InvalidArgument("group: unknown member " + name.substr(0, 40));
  }
  grouping.by_each = grouping.by == std::vector<std::string>{"..."};
  return grouping;
}

void AppendNames(std::string* json, std::string_view name, const std::vector<std::string>& names) {
  json->append(json->size() > 1 ? ",\"" : "\"").append(name).append("\":[");
  for (const std::string& of : names) {
    if (json->back() != '[') json->push_back(',');
    base::AppendJsonString(json, of);
  }
  json->push_back(']');
}

}  // namespace

bool Quiet::IsMember(std::string_view name) {
  return name == "group" || name == "mute_time_intervals" || name == "active_time_intervals";
}

Status Quiet::Read(std::string_view name, const JsonValue& json) {
  if (name == "mute_time_intervals") return ReadNames(name, json, &mute_times);
  if (name == "active_time_intervals") return ReadNames(name, json, &active_times);
  NL_TRY(grouping, ReadGrouping(json));
  return {};
}

std::string Quiet::ToJson() const {
  std::string json = "{";
  if (grouping) {
    std::string group = "{";
    AppendNames(&group, "by", grouping->by);
    group.append(fmt::format(R"(,"wait":"{}","interval":"{}","repeat":"{}","max_items":{}}})",
                             base::FormatDuration(grouping->wait_ns),
                             base::FormatDuration(grouping->interval_ns),
                             base::FormatDuration(grouping->repeat_ns), grouping->items_max));
    json.append("\"group\":").append(group);
  }
  if (!mute_times.empty()) AppendNames(&json, "mute_time_intervals", mute_times);
  if (!active_times.empty()) AppendNames(&json, "active_time_intervals", active_times);
  return json.append("}");
}

bool Quiet::IsMutedAt(int64_t wall_ns, const NoiseRules* rules) const {
  if (rules == nullptr) return false;
  return rules->IsIn(mute_times, wall_ns) ||
         (!active_times.empty() && !rules->IsIn(active_times, wall_ns));
}

}  // namespace neurallog::actions
