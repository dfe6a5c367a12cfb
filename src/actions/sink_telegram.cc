// A Telegram bot's sendMessage: https://core.telegram.org/bots/api#sendmessage
//
// Configuration: token (secret), chat_id; title, text (templates, escaped for HTML); message_thread_id;
// url (https://api.telegram.org, or a bot API server of one's own); timeout.
#include "actions/chat_message.h"
#include "actions/json_object.h"
#include "actions/sink_table.h"
#include "base/clock.h"

namespace neurallog::actions {
namespace {

// A message has 4096 characters after its entities are parsed.
constexpr size_t kTextBytesMax = 3500;

class TelegramSink : public ChatSink {
 public:
  TelegramSink(HttpTarget target, SinkHost* host, ChatMessage message, std::string chat_id,
               uint64_t thread_id)
      : ChatSink(std::move(target), host, std::move(message)),
        chat_id_(std::move(chat_id)),
        thread_id_(thread_id) {}

  // core.telegram.org/bots/faq: about one message a second in one chat.
  double default_per_second() const override { return 1; }

 protected:
  Result<std::string> Body(const Attempt&, const Words& words, http::AsyncRequest*) const override {
    std::string html;
    html.append("<b>").append(words.title).append("</b>\n").append(WithoutCutEntity(words.text));
    JsonObject body;
    body.Text("chat_id", chat_id_).Text("text", html).Text("parse_mode", "HTML");
    body.Raw("link_preview_options", R"({"is_disabled":true})");
    if (thread_id_ != 0) body.Raw("message_thread_id", std::to_string(thread_id_));
    return body.Finish();
  }

  Outcome Judge(const http::ClientResponse& response) const override {
    Outcome outcome = HttpSink::Judge(response);
    if (response.status != 429) return outcome;
    const auto body = base::ParseJson(response.body);
    const base::JsonValue* const parameters = body.ok() ? body->Find("parameters") : nullptr;
    if (parameters == nullptr) return outcome;
    const Result<uint64_t> seconds = parameters->Unsigned("retry_after");
    if (seconds.ok() && *seconds <= 86'400)
      outcome.retry_after_ns = static_cast<int64_t>(*seconds) * base::kNsPerSecond;
    return outcome;
  }

 private:
  // Cutting may have left "&am" at the end, which is not HTML.
  static std::string WithoutCutEntity(std::string html) {
    if (!html.ends_with("...")) return html;
    const size_t entity = html.rfind('&');
    if (entity != std::string::npos && html.find(';', entity) == std::string::npos)
      html.replace(entity, std::string::npos, "...");
    return html;
  }

  const std::string chat_id_;
  const uint64_t thread_id_;
};

}  // namespace

MadeSink MakeTelegramSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(std::string url, from.Optional("url", "https://api.telegram.org"));
  NL_TRY(const std::string token, from.Required("token"));
  if (token.find_first_not_of(
          "0123456789:-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
    return InvalidArgument("config.token: is not a bot's token");
  url.append("/bot").append(token).append("/sendMessage");
  NL_TRY(HttpTarget target, HttpTarget::Make(std::move(url), &from, *host));
  NL_TRY(ChatMessage message, ChatMessage::Make(&from, Escape::kHtml, kTextBytesMax));
  NL_TRY(std::string chat_id, from.Required("chat_id"));
  NL_TRY(const uint64_t thread_id, from.Number("message_thread_id", 0, 1, INT32_MAX));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<TelegramSink>(std::move(target), host, std::move(message),
                                                 std::move(chat_id), thread_id));
}

}  // namespace neurallog::actions
