// Opsgenie's Alert API: an alert is created, and closed when it is over.
//
// Configuration: api_key (secret); title, text (templates); tags, teams (lists); url
// (https://api.opsgenie.com, or https://api.eu.opsgenie.com); timeout.
#include "actions/chat_message.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"

namespace neurallog::actions {
namespace {

// Of a description.
constexpr size_t kTextBytesMax = 15'000;
// Of an alert's message.
constexpr size_t kTitleBytesMax = 130;

std::string_view PriorityOf(const base::JsonValue& notice) {
  const std::string_view severity = TextAt(notice, "rule", "severity");
  if (severity == "critical") return "P1";
  if (severity == "high") return "P2";
  if (severity == "medium") return "P3";
  return severity == "low" ? "P4" : "P5";
}

struct OpsgenieConfig {
  std::string api_key;
  std::string tags = "[]", responders = "[]";
};

class OpsgenieSink : public ChatSink {
 public:
  OpsgenieSink(HttpTarget target, SinkHost* host, ChatMessage message, OpsgenieConfig config)
      : ChatSink(std::move(target), host, std::move(message)), config_(std::move(config)) {}

 protected:
  Result<std::string> Body(const Attempt& attempt, const Words& words,
                           http::AsyncRequest* request) const override {
    request->headers.emplace_back("Authorization", "GenieKey " + config_.api_key);
    JsonObject body;
    if (IsResolved(words.notice)) {
      request->url.append("/");
      AppendEscaped(&request->url, attempt.alert_key(), Escape::kUrl);
      request->url.append("/close?identifierType=alias");
    } else {
      body.Text("message", CutText(words.title, kTitleBytesMax))
          .Text("alias", attempt.alert_key())
          .TextIfAny("description", words.text)
          .Text("priority", PriorityOf(words.notice))
          .Raw("tags", config_.tags)
          .Raw("responders", config_.responders);
    }
    body.Text("source", "NeuralLog");
    return body.Finish();
  }

 private:
  const OpsgenieConfig config_;
};

Status ReadLists(SinkConfig* from, OpsgenieConfig* to) {
  NL_TRY(const std::vector<std::string> tags, from->Texts("tags"));
  NL_TRY(const std::vector<std::string> teams, from->Texts("teams"));
  to->tags = "[";
  for (const std::string& tag : tags) {
    if (to->tags.size() > 1) to->tags.push_back(',');
    base::AppendJsonString(&to->tags, tag);
  }
  to->tags.push_back(']');
  to->responders = "[";
  for (const std::string& team : teams) {
    JsonObject responder;
    responder.Text("type", "team").Text("name", team);
    to->responders.append(to->responders.size() > 1 ? "," : "").append(responder.Finish());
  }
  to->responders.push_back(']');
  return Status::Ok();
}

}  // namespace

MadeSink MakeOpsgenieSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(const std::string url, from.Optional("url", "https://api.opsgenie.com"));
  NL_TRY(HttpTarget target, HttpTarget::Make(url + "/v2/alerts", &from, *host));
  OpsgenieConfig config;
  NL_TRY(config.api_key, from.Required("api_key"));
  if (!http::IsLine(config.api_key)) return InvalidArgument("config.api_key: has a line break");
  NL_TRY(ChatMessage message, ChatMessage::Make(&from, Escape::kText, kTextBytesMax));
  NL_RETURN_IF_ERROR(ReadLists(&from, &config));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<OpsgenieSink>(std::move(target), host, std::move(message),
                                                 std::move(config)));
}

}  // namespace neurallog::actions
