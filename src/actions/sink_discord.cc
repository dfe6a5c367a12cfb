// Discord's webhooks: https://docs.discord.com/developers/resources/webhook#execute-webhook
//
// Configuration: url (secret); title, text (templates); username; timeout. Nobody is mentioned,
// whatever the records say.
#include "actions/chat_message.h"
#include "actions/http_sink.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"

namespace neurallog::actions {
namespace {

// Of an embed's description.
constexpr size_t kTextBytesMax = 4096;

class DiscordSink : public HttpSink {
 public:
  DiscordSink(HttpTarget target, SinkHost* host, ChatMessage message, std::string username)
      : HttpSink(std::move(target), host),
        message_(std::move(message)),
        username_(std::move(username)) {}

  // Five requests in two seconds per hook.
  double default_per_second() const override { return 2; }

 protected:
  Status Compose(const Attempt& attempt, http::AsyncRequest* request) const override {
    NL_TRY(const base::JsonValue notice, base::ParseJson(attempt.notice));
    NL_TRY(const std::string title, message_.Title(notice));
    NL_TRY(const std::string text, message_.Text(notice));
    JsonObject embed;
    embed.Text("title", title)
        .Text("description", text)
        .Raw("color", std::to_string(SeverityColor(notice)))
        .TextIfAny("timestamp", TextAt(notice, "time", ""));
    JsonObject body;
    body.Raw("embeds", ArrayOf(embed.Finish()))
        .Raw("allowed_mentions", R"({"parse":[]})")
        .TextIfAny("username", username_);
    SetJsonBody(request, body.Finish());
    return Status::Ok();
  }

 private:
  const ChatMessage message_;
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
