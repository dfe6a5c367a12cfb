#include "tail/framing.h"

#include "http/websocket.h"

namespace neurallog::tail {
namespace {

template <typename F>
void ForEachLine(std::string_view lines, F f) {
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    f(lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
}

void AppendSse(std::string_view type, const Cursor* cursor, std::string_view lines,
               std::string* out) {
  if (!type.empty()) out->append("event: ").append(type).append("\n");
  if (cursor != nullptr) {
    out->append("id: ");
    AppendCursor(out, *cursor);
    out->append("\n");
  }
  ForEachLine(lines,
              [&](std::string_view line) { out->append("data: ").append(line).append("\n"); });
  out->append("\n");
}

// {"cursor":"12-3","log":{...}}
std::string Envelope(std::string_view name, const Cursor* cursor, std::string_view body) {
  std::string text = "{";
  if (cursor != nullptr) {
    text.append("\"cursor\":\"");
    AppendCursor(&text, *cursor);
    text.append("\",");
  }
  return text.append("\"").append(name).append("\":").append(body).append("}");
}

void AppendEnvelope(Framing framing, std::string_view name, const Cursor* cursor,
                    std::string_view body, std::string* out) {
  const std::string text = Envelope(name, cursor, body);
  if (framing == Framing::kWebSocket)
    return http::AppendWebSocketFrame(out, http::WebSocketOpcode::kText, text);
  out->append(text).append("\n");
}

}  // namespace

void AppendEvent(Framing framing, const Cursor* cursor, std::string_view lines, std::string* out) {
  switch (framing) {
    case Framing::kSse: return AppendSse("", cursor, lines, out);
    case Framing::kLines: out->append(lines); return;
    case Framing::kEnvelope:
    case Framing::kWebSocket:
      return ForEachLine(
          lines, [&](std::string_view line) { AppendEnvelope(framing, "log", cursor, line, out); });
  }
}

void AppendNotice(Framing framing, std::string_view name, const Cursor* cursor,
                  std::string_view body, std::string* out) {
  if (framing == Framing::kSse) return AppendSse(name, cursor, body, out);
  AppendEnvelope(framing, name, framing == Framing::kLines ? nullptr : cursor, body, out);
}

// A space before a JSON line is no part of it, where an empty line would be one that does not parse.
void AppendHeartbeat(Framing framing, std::string* out) {
  switch (framing) {
    case Framing::kSse: out->append(":\n\n"); return;
    case Framing::kWebSocket:
      return http::AppendWebSocketFrame(out, http::WebSocketOpcode::kPing, "");
    case Framing::kEnvelope:
    case Framing::kLines: out->append(" "); return;
  }
}

void AppendEnd(Framing framing, std::string* out) {
  if (framing == Framing::kWebSocket) http::AppendWebSocketClose(out, http::kWebSocketGoingAway);
}

}  // namespace neurallog::tail
