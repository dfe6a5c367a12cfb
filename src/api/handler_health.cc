#include "api/api.h"
#include "neurallog/version.h"

namespace neurallog::api {
namespace {

void SendText(const Context& context, std::string body, std::string content_type) {
  http::Response response;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  context.responder->Send(std::move(response));
}

}  // namespace

void HandleHealth(Context context) { SendText(context, "ok\n", "text/plain; charset=utf-8"); }

void HandleReady(Context context) {
  const Status writable = context.api.engine().ReadyStatus();
  const Status status =
      context.api.ready.load() ? writable : Unavailable("the server is starting or stopping");
  if (!status.ok()) return SendStatus(context.responder, status);
  SendText(context, "ready\n", "text/plain; charset=utf-8");
}

void HandleMetrics(Context context) {
  SendText(context, context.api.registry().WriteText(), "text/plain; version=0.0.4; charset=utf-8");
}

void HandleRoot(Context context) {
  SendJson(context.responder, 200,
           "{\"name\":\"neurallog\",\"version\":\"" + std::string(kVersion) +
               "\",\"ingest\":\"POST /v1/logs\",\"search\":\"GET "
               "/v1/logs?query=\",\"metrics\":\"/metrics\"}\n");
}

}  // namespace neurallog::api
