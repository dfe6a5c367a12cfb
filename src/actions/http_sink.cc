#include "actions/http_sink.h"

#include <algorithm>
#include <charconv>

#include "actions/address_guard.h"
#include "base/clock.h"
#include "http/http_date.h"
#include "http/tls_client.h"

namespace neurallog::actions {
namespace {

// Seconds, or a date. At most a day.
int64_t RetryAfterNs(const http::ClientResponse& response) {
  const std::string_view text = response.FindHeader("retry-after");
  int64_t seconds = 0;
  if (const auto date = http::ParseHttpDate(text))
    seconds = *date - base::Clock::System().WallNs() / base::kNsPerSecond;
  else std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp<int64_t>(seconds, 0, 86'400) * base::kNsPerSecond;
}

Result<http::TlsContext> ReadTls(SinkConfig* config, const std::string& ca_file) {
  http::ClientIdentity identity;
  NL_TRY(identity.ca, config->Optional("ca_certificate", ""));
  NL_TRY(identity.certificate, config->Optional("client_certificate", ""));
  NL_TRY(identity.key, config->Optional("client_key", ""));
  if (identity.ca.empty() && identity.certificate.empty() && identity.key.empty())
    return http::TlsContext();
  auto tls = http::MakeClientTls(identity, ca_file);
  if (!tls.ok()) return tls.status().Annotate("config");
  return tls;
}

}  // namespace

Result<HttpTarget> HttpTarget::Make(std::string url, SinkConfig* config, const SinkHost& host) {
  if (host.http == nullptr || host.guard == nullptr)
    return Unavailable("this server has no HTTP client");
  const Result<http::Url> parsed = http::ParseUrl(url);
  if (!parsed.ok()) return parsed.status();
  if (host.https_only && !parsed->tls)
    return PermissionDenied("receivers without https are not allowed (actions.https_only)");
  NL_RETURN_IF_ERROR(host.guard->CheckUrl(*parsed));
  HttpTarget target;
  NL_TRY(target.timeout_ns, config->TimeoutNs());
  NL_TRY(target.tls, ReadTls(config, host.ca_file));
  target.origin = parsed->origin();
  target.url = std::move(url);
  return target;
}

Result<http::AsyncRequest> HttpSink::MakeRequest(const Attempt& attempt) const {
  http::AsyncRequest request;
  request.url = target_.url;
  request.timeout_ns = target_.timeout_ns;
  request.tls = target_.tls;
  NL_RETURN_IF_ERROR(Compose(attempt, &request));
  return request;
}

void HttpSink::Deliver(const Attempt& attempt, std::function<void(Outcome)> done) {
  Result<http::AsyncRequest> request = MakeRequest(attempt);
  if (!request.ok()) return done(OutcomeOfError(request.status()));
  host_->http->Send(std::move(request).value(),
                    [this, done = std::move(done)](Result<http::ClientResponse> answer) {
                      if (!answer.ok()) return done(OutcomeOfError(answer.status()));
                      Outcome outcome = Judge(*answer);
                      outcome.answer = answer->body.substr(0, Outcome::kAnswerBytesMax);
                      done(std::move(outcome));
                    });
}

Outcome HttpSink::Judge(const http::ClientResponse& response) const {
  Outcome outcome = OutcomeOfStatus(response.status);
  if (outcome.kind != Outcome::Kind::kDelivered) outcome.retry_after_ns = RetryAfterNs(response);
  return outcome;
}

Result<std::string> HttpSink::Preview(std::string_view notice) const {
  Attempt attempt;
  attempt.delivery_id = "msg_preview";
  attempt.wall_ns = base::Clock::System().WallNs();
  attempt.notice = notice;
  NL_TRY(http::AsyncRequest request, MakeRequest(attempt));
  std::string& body = request.body;
  const size_t secret = target_.secret.empty() ? std::string::npos : body.find(target_.secret);
  if (secret != std::string::npos) body.replace(secret, target_.secret.size(), "***");
  return std::move(body);
}

Outcome OutcomeOfError(const Status& error) {
  Outcome outcome;
  const bool lasting = error.code() == Code::kInvalidArgument ||
                       error.code() == Code::kPermissionDenied || error.code() == Code::kTooLarge;
  outcome.kind = lasting ? Outcome::Kind::kFinal : Outcome::Kind::kRetry;
  outcome.error = error.message();
  return outcome;
}

}  // namespace neurallog::actions
