// Microsoft Teams by a workflow's webhook ("When a Teams webhook request is received"): an adaptive
// card.
//
// Configuration: url (secret); title, text (templates); timeout.
#include "actions/chat_message.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"

namespace neurallog::actions {
namespace {

// A message may have 28 KB in all.
constexpr size_t kTextBytesMax = 20'000;

std::string TextBlock(std::string_view text, bool is_title, std::string_view color) {
  JsonObject block;
  block.Text("type", "TextBlock").Text("text", text).Raw("wrap", "true");
  if (is_title) block.Text("weight", "Bolder").Text("size", "Medium").Text("color", color);
  return block.Finish();
}

// Of the few that a card knows.
std::string_view CardColor(const base::JsonValue& notice) {
  if (IsResolved(notice)) return "Good";
  const std::string_view severity = TextAt(notice, "rule", "severity");
  return severity == "critical" || severity == "high" ? "Attention" : "Warning";
}

class TeamsSink : public ChatSink {
 public:
  using ChatSink::ChatSink;

  // learn.microsoft.com, rate limiting for connectors: four requests a second.
  double default_per_second() const override { return 4; }

 protected:
  Result<std::string> Body(const Attempt&, const Words& words, http::AsyncRequest*) const override {
    const std::string blocks = TextBlock(words.title, /*is_title=*/true, CardColor(words.notice))
                                   .append(",")
                                   .append(TextBlock(words.text, /*is_title=*/false, ""));
    JsonObject card;
    card.Text("$schema", "http://adaptivecards.io/schemas/adaptive-card.json")
        .Text("type", "AdaptiveCard")
        .Text("version", "1.4")
        .Raw("body", ArrayOf(blocks));
    JsonObject attachment;
    attachment.Text("contentType", "application/vnd.microsoft.card.adaptive")
        .Raw("content", card.Finish());
    JsonObject body;
    body.Text("type", "message").Raw("attachments", ArrayOf(attachment.Finish()));
    return body.Finish();
  }

  // The connectors of old answer 200 when they were told to slow down.
  Outcome Judge(const http::ClientResponse& response) const override {
    const bool refused =
        response.status == 200 && response.body.find("HTTP error 429") != std::string::npos;
    return refused ? OutcomeOfStatus(429) : HttpSink::Judge(response);
  }
};

}  // namespace

MadeSink MakeTeamsSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(std::string url, from.Required("url"));
  NL_TRY(HttpTarget target, HttpTarget::Make(std::move(url), &from, *host));
  NL_TRY(ChatMessage message, ChatMessage::Make(&from, Escape::kText, kTextBytesMax));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<TeamsSink>(std::move(target), host, std::move(message)));
}

}  // namespace neurallog::actions
