#include "api/rule_json.h"

#include "api/json_members.h"
#include "base/quantity.h"
#include "base/time_format.h"
#include "http/status_map.h"
#include "ingest/inflate.h"

namespace neurallog::api {
namespace {

constexpr size_t kProblemsMax = 100;

// What the document says about alerts.
void AppendAlerting(const rules::Alerting& alerting, std::string* json) {
  if (alerting.for_ns > 0) AppendText(json, "for", base::FormatDuration(alerting.for_ns));
  if (alerting.keep_firing_for_ns > 0)
    AppendText(json, "keep_firing_for", base::FormatDuration(alerting.keep_firing_for_ns));
  if (alerting.resolve_timeout_ns)
    AppendText(json, "resolve_timeout", base::FormatDuration(*alerting.resolve_timeout_ns));
  if (alerting.periods.n > 0) {
    json->append(",\"n_of_m\":{\"n\":").append(std::to_string(alerting.periods.n));
    AppendNumber(json, "m", alerting.periods.m);
    if (alerting.periods.period_ns > 0)
      AppendText(json, "period", base::FormatDuration(alerting.periods.period_ns));
    json->push_back('}');
  }
  if (!alerting.group_by.empty()) AppendTexts(json, "group_by", alerting.group_by);
  if (!alerting.labels.empty()) AppendTextMap(json, "labels", alerting.labels);
}

// [{"action":"ops","on":"match","send_resolved":false}]
void AppendActions(const detection::RuleInfo& rule, std::string* json) {
  if (rule.alerting.actions.empty()) return;
  json->append(",\"actions\":[");
  for (const rules::RuleAction& action : rule.alerting.actions) {
    json->append(json->back() == '[' ? "{\"action\":" : ",{\"action\":");
    base::AppendJsonString(json, action.id);
    AppendText(json, "on", IsToldOfMatches(rule, action) ? "match" : "alert");
    if (action.severity_min > 0) {
      const auto severity = static_cast<rules::Severity>(action.severity_min);
      json->append(",\"when\":{\"severity_gte\":\"").append(SeverityName(severity)).append("\"}");
    }
    json->append(",\"send_resolved\":").append(action.send_resolved ? "true}" : "false}");
  }
  json->push_back(']');
}

}  // namespace

void AppendTexts(std::string* json, std::string_view name, const std::vector<std::string>& texts) {
  json->append(",\"").append(name).append("\":[");
  for (const std::string& text : texts) {
    if (json->back() != '[') json->push_back(',');
    base::AppendJsonString(json, text);
  }
  json->push_back(']');
}

void AppendTextMap(std::string* json, std::string_view name,
                   const std::vector<std::pair<std::string, std::string>>& texts) {
  json->append(",\"").append(name).append("\":{");
  for (const auto& [key, value] : texts) {
    if (json->back() != '{') json->push_back(',');
    base::AppendJsonString(json, key);
    json->push_back(':');
    base::AppendJsonString(json, value);
  }
  json->push_back('}');
}

std::string RuleJson(const detection::StoredRule& rule, const detection::RuleInfo* info,
                     Detail detail) {
  const detection::RuleInfo unknown;
  const detection::RuleInfo& about = info != nullptr ? *info : unknown;
  std::string json = "{\"id\":";
  base::AppendJsonString(&json, rule.id);
  AppendText(&json, "name", about.name);
  AppendText(&json, "type", about.type);
  AppendText(&json, "format", about.is_sigma ? "sigma" : "native");
  AppendText(&json, "severity", SeverityName(about.severity));
  json.append(",\"enabled\":").append(rule.enabled ? "true" : "false");
  AppendText(&json, "state", StateName(about.state));
  if (!about.reason.empty()) AppendText(&json, "reason", about.reason);
  AppendNumber(&json, "version", rule.version);
  AppendText(&json, "created", base::FormatRfc3339(rule.created_ns));
  AppendText(&json, "updated", base::FormatRfc3339(rule.updated_ns));
  AppendText(&json, "author", about.author);
  AppendText(&json, "license", about.license);
  AppendTexts(&json, "references", about.references);
  AppendTexts(&json, "tags", about.tags);
  AppendText(&json, "description", about.description);
  AppendAlerting(about.alerting, &json);
  AppendActions(about, &json);
  if (detail == Detail::kWithDocument) AppendText(&json, "document", rule.document);
  return json.append("}");
}

std::string ProblemsJson(const std::vector<rules::Problem>& problems) {
  std::string json = "[";
  for (size_t i = 0; i < problems.size() && i < kProblemsMax; ++i) {
    json.append(i == 0 ? "{\"line\":" : ",{\"line\":").append(std::to_string(problems[i].at.line));
    json.append(",\"column\":").append(std::to_string(problems[i].at.column));
    AppendText(&json, "message", problems[i].message);
    json.push_back('}');
  }
  return json.append("]");
}

void SendProblems(const http::ResponderPtr& responder,
                  const std::vector<rules::Problem>& problems) {
  http::Response response = http::ProblemResponse(400, detection::Describe(problems));
  response.body.resize(response.body.rfind('}'));
  response.body.append(",\"errors\":").append(ProblemsJson(problems)).append("}\n");
  responder->Send(std::move(response));
}

std::function<void(const Status&)> AnswerDone(http::ResponderPtr responder) {
  return [responder = std::move(responder)](const Status& status) {
    if (!status.ok()) return SendStatus(responder, status);
    http::Response response;
    response.status = 204;
    responder->Send(std::move(response));
  };
}

Result<std::string> ReadText(Context* context) {
  NL_TRY(const base::Buffer body,
         ingest::Inflate(context->request.FindHeader("Content-Encoding"),
                         std::move(context->request.body), context->api.options().decode));
  return std::string(body.view());
}

Result<rules::Severity> ReadSeverity(std::string_view text) {
  using rules::Severity;
  for (const Severity severity :
       {Severity::kInfo, Severity::kLow, Severity::kMedium, Severity::kHigh, Severity::kCritical})
    if (text == SeverityName(severity)) return severity;
  return InvalidArgument("severity=" + std::string(text.substr(0, 40)) +
                         ": expected info, low, medium, high or critical");
}

Result<detection::MatchId> ReadMatchId(std::string_view name, std::string_view text) {
  if (const auto id = detection::ParseMatchId(text)) return *id;
  return InvalidArgument(std::string(name) + " " + std::string(text.substr(0, 40)) +
                         ": expected 32 hexadecimal digits");
}

std::string IdOf(const http::Request& request, std::string_view verb) {
  std::string segment = PathSegment(request, 3);
  if (segment.ends_with(verb)) segment.resize(segment.size() - verb.size());
  return segment;
}

}  // namespace neurallog::api
