#include "actions/notice.h"

#include "base/json_text.h"
#include "base/json_value.h"
#include "base/time_format.h"

namespace neurallog::actions {
namespace {

using detection::Alert;
using detection::RuleInfo;

void AppendText(std::string* json, std::string_view name, std::string_view text) {
  json->append(json->back() == '{' ? "\"" : ",\"").append(name).append("\":");
  base::AppendJsonString(json, text);
}

void AppendNumber(std::string* json, std::string_view name, uint64_t number) {
  json->append(json->back() == '{' ? "\"" : ",\"").append(name).append("\":");
  json->append(std::to_string(number));
}

void AppendTexts(std::string* json, std::string_view name, const std::vector<std::string>& texts) {
  json->append(",\"").append(name).append("\":[");
  for (const std::string& text : texts) {
    if (json->back() != '[') json->push_back(',');
    base::AppendJsonString(json, text);
  }
  json->push_back(']');
}

void AppendMap(std::string* json, std::string_view name, const Alert::Texts& texts) {
  json->append(",\"").append(name).append("\":{");
  for (const auto& [key, value] : texts) AppendText(json, key, value);
  json->push_back('}');
}

void AppendTime(std::string* json, std::string_view name, int64_t time_ns) {
  if (time_ns != 0) AppendText(json, name, base::FormatRfc3339(time_ns));
}

void Begin(std::string* json, std::string_view event, std::string_view tenant) {
  json->append("{");
  AppendText(json, "event", event);
  AppendText(json, "tenant", tenant);
}

void AppendMeta(std::string* json, const RuleInfo& rule) {
  json->append(",\"meta\":{");
  AppendText(json, "author", rule.author);
  AppendText(json, "license", rule.license);
  AppendText(json, "description", rule.description);
  AppendText(json, "runbook", rule.runbook);
  AppendTexts(json, "references", rule.references);
  AppendTexts(json, "tags", rule.tags);
  json->push_back('}');
}

void AppendRule(std::string* json, std::string_view id, std::string_view name, uint64_t version,
                rules::Severity severity, const Alert::Texts& labels, const RuleInfo* about) {
  json->append(",\"rule\":{");
  AppendText(json, "id", id);
  AppendText(json, "name", name);
  AppendNumber(json, "version", version);
  AppendText(json, "severity", SeverityName(severity));
  AppendMap(json, "labels", labels);
  if (about != nullptr) AppendMeta(json, *about);
  json->push_back('}');
}

void AppendAlert(std::string* json, const Alert& alert) {
  json->append(",\"alert\":{");
  AppendText(json, "id", ToString(alert.id));
  AppendText(json, "state", StateName(alert.state));
  AppendText(json, "start", base::FormatRfc3339(alert.start_ns));
  AppendTime(json, "fired", alert.fired_ns);
  AppendTime(json, "last_match", alert.last_match_ns);
  AppendTime(json, "resolved", alert.resolved_ns);
  if (alert.end != detection::AlertEnd::kNone) AppendText(json, "end", EndName(alert.end));
  AppendNumber(json, "matches", alert.matches);
  AppendMap(json, "group", alert.group);
  json->push_back('}');
}

// As many as there is room for.
void AppendAlerts(std::string* json, const GroupNoticeOf& of) {
  json->append(",\"alerts\":[");
  for (size_t i = 0; i < of.alerts.size() && i < of.items_max; ++i) {
    if (json->size() > kNoticeBytesMax / 2) break;
    const Alert& alert = of.alerts[i].alert;
    std::string item = "{\"event\":\"";
    item.append(i < of.firing ? "firing" : "resolved").append("\"");
    AppendRule(&item, alert.rule_id, alert.rule, alert.rule_version, alert.severity, alert.labels,
               nullptr);
    AppendAlert(&item, alert);
    json->append(json->back() == '[' ? "" : ",").append(item).append("}");
  }
  json->append("]");
  AppendNumber(json, "alerts_total", of.alerts.size());
  AppendNumber(json, "firing", of.firing);
  AppendNumber(json, "resolved", of.alerts.size() - of.firing);
}

std::string SummaryOf(const GroupNoticeOf& of) {
  if (of.alerts.empty()) return std::to_string(of.matches_total) + " matches";
  std::string summary = of.firing > 0 ? std::to_string(of.firing) + " firing" : "";
  const size_t resolved = of.alerts.size() - of.firing;
  if (resolved > 0)
    summary.append(summary.empty() ? "" : ", ")
        .append(std::to_string(resolved))
        .append(" resolved");
  return summary;
}

// The record of a match, as JSON; empty when it came with the passing of time.
std::string RecordOf(std::string_view match) {
  const auto json = base::ParseJson(match);
  const base::JsonValue* const record = json.ok() ? json->Find("record") : nullptr;
  return record != nullptr ? base::ToJson(*record) : std::string();
}

// The newest ones as far as there is room, oldest first.
void AppendRecords(std::string* json, const std::vector<std::string>& matches, uint64_t total) {
  std::vector<std::string> records;
  size_t bytes = json->size() + 512;
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    std::string record = RecordOf(*match);
    bytes += record.size() + 1;
    if (bytes > kNoticeBytesMax) break;
    if (!record.empty()) records.push_back(std::move(record));
  }
  json->append(",\"records\":[");
  for (auto record = records.rbegin(); record != records.rend(); ++record)
    json->append(json->back() == '[' ? "" : ",").append(*record);
  json->push_back(']');
  AppendNumber(json, "records_total", total);
}

void End(std::string* json, std::string_view links, int64_t now_ns) {
  json->append(",\"links\":{").append(links).append("}");
  AppendText(json, "time", base::FormatRfc3339(now_ns));
  json->push_back('}');
}

std::string Link(std::string_view name, std::string_view path, std::string_view id) {
  std::string link = "\"";
  return link.append(name).append("\":\"").append(path).append(id).append("\"");
}

}  // namespace

