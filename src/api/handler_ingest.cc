// From a request body to the ring, and from the committer's word to the answer.
#include "api/api.h"
#include "base/json_text.h"
#include "http/status_map.h"
#include "ingest/decoder_json.h"
#include "ingest/inflate.h"

namespace neurallog::api {
namespace {

constexpr size_t kIdempotencyKeyBytesMax = 255;
constexpr size_t kFormBytesMax = 128 << 10;

// {"accepted":2,"rejected":1,"errors":[{"index":1,"reason":"..."}]}
std::string ResultJson(uint64_t accepted, uint64_t rejected,
                       const std::vector<ingest::RecordError>& errors) {
  std::string json = "{\"accepted\":" + std::to_string(accepted) +
                     ",\"rejected\":" + std::to_string(rejected) + ",\"errors\":[";
  for (size_t i = 0; i < errors.size(); ++i) {
    json.append(i == 0 ? "{\"index\":" : ",{\"index\":")
        .append(std::to_string(errors[i].index))
        .append(",\"reason\":");
    base::AppendJsonString(&json, errors[i].reason);
    json.push_back('}');
  }
  return json.append("]}\n");
}

// Sends the answer once the batch is durable. Holds the idempotency key until then.
class IngestAck : public ingest::Ack {
 public:
  IngestAck(Api* api, http::ResponderPtr responder, int64_t received_ns, base::Hash128Value key,
            ingest::IdempotencyCache::Answer answer, std::string json)
      : api_(api),
        responder_(std::move(responder)),
        received_ns_(received_ns),
        key_(key),
        answer_(answer),
        json_(std::move(json)) {}

  void Done(const Status& status) override {
    engine::Engine& engine = api_->engine();
    if (status.ok()) {
      if (!key_.empty()) engine.idempotency().Finish(key_, engine.clock().WallNs(), answer_);
      api_->metrics().ack.Record(engine.clock().MonotonicNs() - received_ns_);
      if (responder_) SendJson(responder_, 200, std::move(json_));
      return;
    }
    if (!key_.empty()) engine.idempotency().Abandon(key_);
    // What the disk refused was not the client's fault and may work later.
    const Status shown =
        status.code() == Code::kIoError ? Unavailable(std::string(status.message())) : status;
    api_->metrics().CountRefused(shown.code());
    if (responder_) SendStatus(responder_, shown);
  }

