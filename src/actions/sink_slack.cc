// Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
//
// Configuration: url (secret); title, text (mrkdwn templates); username, icon_emoji, channel (where
// the hook allows them); timeout.
#include <fmt/format.h>

#include "actions/chat_message.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"

namespace neurallog::actions {
namespace {

// Slack cuts longer texts of attachments itself, without a sign.
constexpr size_t kTextBytesMax = 7500;

struct SlackConfig {
  std::string username, icon_emoji, channel;
};

class SlackSink : public ChatSink {
 public:
  SlackSink(HttpTarget target, SinkHost* host, ChatMessage message, SlackConfig config)
      : ChatSink(std::move(target), host, std::move(message)), config_(std::move(config)) {}

  // docs.slack.dev/apis/web-api/rate-limits: one message a second per hook.
  double default_per_second() const override { return 1; }

 protected:
  Result<std::string> Body(const Attempt&, const Words& words, http::AsyncRequest*) const override {
    JsonObject attachment;
    attachment.Text("color", fmt::format("#{:06x}", SeverityColor(words.notice)))
        .Text("text", words.text)
        .Raw("mrkdwn_in", R"(["text"])");
    JsonObject body;
    body.Text("text", std::string("*").append(words.title).append("*"))
        .Raw("attachments", ArrayOf(attachment.Finish()))
        .TextIfAny("username", config_.username)
        .TextIfAny("icon_emoji", config_.icon_emoji)
        .TextIfAny("channel", config_.channel);
    return body.Finish();
  }

 private:
  const SlackConfig config_;
};

}  // namespace

MadeSink MakeSlackSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(std::string url, from.Required("url"));
  NL_TRY(HttpTarget target, HttpTarget::Make(std::move(url), &from, *host));
  SlackConfig config;
  NL_TRY(ChatMessage message, ChatMessage::Make(&from, Escape::kSlack, kTextBytesMax));
  NL_TRY(config.username, from.Optional("username", ""));
  NL_TRY(config.icon_emoji, from.Optional("icon_emoji", ""));
  NL_TRY(config.channel, from.Optional("channel", ""));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(
      std::make_unique<SlackSink>(std::move(target), host, std::move(message), std::move(config)));
}

}  // namespace neurallog::actions
