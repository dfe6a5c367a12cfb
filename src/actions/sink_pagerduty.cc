// PagerDuty's Events API v2: an alert triggers an incident and its end resolves it.
//
// Configuration: routing_key (secret); title (template of the summary), text (of the details), source
// (templates); url (https://events.pagerduty.com, or https://events.eu.pagerduty.com); timeout.
#include "actions/chat_message.h"
#include "actions/http_sink.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"

namespace neurallog::actions {
namespace {

// An event may have 512 KB.
constexpr size_t kTextBytesMax = 16 << 10;

std::string_view SeverityOf(const base::JsonValue& notice) {
  const std::string_view severity = TextAt(notice, "rule", "severity");
  if (severity == "critical") return "critical";
  if (severity == "high") return "error";
  return severity == "medium" ? "warning" : "info";
}

struct PagerDutyConfig {
  ChatMessage message;
  Template source;
  std::string routing_key;
};

class PagerDutySink : public HttpSink {
 public:
  PagerDutySink(HttpTarget target, SinkHost* host, PagerDutyConfig config)
      : HttpSink(std::move(target), host), config_(std::move(config)) {}

  // About 480 events a minute are taken for one key.
  double default_per_second() const override { return 8; }

 protected:
  Status Compose(const Attempt& attempt, http::AsyncRequest* request) const override {
    NL_TRY(const base::JsonValue notice, base::ParseJson(attempt.notice));
    JsonObject body;
    body.Text("routing_key", config_.routing_key)
        .Text("event_action", IsResolved(notice) ? "resolve" : "trigger")
        .Text("dedup_key", attempt.alert_key())
        .Text("client", "NeuralLog");
    NL_TRY(const std::string payload, Payload(notice));
    body.Raw("payload", payload);
    SetJsonBody(request, body.Finish());
    return Status::Ok();
  }

 private:
  Result<std::string> Payload(const base::JsonValue& notice) const {
    NL_TRY(const std::string title, config_.message.Title(notice));
    NL_TRY(const std::string text, config_.message.Text(notice));
    NL_TRY(const std::string source, config_.source.Render(notice));
    JsonObject details;
    details.TextIfAny("text", text);
    for (const std::string_view name : {"alert", "links", "records_total"})
      if (const base::JsonValue* const value = notice.Find(name); value != nullptr)
        details.Raw(name, base::ToJson(*value));
    JsonObject payload;
    payload.Text("summary", title.empty() ? "NeuralLog" : title)
        .Text("source", source.empty() ? "neurallog" : source)
        .Text("severity", SeverityOf(notice))
        .TextIfAny("timestamp", TextAt(notice, "time", ""))
        .TextIfAny("class", TextAt(notice, "rule", "id"))
        .Raw("custom_details", details.Finish());
    return payload.Finish();
  }

  const PagerDutyConfig config_;
};

}  // namespace

MadeSink MakePagerDutySink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(const std::string url, from.Optional("url", "https://events.pagerduty.com"));
  NL_TRY(HttpTarget target, HttpTarget::Make(url + "/v2/enqueue", &from, *host));
  PagerDutyConfig config;
  NL_TRY(config.routing_key, from.Required("routing_key"));
  target.secret = config.routing_key;
  NL_TRY(config.message, ChatMessage::Make(&from, Escape::kText, kTextBytesMax));
  NL_TRY(config.source, from.Compiled("source", "neurallog {{tenant}}", Escape::kText));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<PagerDutySink>(std::move(target), host, std::move(config)));
}

}  // namespace neurallog::actions
