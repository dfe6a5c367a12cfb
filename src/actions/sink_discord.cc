// Discord's webhooks: https://docs.discord.com/developers/resources/webhook#execute-webhook
//
// Configuration: url (secret); title, text (templates); username; timeout. Nobody is mentioned,
// whatever the records say.
#include "actions/chat_message.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"

namespace neurallog::actions {
namespace {

// Of an embed's description.
constexpr size_t kTextBytesMax = 4096;

class DiscordSink : public ChatSink {
 public:
  DiscordSink(HttpTarget target, SinkHost* host, ChatMessage message, std::string username)
      : ChatSink(std::move(target), host, std::move(message)), username_(std::move(username)) {}

  // Five requests in two seconds per hook.
  double default_per_second() const override { return 2; }

 protected:
  Result<std::string> Body(const Attempt&, const Words& words, http::AsyncRequest*) const override {
    JsonObject embed;
    embed.Text("title", words.title)
        .Text("description", words.text)
        .Raw("color", std::to_string(SeverityColor(words.notice)))
        .TextIfAny("timestamp", TextAt(words.notice, "time", ""));
    JsonObject body;
    body.Raw("embeds", ArrayOf(embed.Finish()))
        .Raw("allowed_mentions", R"({"parse":[]})")
        .TextIfAny("username", username_);
    return body.Finish();
  }

 private:
  const std::string username_;
};

}  // namespace

MadeSink MakeDiscordSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(std::string url, from.Required("url"));
  NL_TRY(HttpTarget target, HttpTarget::Make(std::move(url), &from, *host));
  NL_TRY(ChatMessage message, ChatMessage::Make(&from, Escape::kText, kTextBytesMax));
  NL_TRY(std::string username, from.Optional("username", ""));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<DiscordSink>(std::move(target), host, std::move(message),
                                                std::move(username)));
}

}  // namespace neurallog::actions
