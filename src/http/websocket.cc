#include "http/websocket.h"

#include <openssl/sha.h>
#include <strings.h>

#include "base/base64.h"
#include "base/bytes.h"

namespace neurallog::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t kControlBytesMax = 125;

bool SameWord(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Whether a comma-separated list holds the word, in any case.
bool HasWord(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (SameWord(one, word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::string AcceptKey(std::string_view key) {
  const std::string text = std::string(key) + std::string(kGuid);
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return base::Base64({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

struct FrameHead {
  size_t bytes = 0;  // of the head with its mask
  uint64_t payload = 0;
  uint8_t first = 0;
  bool masked = false;
};

// Nothing while bytes are missing.
std::optional<FrameHead> ReadHead(std::string_view input) {
  if (input.size() < 2) return std::nullopt;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(input[i]); };
  FrameHead head;
  head.first = byte(0);
  head.masked = (byte(1) & 0x80) != 0;
  head.payload = byte(1) & 0x7f;
  const size_t extra = head.payload == 126 ? 2 : head.payload == 127 ? 8 : 0;
  if (input.size() < 2 + extra) return std::nullopt;
  if (extra > 0) head.payload = 0;
  for (size_t i = 0; i < extra; ++i) head.payload = head.payload << 8 | byte(2 + i);
  head.bytes = 2 + extra + (head.masked ? 4 : 0);
  return head;
}

bool IsControl(uint8_t opcode) { return (opcode & 8) != 0; }

bool IsKnown(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

bool MaySendClose(uint16_t code) {
  return (code >= 1000 && code <= 1011 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

bool WantsWebSocket(const Request& request) {
  return HasWord(request.FindHeader("Upgrade"), "websocket");
}

Result<Response> AcceptWebSocket(const Request& request) {
  if (request.method != Method::kGet || !HasWord(request.FindHeader("Connection"), "upgrade"))
    return InvalidArgument("a WebSocket begins with GET and Connection: Upgrade");
  if (request.FindHeader("Sec-WebSocket-Version") != "13")
    return InvalidArgument("Sec-WebSocket-Version: only 13 is spoken here");
  const std::string_view key = request.FindHeader("Sec-WebSocket-Key");
  if (key.size() != 24 || !key.ends_with("=="))
    return InvalidArgument("Sec-WebSocket-Key: 16 bytes in base64 are needed");
  Response response;
  response.status = 101;
  response.headers.emplace_back("Upgrade", "websocket");
  response.headers.emplace_back("Sec-WebSocket-Accept", AcceptKey(key));
  return response;
}

void AppendWebSocketFrame(std::string* out, WebSocketOpcode opcode, std::string_view payload) {
  out->push_back(static_cast<char>(0x80 | static_cast<uint8_t>(opcode)));
  const size_t size = payload.size();
  const int extra = size < 126 ? 0 : size <= UINT16_MAX ? 2 : 8;
  out->push_back(static_cast<char>(extra == 0 ? size : extra == 2 ? 126 : 127));
  for (int shift = 8 * (extra - 1); shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(size >> shift));
  out->append(payload);
}

void AppendWebSocketClose(std::string* out, uint16_t code) {
  const char bytes[2] = {static_cast<char>(code >> 8), static_cast<char>(code)};
  AppendWebSocketFrame(out, WebSocketOpcode::kClose, {bytes, sizeof(bytes)});
}

bool WebSocketParser::Take(std::string_view bytes, std::string* out) {
  input_.append(bytes);
  for (;;) {
    const std::optional<FrameHead> head = ReadHead(input_);
    if (!head) return true;
    const uint8_t opcode = head->first & 0x0f;
    const bool is_final = (head->first & 0x80) != 0;
    const bool control = IsControl(opcode);
    if ((head->first & 0x70) != 0 || !IsKnown(opcode) || !head->masked ||
        (control && (!is_final || head->payload > kControlBytesMax)))
      return Fail(kWebSocketProtocolError, out);
    if (head->payload > kMessageBytesMax - (control ? 0 : message_bytes_))
      return Fail(kWebSocketTooLarge, out);
    if (input_.size() < head->bytes + head->payload) return true;
    std::string payload = input_.substr(head->bytes, head->payload);
    for (size_t i = 0; i < payload.size(); ++i)
      payload[i] = static_cast<char>(payload[i] ^ input_[head->bytes - 4 + i % 4]);
    input_.erase(0, head->bytes + head->payload);
    if (!TakeFrame(static_cast<WebSocketOpcode>(opcode), is_final, std::move(payload), out))
      return false;
  }
}

bool WebSocketParser::TakeFrame(WebSocketOpcode opcode, bool is_final, std::string payload,
                                std::string* out) {
  switch (opcode) {
    case WebSocketOpcode::kPong: return true;
    case WebSocketOpcode::kPing:
      AppendWebSocketFrame(out, WebSocketOpcode::kPong, payload);
      return true;
    case WebSocketOpcode::kClose: {
      if (payload.size() == 1) return Fail(kWebSocketProtocolError, out);
      const auto code = payload.empty()
                            ? kWebSocketNormal
                            : static_cast<uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                                    static_cast<unsigned char>(payload[1]));
      return Fail(MaySendClose(code) ? code : kWebSocketProtocolError, out);
    }
    case WebSocketOpcode::kContinuation:
    case WebSocketOpcode::kText:
    case WebSocketOpcode::kBinary: break;
  }
  if ((opcode == WebSocketOpcode::kContinuation) != in_message_)
    return Fail(kWebSocketProtocolError, out);
  in_message_ = !is_final;
  message_bytes_ = is_final ? 0 : message_bytes_ + payload.size();
  return true;
}

bool WebSocketParser::Fail(uint16_t code, std::string* out) {
  AppendWebSocketClose(out, code);
  return false;
}

}  // namespace neurallog::http
