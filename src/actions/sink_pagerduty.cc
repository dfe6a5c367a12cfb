// PagerDuty's Events API v2: an alert triggers an incident and its end resolves it.
//
// Configuration: routing_key (secret); title (template of the summary), text (of the details), source
// (templates); url (https://events.pagerduty.com, or https://events.eu.pagerduty.com); timeout.
#include "actions/chat_message.h"
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
  Template source;
  std::string routing_key;
};

class PagerDutySink : public ChatSink {
 public:
  PagerDutySink(HttpTarget target, SinkHost* host, ChatMessage message, PagerDutyConfig config)
      : ChatSink(std::move(target), host, std::move(message)), config_(std::move(config)) {}

  // About 480 events a minute are taken for one key.
  double default_per_second() const override { return 8; }

 protected:
  Result<std::string> Body(const Attempt& attempt, const Words& words,
                           http::AsyncRequest*) const override {
    JsonObject body;
    body.Text("routing_key", config_.routing_key)
        .Text("event_action", IsResolved(words.notice) ? "resolve" : "trigger")
        .Text("dedup_key", attempt.alert_key())
        .Text("client", "NeuralLog");
    NL_TRY(const std::string payload, Payload(words));
    body.Raw("payload", payload);
    return body.Finish();
  }

 private:
  Result<std::string> Payload(const Words& words) const {
    const base::JsonValue& notice = words.notice;
    NL_TRY(const std::string source, config_.source.Render(notice));
    JsonObject details;
    details.TextIfAny("text", words.text);
    for (const std::string_view name : {"alert", "links", "records_total"})
      if (const base::JsonValue* const value = notice.Find(name); value != nullptr)
        details.Raw(name, base::ToJson(*value));
    JsonObject payload;
    payload.Text("summary", words.title.empty() ? "NeuralLog" : words.title)
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
  NL_TRY(ChatMessage message, ChatMessage::Make(&from, Escape::kText, kTextBytesMax));
  NL_TRY(config.source, from.Compiled("source", "neurallog {{tenant}}", Escape::kText));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<PagerDutySink>(std::move(target), host, std::move(message),
                                                  std::move(config)));
}

}  // namespace neurallog::actions
