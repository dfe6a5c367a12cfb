#include "actions/chat_message.h"

namespace neurallog::actions {
namespace {

constexpr std::string_view kTitle =
    "{{#event=resolved}}Resolved: {{/event}}{{#event=test}}Test: {{/event}}{{rule.name}}"
    "{{#rule.severity}} ({{.}}){{/rule.severity}}{{#summary}}: {{.}}{{/summary}}";

constexpr std::string_view kText =
    "{{#rule.meta.description}}\n"
    "{{.}}\n"
    "{{/rule.meta.description}}\n"
    "{{#alert.group}}\n"
    "Group: {{.}}\n"
    "{{/alert.group}}\n"
    "{{#alert.matches}}\n"
    "Matches: {{.}}\n"
    "{{/alert.matches}}\n"
    "{{#alerts}}\n"
    "{{event}}: {{rule.name}} {{alert.group}}\n"
    "{{/alerts}}\n"
    "{{#records}}\n"
    "{{#message}}{{.}}{{/message}}{{^message}}{{.}}{{/message}}\n"
    "{{/records}}\n"
    "{{#rule.meta.runbook}}\n"
    "Runbook: {{.}}\n"
    "{{/rule.meta.runbook}}\n";

constexpr size_t kTitleBytesMax = 250;

}  // namespace

Result<ChatMessage> ChatMessage::Make(SinkConfig* config, Escape escape, size_t bytes_max) {
  ChatMessage message;
  message.bytes_max_ = bytes_max;
  NL_TRY(message.title_, config->Compiled("title", kTitle, escape));
  NL_TRY(message.text_, config->Compiled("text", kText, escape));
  return message;
}

Result<std::string> ChatMessage::Title(const base::JsonValue& notice) const {
  NL_TRY(std::string title, title_.Render(notice));
  for (char& c : title)
    if (c == '\n' || c == '\r') c = ' ';
  return CutText(std::move(title), kTitleBytesMax);
}

Result<std::string> ChatMessage::Text(const base::JsonValue& notice) const {
  NL_TRY(std::string text, text_.Render(notice));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return CutText(std::move(text), bytes_max_);
}

Status ChatSink::Compose(const Attempt& attempt, http::AsyncRequest* request) const {
  NL_TRY(const base::JsonValue notice, base::ParseJson(attempt.notice));
  Words words{notice, {}, {}};
  NL_TRY(words.title, message_.Title(notice));
  NL_TRY(words.text, message_.Text(notice));
  NL_TRY(request->body, Body(attempt, words, request));
  request->headers.emplace_back("Content-Type", "application/json");
  return Status::Ok();
}

std::string CutText(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text.append("...");
}

std::string_view TextAt(const base::JsonValue& notice, std::string_view first,
                        std::string_view second) {
  const base::JsonValue* value = notice.Find(first);
  if (value != nullptr && !second.empty()) value = value->Find(second);
  return value == nullptr ? std::string_view() : std::string_view(value->text());
}

uint32_t SeverityColor(const base::JsonValue& notice) {
  if (IsResolved(notice)) return 0x2eb67d;
  const std::string_view severity = TextAt(notice, "rule", "severity");
  if (severity == "critical") return 0xb00020;
  if (severity == "high") return 0xe8590c;
  if (severity == "medium") return 0xf2c037;
  return 0x5b8def;
}

}  // namespace neurallog::actions