 private:
  Api* const api_;
  const http::ResponderPtr responder_;  // null: answered already
  const int64_t received_ns_;
  const base::Hash128Value key_;
  const ingest::IdempotencyCache::Answer answer_;
  std::string json_;
};

// Nothing of the body could be stored: a problem document with the reasons.
void SendNothingAccepted(Context* context, const ingest::DecodeResult& result) {
  const std::string first = result.errors.empty() ? "no record" : result.errors.front().reason;
  http::Response response =
      http::ProblemResponse(InvalidArgument("no record was accepted: " + first));
  response.body.erase(response.body.rfind('}'));
  response.body.append(",").append(ResultJson(0, result.rejected, result.errors), 1);
  context->api.metrics().CountRefused(Code::kInvalidArgument);
  context->responder->Send(std::move(response));
}

void Refuse(Context* context, const Status& status) {
  context->api.metrics().CountRefused(status.code());
  http::Response response = http::ProblemResponse(status);
  if (status.code() == Code::kUnsupported)
    response.headers.emplace_back("Accept-Encoding", "gzip, deflate, zstd, identity");
  context->responder->Send(std::move(response));
}

// Answers from memory when the key was used before; true when the request goes on.
bool BeginIdempotent(Context* context, base::Hash128Value* key) {
  const std::string_view text = context->request.FindHeader("Idempotency-Key");
  if (text.empty()) return true;
  if (text.size() > kIdempotencyKeyBytesMax) {
    Refuse(context, InvalidArgument("Idempotency-Key has " + std::to_string(text.size()) +
                                    " bytes, more than 255"));
    return false;
  }
  engine::Engine& engine = context->api.engine();
  *key = ingest::IdempotencyCache::Key(context->principal.log->id(), text);
  ingest::IdempotencyCache::Answer answer;
  switch (engine.idempotency().Begin(*key, engine.clock().WallNs(), &answer)) {
    case ingest::IdempotencyCache::Outcome::kNew: return true;
    case ingest::IdempotencyCache::Outcome::kInFlight:
      Refuse(context, Conflict("a request with this Idempotency-Key is being stored"));
      return false;
    case ingest::IdempotencyCache::Outcome::kAnswered: {
      http::Response response;
      response.content_type = "application/json";
      response.headers.emplace_back("Idempotency-Replayed", "true");
      response.body = ResultJson(answer.accepted, answer.rejected, {});
      context->responder->Send(std::move(response));
      return false;
    }
  }
  return false;
}

void Store(Context* context, const http::QueryParams& params, ingest::DecodeResult result,
           base::Hash128Value key) {
  Api& api = context->api;
  const bool async = params.Find("ack") == "async";
  const int64_t received_ns = context->request.received_ns;
  std::string json = ResultJson(result.accepted, result.rejected, result.errors);
  ingest::IngestEvent event;
  event.batch = std::move(result.batch);
  event.tenant = context->principal.log;
  event.rejected = static_cast<uint32_t>(result.rejected);
  event.request_key = key;
  event.ack = std::make_unique<IngestAck>(
      &api, async ? nullptr : context->responder, received_ns, key,
      ingest::IdempotencyCache::Answer{result.accepted, result.rejected},
      async ? std::string() : json);
  const Status submitted = api.admission().Submit(&event, /*may_wait=*/!async);
  if (!submitted.ok()) {
    if (!key.empty()) api.engine().idempotency().Abandon(key);
    Refuse(context, submitted);
  } else if (async) {
    SendJson(context->responder, 202, std::move(json));
  }
}

Status CheckAckParam(const http::QueryParams& params) {
  const auto ack = params.Find("ack");
  if (!ack || *ack == "durable" || *ack == "async") return {};
  return InvalidArgument("ack=" + std::string(ack->substr(0, 40)) + ": expected durable or async");
}

// `decode` turns the inflated body into a DecodeResult.
template <typename Decode>
void Ingest(Context context, const http::QueryParams& params, const Decode& decode) {
  Api& api = context.api;
  api.metrics().ingest_requests.Add();
  api.metrics().ingest_bytes.Add(context.request.body.size());
  Status status = CheckAckParam(params);
  if (status.ok()) status = api.engine().WriteStatus();
  if (!status.ok()) return Refuse(&context, status);
  base::Hash128Value key;
  if (!BeginIdempotent(&context, &key)) return;

  ingest::DecodeLimits limits = api.options().decode;
  const int64_t now_ns = api.engine().clock().WallNs();
  limits.timestamp_min_ns = api.engine().ExpiryOf(*context.principal.log);
  limits.timestamp_max_ns = now_ns + api.options().future_max_ns.load(std::memory_order_relaxed);
  auto body = ingest::Inflate(context.request.FindHeader("Content-Encoding"),
                              std::move(context.request.body), limits);
  Result<ingest::DecodeResult> result =
      body.ok() ? decode(*body, limits, now_ns) : Result<ingest::DecodeResult>(body.status());
  if (!result.ok() || result->accepted == 0) {
    if (!key.empty()) api.engine().idempotency().Abandon(key);
    if (!result.ok()) return Refuse(&context, result.status());
    api.metrics().records_rejected.Add(result->rejected);
    if (result->rejected > 0) return SendNothingAccepted(&context, *result);
    return SendJson(context.responder, 200, ResultJson(0, 0, {}));
  }
  api.metrics().records_rejected.Add(result->rejected);
  Store(&context, params, std::move(result).value(), key);
}

// "a,b , c" in names.
std::vector<std::string> SplitNames(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (!name.empty()) names.emplace_back(name);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return names;
}

// An argument of VictoriaLogs' ingestion, given in the query or as a header.
std::string_view Argument(const Context& context, const http::QueryParams& params,
                          std::string_view name, std::string_view header) {
  if (const auto value = params.Find(name)) return *value;
  return context.request.FindHeader(header);
}

}  // namespace

bool IsSearchByForm(const http::Request& request) {
  if (http::QueryParams(request.query()).Find("query")) return true;
  const std::string_view body = request.body.view();
  // curl -d labels JSON as a form too.
  const bool form =
      request.FindHeader("Content-Type").starts_with("application/x-www-form-urlencoded") &&
      !body.empty() && body.size() <= kFormBytesMax && body[0] != '{' && body[0] != '[';
  return form && http::QueryParams(body).Find("query").has_value();
}

void HandlePostLogs(Context context) {
  if (IsSearchByForm(context.request)) return HandleSearchNative(std::move(context));
  const http::QueryParams params(context.request.query());
  const bool ndjson =
      context.request.FindHeader("Content-Type").find("ndjson") != std::string_view::npos;
  Ingest(std::move(context), params,
         [ndjson](const base::Buffer& body, const ingest::DecodeLimits& limits, int64_t now_ns) {
           return ingest::DecodeNative(body, ndjson, limits, now_ns);
         });
}

void HandleIngestJsonLine(Context context) {
  const http::QueryParams params(context.request.query());
  ingest::JsonLineParams line;
  line.time_fields = SplitNames(Argument(context, params, "_time_field", "VL-Time-Field"));
  line.msg_fields = SplitNames(Argument(context, params, "_msg_field", "VL-Msg-Field"));
  line.stream_fields = SplitNames(Argument(context, params, "_stream_fields", "VL-Stream-Fields"));
  line.ignore_fields = SplitNames(Argument(context, params, "ignore_fields", "VL-Ignore-Fields"));
  for (const std::string& pair :
       SplitNames(Argument(context, params, "extra_fields", "VL-Extra-Fields"))) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return Refuse(&context,
                    InvalidArgument("extra_fields: expected name=value, got \"" + pair + "\""));
    line.extra_fields.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  Ingest(std::move(context), params,
         [&line](const base::Buffer& body, const ingest::DecodeLimits& limits, int64_t now_ns) {
           return ingest::DecodeJsonLines(body, line, limits, now_ns);
         });
}

}  // namespace neurallog::api
