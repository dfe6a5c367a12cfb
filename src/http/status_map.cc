#include "http/status_map.h"

#include "base/json_text.h"

namespace neurallog::http {

int HttpStatus(Code code) {
  switch (code) {
    case Code::kOk: return 200;
    case Code::kInvalidArgument: return 400;
    case Code::kUnauthenticated: return 401;
    case Code::kPermissionDenied: return 403;
    case Code::kNotFound: return 404;
    case Code::kConflict: return 409;
    case Code::kTooLarge: return 413;
    case Code::kUnsupported: return 415;
    case Code::kResourceExhausted: return 429;
    case Code::kUnavailable: return 503;
    case Code::kDeadlineExceeded: return 504;
    case Code::kCancelled: return 503;
    case Code::kCorruption: return 500;
    case Code::kIoError: return 500;
    case Code::kInternal: return 500;
  }
  return 500;
}

Response ProblemResponse(const Status& status) {
  return ProblemResponse(HttpStatus(status.code()), status.message());
}

Response ProblemResponse(int http_status, std::string_view detail) {
  Response response;
  response.status = http_status;
  response.content_type = "application/problem+json";
  response.body = R"({"type":"about:blank","title":)";
  base::AppendJsonString(&response.body, ReasonPhrase(http_status));
  response.body += ",\"status\":" + std::to_string(http_status) + ",\"detail\":";
  base::AppendJsonString(&response.body, detail);
  response.body += "}\n";
  if (http_status == 429 || http_status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace neurallog::http
