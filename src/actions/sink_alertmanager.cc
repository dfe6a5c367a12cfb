// Prometheus's Alertmanager, API v2: alerts with the labels of the rule and of the group.
//
// Configuration: url (of the Alertmanager); username, password (secret) or bearer_token (secret);
// labels {name: value}; title, text (templates: annotations summary and description); timeout.
#include <cctype>
#include <set>

#include "actions/chat_message.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"
#include "base/base64.h"

namespace neurallog::actions {
namespace {

constexpr size_t kTextBytesMax = 16 << 10;

// Label names have letters, digits and underscores.
std::string LabelName(std::string_view name) {
  std::string label(name);
  for (char& c : label)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return std::isdigit(static_cast<unsigned char>(label[0])) ? "_" + label : label;
}

// An object of labels in which each name stands once; the first value stays.
class AlertLabels {
 public:
  void Add(std::string_view name, std::string_view value) {
    if (name.empty() || value.empty() || !names_.insert(LabelName(name)).second) return;
    json_.Text(LabelName(name), value);
  }
  void AddAll(const base::JsonValue* texts) {
    if (texts == nullptr) return;
    for (size_t i = 0; i < texts->names().size(); ++i)
      Add(texts->names()[i], texts->items()[i].text());
  }
  std::string Finish() { return json_.Finish(); }

 private:
  std::set<std::string> names_;
  JsonObject json_;
};

struct AlertmanagerConfig {
  std::string authorization;
  std::vector<std::pair<std::string, std::string>> labels;
};

class AlertmanagerSink : public ChatSink {
 public:
  AlertmanagerSink(HttpTarget target, SinkHost* host, ChatMessage message,
                   AlertmanagerConfig config)
      : ChatSink(std::move(target), host, std::move(message)), config_(std::move(config)) {}

 protected:
  Result<std::string> Body(const Attempt&, const Words& words,
                           http::AsyncRequest* request) const override {
    if (!config_.authorization.empty())
      request->headers.emplace_back("Authorization", config_.authorization);
    const std::string annotations = AnnotationsOf(words);
    const base::JsonValue* const group = words.notice.Find("alerts");
    if (group == nullptr) return ArrayOf(AlertOf(words.notice, words.notice, annotations));
    std::string alerts;
    for (const base::JsonValue& item : group->items())
      alerts.append(alerts.empty() ? "" : ",").append(AlertOf(words.notice, item, annotations));
    return ArrayOf(alerts);
  }

 private:
  static std::string AnnotationsOf(const Words& words) {
    JsonObject annotations;
    annotations.TextIfAny("summary", words.title).TextIfAny("description", words.text);
    const base::JsonValue* const rule = words.notice.Find("rule");
    const base::JsonValue* const meta = rule == nullptr ? nullptr : rule->Find("meta");
    if (meta != nullptr) annotations.TextIfAny("runbook_url", TextAt(*meta, "runbook", ""));
    return annotations.Finish();
  }

  // `item` is the notice, or one alert of its group.
  std::string AlertOf(const base::JsonValue& notice, const base::JsonValue& item,
                      const std::string& annotations) const {
    JsonObject alert;
    alert.Raw("labels", LabelsOf(item, TextAt(notice, "tenant", "")));
    alert.Raw("annotations", annotations);
    AddTimes(item, TextAt(notice, "time", ""), &alert);
    return alert.Finish();
  }

  std::string LabelsOf(const base::JsonValue& notice, std::string_view tenant) const {
    AlertLabels labels;
    labels.Add("alertname", TextAt(notice, "rule", "name"));
    for (const auto& [name, value] : config_.labels) labels.Add(name, value);
    labels.Add("severity", TextAt(notice, "rule", "severity"));
    labels.Add("tenant", tenant);
    const base::JsonValue* const alert = notice.Find("alert");
    if (alert != nullptr) labels.AddAll(alert->Find("group"));
    const base::JsonValue* const rule = notice.Find("rule");
    if (rule != nullptr) labels.AddAll(rule->Find("labels"));
    return labels.Finish();
  }

  // Without an end Alertmanager ends an alert itself, after its resolve_timeout.
  static void AddTimes(const base::JsonValue& notice, std::string_view time, JsonObject* alert) {
    const std::string_view start = TextAt(notice, "alert", "start");
    alert->TextIfAny("startsAt", start.empty() ? time : start);
    if (!IsResolved(notice)) return;
    const std::string_view end = TextAt(notice, "alert", "resolved");
    alert->TextIfAny("endsAt", end.empty() ? time : end);
  }

  const AlertmanagerConfig config_;
};

Result<std::string> ReadAuthorization(SinkConfig* from) {
  NL_TRY(const std::string username, from->Optional("username", ""));
  NL_TRY(const std::string password, from->Optional("password", ""));
  NL_TRY(const std::string token, from->Optional("bearer_token", ""));
  if (!http::IsLine(token)) return InvalidArgument("config.bearer_token: has a line break");
  if (!token.empty()) return "Bearer " + token;
  if (username.empty()) return std::string();
  return "Basic " + base::Base64(std::string(username).append(":").append(password));
}

}  // namespace

MadeSink MakeAlertmanagerSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(std::string url, from.Required("url"));
  while (url.ends_with('/')) url.pop_back();
  NL_TRY(HttpTarget target, HttpTarget::Make(url + "/api/v2/alerts", &from, *host));
  AlertmanagerConfig config;
  NL_TRY(config.authorization, ReadAuthorization(&from));
  NL_TRY(config.labels, from.Pairs("labels"));
  NL_TRY(ChatMessage message, ChatMessage::Make(&from, Escape::kText, kTextBytesMax));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<AlertmanagerSink>(std::move(target), host, std::move(message),
                                                     std::move(config)));
}

}  // namespace neurallog::actions
