// The one table from neurallog::Code to HTTP status, and the error document that goes with it.
#pragma once

#include "http/message.h"
#include "neurallog/status.h"

namespace neurallog::http {

// 200 for kOk; a cancelled request (its client is gone) counts as 503.
int HttpStatus(Code code);

// application/problem+json (RFC 9457) with the status' message as detail; Retry-After on 429 and
// 503.
Response ProblemResponse(const Status& status);
Response ProblemResponse(int http_status, std::string_view detail);

}  // namespace neurallog::http
