// Live tails: GET /v1/tail as Server-Sent Events, WebSocket or NDJSON, and /select/logsql/tail.
#include "api/api.h"
#include "api/query_params.h"
#include "api/tail_start.h"
#include "http/status_map.h"
#include "http/websocket.h"

namespace neurallog::api {
namespace {

constexpr int64_t kVictoriaLogsStartOffsetNs = 5 * base::kNsPerSecond;

struct TailRequest {
  std::shared_ptr<const tail::Lens> lens;
  std::optional<http::Response> upgrade;  // of a WebSocket
  std::optional<tail::Cursor> cursor;
  std::optional<Search> history;  // what is stored and comes first
};

query::OutputFormat FormatOf(bool native) {
  return native ? query::OutputFormat::kNative : query::OutputFormat::kVictoriaLogs;
}

Result<std::optional<tail::Cursor>> ReadCursor(const http::QueryParams& params,
                                               const http::Request& request) {
  std::string_view text = request.FindHeader("Last-Event-ID");
  if (text.empty()) text = params.Find("cursor").value_or(std::string_view());
  if (text.empty()) return std::optional<tail::Cursor>();
  if (const auto cursor = tail::ParseCursor(text)) return cursor;
  return InvalidArgument("cursor " + std::string(text.substr(0, 40)) +
                         ": expected one that an event had, like 12-3");
}

tail::Framing ChooseFraming(const http::Request& request, bool is_upgrade, bool native) {
  if (!native) return tail::Framing::kLines;
  if (is_upgrade) return tail::Framing::kWebSocket;
  return request.FindHeader("Accept").find("application/x-ndjson") != std::string_view::npos
             ? tail::Framing::kEnvelope
             : tail::Framing::kSse;
}

// As ReadStep, and 0 is good too.
Result<int64_t> ReadDelay(const http::QueryParams& params, std::string_view name,
                          int64_t otherwise_ns) {
  const std::string_view text = params.Find(name).value_or("");
  if (text == "0" || text == "0s") return 0;
  return ReadStep(params, name, otherwise_ns);
}

// What is stored already: native from `start` on, VictoriaLogs' of the last `start_offset`. Its
// refresh_interval and offset say how it polls; they are read and have no effect here.
Result<std::optional<Search>> ReadHistory(const Context& context, bool native) {
  NL_TRY(Search search, ReadSearch(context, /*query_required=*/!native));
  if (native && search.params.Find("start").value_or("").empty()) return std::optional<Search>();
  if (!native) {
    for (const char* name : {"refresh_interval", "offset"})
      NL_RETURN_IF_ERROR(ReadDelay(search.params, name, 0).status());
    NL_TRY(const int64_t back_ns,
           ReadDelay(search.params, "start_offset", kVictoriaLogsStartOffsetNs));
    search.options.range.start_ns =
        std::max(search.options.range.start_ns, search.now_ns - back_ns);
  }
  search.options.newest_first = false;
  search.options.format = FormatOf(native);
  return std::optional<Search>(std::move(search));
}

Result<TailRequest> ReadTail(const Context& context, bool native) {
  const http::Request& request = context.request;
  NL_TRY(Search search, ReadSearch(context, /*query_required=*/!native));
  TailRequest tail;
  const bool is_upgrade = native && http::WantsWebSocket(request);
  if (is_upgrade) {
    NL_TRY(tail.upgrade, http::AcceptWebSocket(request));
  }
  if (native) {
    NL_TRY(tail.cursor, ReadCursor(search.params, request));
  }
  NL_TRY(tail.history, ReadHistory(context, native));
  NL_TRY(tail.lens, tail::Lens::Make(std::move(search.query), FormatOf(native),
                                     ChooseFraming(request, is_upgrade, native)));
  return tail;
}

http::Response StreamHead(tail::Framing framing) {
  http::Response head;
  head.content_type = framing == tail::Framing::kSse ? "text/event-stream" : "application/x-ndjson";
  head.headers.emplace_back("Cache-Control", "no-store");
  head.headers.emplace_back("X-Accel-Buffering", "no");  // proxies must not gather events
  return head;
}

// Answers pings and the end. The session keeps this, so it must not keep the session.
std::function<void(std::string_view)> ListenTo(const http::ResponderPtr& responder) {
  return [parser = std::make_shared<http::WebSocketParser>(),
          weak = std::weak_ptr<http::Responder>(responder)](std::string_view bytes) {
    const http::ResponderPtr to = weak.lock();
    if (!to) return;
    std::string answer;
    const bool goes_on = parser->Take(bytes, &answer);
    if (!answer.empty()) to->Write(std::move(answer));
    if (!goes_on) to->Finish();
  };
}

// Whether the key still is what it was when the tail began.
std::function<bool()> MayGoOn(const Context& context) {
  const auth::KeyRing& keys = context.api.engine().keys();
  if (context.principal.open) return [&keys] { return keys.empty(); };
  return [&keys, id = context.principal.key_id] { return keys.FindById(id).has_value(); };
}

Status StartTail(const Context& context, bool native) {
  Api& api = context.api;
  NL_TRY(TailRequest tail, ReadTail(context, native));
  ingest::TenantLog* const log = context.principal.log;
  NL_TRY(const std::shared_ptr<tail::Viewer> viewer,
         api.engine().tails().Join(&log->feed(), log->name(), tail.lens, context.responder,
                                   MayGoOn(context)));
  if (tail.upgrade) {
    context.responder->Upgrade(std::move(*tail.upgrade), ListenTo(context.responder));
  } else {
    context.responder->Start(StreamHead(tail.lens->framing()));
  }
  const auto start = std::make_shared<TailStart>(&api, log, viewer);
  if (tail.cursor) {
    start->StartBehind(*tail.cursor);
  } else if (tail.history) {
    start->StartWithHistory(std::move(tail.history->query), tail.history->options);
  } else {
    start->StartNow();
  }
  return {};
}

void Tail(Context context, bool native) {
  Api& api = context.api;
  if (context.request.method == http::Method::kHead)
    return context.responder->Send(
        StreamHead(native ? tail::Framing::kSse : tail::Framing::kLines));
  const auto shared = std::make_shared<Context>(std::move(context));
  const bool submitted = api.workers().TrySubmit([shared, native] {
    const Status status = StartTail(*shared, native);
    if (status.ok()) return;
    shared->api.metrics().CountRefused(status.code());
    SendStatus(shared->responder, status);
  });
  if (!submitted) SendStatus(shared->responder, ResourceExhausted("too many requests are waiting"));
}

}  // namespace

void HandleTail(Context context) { Tail(std::move(context), /*native=*/true); }
void HandleTailVictoriaLogs(Context context) { Tail(std::move(context), /*native=*/false); }

}  // namespace neurallog::api
