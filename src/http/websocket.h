// WebSocket (RFC 6455) without a stream: the handshake's answer, frames to send, and a parser for
// what clients send.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "neurallog/status.h"

namespace neurallog::http {

enum class WebSocketOpcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

inline constexpr uint16_t kWebSocketNormal = 1000;
inline constexpr uint16_t kWebSocketGoingAway = 1001;
inline constexpr uint16_t kWebSocketProtocolError = 1002;
inline constexpr uint16_t kWebSocketTooLarge = 1009;

// True when the request asks for a WebSocket, rightly or not.
bool WantsWebSocket(const Request& request);
// The 101 response, or why the request cannot have one (400, or 426 for another version).
Result<Response> AcceptWebSocket(const Request& request);

// Appends a frame as a server sends it: whole and unmasked.
void AppendWebSocketFrame(std::string* out, WebSocketOpcode opcode, std::string_view payload);
void AppendWebSocketClose(std::string* out, uint16_t code);

// Takes a client's frames apart. What clients say is not looked at beyond control frames: messages
// are checked, counted against a bound, and thrown away. Not thread-safe.
class WebSocketParser {
 public:
  static constexpr size_t kMessageBytesMax = 64 << 10;

  // Takes bytes as they come. Appends answers (pong, close) to *out. False: the connection is over;
  // an answer in *out is still to be sent.
  bool Take(std::string_view bytes, std::string* out);

 private:
  bool TakeFrame(WebSocketOpcode opcode, bool is_final, std::string payload, std::string* out);
  bool Fail(uint16_t code, std::string* out);

  std::string input_;
  size_t message_bytes_ = 0;
  bool in_message_ = false;
};

}  // namespace neurallog::http