std::string MatchNotice(std::string_view tenant, const RuleInfo& rule, const detection::MatchId& id,
                        std::string_view match, int64_t now_ns) {
  std::string json;
  json.reserve(2 * match.size() + 1024);
  Begin(&json, "match", tenant);
  AppendRule(&json, rule.id, rule.name, rule.version, rule.severity, rule.alerting.labels, &rule);
  json.append(",\"match\":").append(match);
  AppendRecords(&json, {std::string(match)}, 1);
  End(&json, Link("match", "/v1/matches/", ToString(id)), now_ns);
  return json;
}

std::string AlertNotice(std::string_view tenant, const RuleInfo* rule,
                        const detection::AlertTransition& transition,
                        const std::vector<std::string>& matches, int64_t now_ns) {
  const Alert& alert = transition.alert;
  const bool is_over = transition.change == detection::AlertChange::kResolved;
  std::string json;
  Begin(&json, is_over ? "resolved" : "firing", tenant);
  AppendRule(&json, alert.rule_id, alert.rule, alert.rule_version, alert.severity, alert.labels,
             rule);
  AppendAlert(&json, alert);
  if (!matches.empty()) json.append(",\"match\":").append(matches.back());
  AppendRecords(&json, matches, alert.matches);
  std::string links = Link("alert", "/v1/alerts/", ToString(alert.id));
  if (!alert.last_matches.empty())
    links.append(",").append(Link("match", "/v1/matches/", ToString(alert.last_matches.back())));
  End(&json, links, now_ns);
  return json;
}

std::string DisabledNotice(std::string_view tenant, std::string_view action, std::string_view type,
                           std::string_view reason, int64_t now_ns) {
  std::string name = "action ";
  name.append(action).append(" is disabled");
  std::string json;
  Begin(&json, kDisabledEvent, tenant);
  AppendRule(&json, "neurallog.actions", name, 1, rules::Severity::kHigh, {}, nullptr);
  json.append(",\"action\":{");
  AppendText(&json, "id", action);
  AppendText(&json, "type", type);
  json.push_back('}');
  AppendText(&json, "reason", reason);
  AppendRecords(&json, {}, 0);
  End(&json, Link("action", "/v1/actions/", action), now_ns);
  return json;
}

// Rule and alert of the first one, so that what is written for one alert reads a group too.
std::string GroupNotice(const GroupNoticeOf& of, int64_t now_ns) {
  const bool has_alerts = !of.alerts.empty();
  std::string json, links;
  Begin(&json, !has_alerts ? "match" : of.firing > 0 ? "firing" : "resolved", of.tenant);
  if (has_alerts) {
    const Alert& alert = of.alerts[0].alert;
    AppendRule(&json, alert.rule_id, alert.rule, alert.rule_version, alert.severity, alert.labels,
               of.alerts[0].rule);
    AppendAlert(&json, alert);
    links = Link("alert", "/v1/alerts/", ToString(alert.id));
  } else if (of.rule != nullptr) {
    AppendRule(&json, of.rule->id, of.rule->name, of.rule->version, of.rule->severity,
               of.rule->alerting.labels, of.rule);
  }
  if (!of.matches.empty()) json.append(",\"match\":").append(of.matches.back());
  AppendMap(&json, "group", {of.by.begin(), of.by.end()});
  if (has_alerts) AppendAlerts(&json, of);
  else AppendNumber(&json, "matches_total", of.matches_total);
  AppendText(&json, "summary", SummaryOf(of));
  AppendRecords(&json, of.matches, std::max<uint64_t>(of.matches_total, of.matches.size()));
  End(&json, links, now_ns);
  return json;
}

std::string SampleNotice(std::string_view tenant, int64_t now_ns) {
  RuleInfo rule;
  rule.id = "sample";
  rule.name = "Sample rule";
  rule.version = 1;
  rule.description = "A message to try an action with; nothing has happened.";
  std::string json;
  Begin(&json, "test", tenant);
  AppendRule(&json, rule.id, rule.name, rule.version, rule.severity, {{"sample", "true"}}, &rule);
  const std::string time = base::FormatRfc3339(now_ns);
  std::string match = R"({"match_id":"00000000000000000000000000000000","rule_id":"sample")";
  AppendText(&match, "rule", rule.name);
  AppendText(&match, "timestamp", time);
  match.append(",\"record\":{");
  AppendText(&match, "timestamp", time);
  AppendText(&match, "level", "error");
  AppendText(&match, "message", "this is a sample record");
  match.append("}}");
  json.append(",\"match\":").append(match);
  AppendRecords(&json, {match}, 1);
  End(&json, Link("match", "/v1/matches/", std::string(32, '0')), now_ns);
  return json;
}

}  // namespace neurallog::actions
