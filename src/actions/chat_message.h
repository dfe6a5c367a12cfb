// The words of a notice for people: what all chats and mails have in common.
#pragma once

#include <string>
#include <string_view>

#include "actions/http_sink.h"

namespace neurallog::actions {

// The members `title` and `text` of a configuration, or what stands for them.
class ChatMessage {
 public:
  // `bytes_max`: what the chat takes; a longer text is cut between characters.
  static Result<ChatMessage> Make(SinkConfig* config, Escape escape, size_t bytes_max);

  // One line.
  Result<std::string> Title(const base::JsonValue& notice) const;
  Result<std::string> Text(const base::JsonValue& notice) const;

 private:
  Template title_;
  Template text_;
  size_t bytes_max_ = 0;
};

// What sinks have in common that send a title and a text over HTTP.
class ChatSink : public HttpSink {
 public:
  ChatSink(HttpTarget target, SinkHost* host, ChatMessage message)
      : HttpSink(std::move(target), host), message_(std::move(message)) {}

 protected:
  struct Words {
    const base::JsonValue& notice;
    std::string title, text;
  };
  // The JSON that is sent; may change the request.
  virtual Result<std::string> Body(const Attempt& attempt, const Words& words,
                                   http::AsyncRequest* request) const = 0;

 private:
  Status Compose(const Attempt& attempt, http::AsyncRequest* request) const final;

  const ChatMessage message_;
};

// At most `bytes_max` of the front, cut between characters, with "..." where something is missing.
std::string CutText(std::string text, size_t bytes_max);

// The value at a path of names, or empty.
std::string_view TextAt(const base::JsonValue& notice, std::string_view first,
                        std::string_view second);
inline bool IsResolved(const base::JsonValue& notice) {
  return TextAt(notice, "event", "") == "resolved";
}

// How the severity of the notice's rule looks: 0xRRGGBB; green when it is resolved.
uint32_t SeverityColor(const base::JsonValue& notice);

}  // namespace neurallog::actions
