// Any receiver of HTTP. Without a template the body is the notice as it is.
//
// Configuration: url; method (POST, PUT, PATCH); headers, secret_headers {name: value}; template,
// content_type (application/json; values are escaped for it); secret, secret_previous;
// signature (standard-webhooks: secrets are whsec_...; github; custom, with signature_header, _algorithm, _encoding,
// _prefix and _of); timeout.
#include "actions/http_sink.h"
#include "actions/sink_table.h"
#include "actions/webhook_signature.h"
#include "base/clock.h"

namespace neurallog::actions {
namespace {

struct WebhookConfig {
  std::string method;
  std::vector<std::pair<std::string, std::string>> headers;
  bool is_rendered = false;
  Template body;
  bool hub = false;                       // signs as GitHub
  std::optional<SignatureScheme> scheme;  // signs so
  std::vector<std::string> keys;          // the newest first
};

class WebhookSink : public HttpSink {
 public:
  WebhookSink(HttpTarget target, SinkHost* host, WebhookConfig config)
      : HttpSink(std::move(target), host), config_(std::move(config)) {}

 protected:
  Status Compose(const Attempt& attempt, http::AsyncRequest* request) const override {
    request->method = config_.method;
    request->headers = config_.headers;
    if (config_.is_rendered) {
      NL_TRY(const base::JsonValue notice, base::ParseJson(attempt.notice));
      NL_TRY(request->body, config_.body.Render(notice));
    } else {
      request->body = attempt.notice;
    }
    Sign(attempt, request);
    return Status::Ok();
  }

 private:
  void Sign(const Attempt& attempt, http::AsyncRequest* request) const {
    const int64_t seconds = attempt.wall_ns / base::kNsPerSecond;
    auto& headers = request->headers;
    headers.emplace_back("webhook-id", attempt.delivery_id);
    headers.emplace_back("webhook-timestamp", std::to_string(seconds));
    if (config_.keys.empty()) return;
    if (config_.scheme) {
      headers.emplace_back(config_.scheme->header, SchemeSignature(*config_.scheme, config_.keys[0],
                                                                   seconds, request->body));
    } else if (config_.hub) {
      headers.emplace_back("X-Hub-Signature-256", HubSignature(config_.keys[0], request->body));
    } else {
      headers.emplace_back(
          "webhook-signature",
          StandardWebhookSignature(config_.keys, attempt.delivery_id, seconds, request->body));
    }
  }

  const WebhookConfig config_;
};

Escape EscapeOf(std::string_view content_type) {
  const auto has = [&](std::string_view word) {
    return content_type.find(word) != std::string_view::npos;
  };
  if (has("json")) return Escape::kJson;
  if (has("html") || has("xml")) return Escape::kHtml;
  return has("form-urlencoded") ? Escape::kUrl : Escape::kText;
}

Result<SignatureScheme> ReadScheme(SinkConfig* from) {
  using Digest = SignatureScheme::Digest;
  SignatureScheme scheme;
  NL_TRY(scheme.header, from->Optional("signature_header", "X-Signature"));
  NL_TRY(scheme.prefix, from->Optional("signature_prefix", ""));
  NL_TRY(const std::string digest,
         from->Choice("signature_algorithm", {"sha256", "sha1", "sha512"}));
  NL_TRY(const std::string encoding, from->Choice("signature_encoding", {"hex", "base64"}));
  NL_TRY(const std::string of, from->Choice("signature_of", {"body", "timestamp.body"}));
  NL_RETURN_IF_ERROR(
      http::CheckHeaders({{scheme.header, scheme.prefix}}).Annotate("config.signature_header"));
  scheme.digest = digest == "sha1"     ? Digest::kSha1
                  : digest == "sha512" ? Digest::kSha512
                                       : Digest::kSha256;
  scheme.is_base64 = encoding == "base64";
  scheme.has_time = of == "timestamp.body";
  return scheme;
}

Status ReadKeys(SinkConfig* from, WebhookConfig* to) {
  NL_TRY(const std::string signature,
         from->Choice("signature", {"standard-webhooks", "github", "custom"}));
  to->hub = signature == "github";
  if (signature == "custom") {
    NL_TRY(to->scheme, ReadScheme(from));
  }
  for (const std::string_view name : {"secret", "secret_previous"}) {
    NL_TRY(const std::string secret, from->Optional(name, ""));
    if (secret.empty()) continue;
    if (to->hub || to->scheme) {
      to->keys.push_back(secret);
      continue;
    }
    Result<std::string> key = ParseWebhookSecret(secret);
    if (!key.ok()) return key.status().Annotate(std::string("config.").append(name));
    to->keys.push_back(std::move(key).value());
  }
  return Status::Ok();
}

Status ReadHeaders(SinkConfig* from, std::string_view content_type, WebhookConfig* to) {
  to->headers.emplace_back("Content-Type", content_type);
  for (const std::string_view name : {"headers", "secret_headers"}) {
    NL_TRY(auto pairs, from->Pairs(name));
    for (auto& pair : pairs) {
      if (http::SameName(pair.first, "content-type"))
        return InvalidArgument("config.headers: the type is told by content_type");
      to->headers.push_back(std::move(pair));
    }
  }
  return http::CheckHeaders(to->headers).Annotate("config.headers");
}

}  // namespace

MadeSink MakeWebhookSink(TenantId, std::string_view config_json, SinkHost* host) {
  NL_TRY(SinkConfig from, SinkConfig::Parse(config_json));
  NL_TRY(std::string url, from.Required("url"));
  NL_TRY(HttpTarget target, HttpTarget::Make(std::move(url), &from, *host));
  WebhookConfig config;
  NL_TRY(config.method, from.Choice("method", {"POST", "PUT", "PATCH"}));
  NL_TRY(const std::string type, from.Optional("content_type", "application/json"));
  config.is_rendered = from.Has("template");
  NL_TRY(config.body, from.Compiled("template", "", EscapeOf(type)));
  NL_RETURN_IF_ERROR(ReadHeaders(&from, type, &config));
  NL_RETURN_IF_ERROR(ReadKeys(&from, &config));
  NL_RETURN_IF_ERROR(from.Done());
  return MadeSink(std::make_unique<WebhookSink>(std::move(target), host, std::move(config)));
}

}  // namespace neurallog::actions
