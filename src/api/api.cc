#include "api/api.h"

#include <cstdlib>

#include "api/backtest_jobs.h"
#include "http/status_map.h"

namespace neurallog::api {
namespace {

// Bodies up to this size are read before the caller is authenticated, so that the work is done once.
constexpr uint64_t kUncheckedBodyBytes = 16 * 1024;

// Administrative requests that may wait for a worker; queries are bounded by the gate.
constexpr size_t kAdminQueueMax = 1024;

http::Response NotAllowed(const http::Request& request, const std::string& allow) {
  if (allow.empty())
    return http::ProblemResponse(NotFound("there is nothing at " + std::string(request.path())));
  http::Response response = http::ProblemResponse(405, "this path takes " + allow);
  response.headers.emplace_back("Allow", allow);
  return response;
}

// A request may repeat the name of its tenant; another name is refused. AccountID and ProjectID 0 are what VictoriaLogs clients send.
Status CheckNamedTenant(const http::Request& request, std::string_view tenant) {
  for (const std::string_view header : {"X-Scope-OrgID", "X-Tenant-ID"}) {
    const std::string_view named = request.FindHeader(header);
    if (!named.empty() && named != tenant)
      return PermissionDenied(std::string(header) + " names tenant \"" +
                              std::string(named.substr(0, 80)) +
                              "\", and the key belongs to another one");
  }
  for (const std::string_view header : {"AccountID", "ProjectID"}) {
    const std::string_view number = request.FindHeader(header);
    if (!number.empty() && number != "0")
      return PermissionDenied(std::string(header) + " " + std::string(number.substr(0, 80)) +
                              ": tenants are chosen by key, not by number");
  }
  return {};
}

}  // namespace

Api::Api(engine::Engine* engine, metrics::Registry* registry, std::unique_ptr<ApiOptions> options)
    : engine_(engine),
      registry_(registry),
      options_(std::move(options)),
      metrics_(registry),
      admission_(engine),
      backups_(engine, registry),
      backtests_(std::make_unique<BacktestJobs>(this)),
      workers_("nl-query", options_->query_threads, kAdminQueueMax) {
  registry->AddGauge(
      "neurallog_queries_active", "Queries that are running or whose client is slow to read.",
      [this] { return static_cast<double>(query_gate_.running() + export_gate_.running()); });
  registry->AddGauge(
      "neurallog_queries_waiting", "Queries that wait for a running one to end.",
      [this] { return static_cast<double>(query_gate_.waiting() + export_gate_.waiting()); });
  const std::string memory_help = "Memory held, by what for.";
  registry->AddGauge(
      "neurallog_memory_bytes", memory_help,
      [this] { return static_cast<double>(admission_.bytes_in_flight()); },
      metrics::Label("pool", "batches_in_flight"));
  registry->AddGauge(
      "neurallog_memory_bytes", memory_help,
      [this] { return static_cast<double>(options_->query_memory_pool.used.load()); },
      metrics::Label("pool", "queries"));
  registry->AddGauge("neurallog_ingest_requests_in_flight",
                     "Ingest requests between decoding and answer.",
                     [this] { return static_cast<double>(admission_.requests_in_flight()); });
}

Api::~Api() { Stop(); }

void Api::Stop() {
  ready = false;
  backups_.Stop();
  backtests_->Stop();
  admission_.Stop();
  workers_.Stop();
}

Result<Principal> Api::Authenticate(const http::Request& request) const {
  NL_TRY(
      const std::optional<auth::Credential> credential,
      auth::ReadCredential(request.FindHeader("Authorization"), request.FindHeader("X-API-Key")));
  Principal principal;
  if (!options_->only_tenant.empty()) {
    principal.open = true;
    principal.log = engine_->FindTenant(options_->only_tenant);
    return principal;
  }
  if (!credential) {
    if (!options_->open_without_keys || !engine_->keys().empty())
      return Unauthenticated("a key is needed: Authorization: Bearer, Basic or X-API-Key");
    principal.open = true;
    principal.role = auth::Role::kReadWrite;
    principal.log = DefaultTenant();
    NL_RETURN_IF_ERROR(CheckNamedTenant(request, tenant::kDefaultTenant));
    return principal;
  }
  const std::optional<auth::ApiKey> key = engine_->keys().Find(credential->key);
  if (!key) return Unauthenticated("the key is not known");
  principal.role = key->role;
  principal.key_id = key->id;
  if (key->role == auth::Role::kAdmin) return principal;
  principal.log = engine_->FindTenant(key->tenant);
  if (principal.log == nullptr) return Unauthenticated("the key's tenant does not exist");
  NL_RETURN_IF_ERROR(CheckNamedTenant(request, principal.log->name()));
  if (!credential->user.empty() && credential->user != principal.log->name() &&
      engine_->tenants().Find(credential->user))
    return PermissionDenied("the user names tenant \"" + credential->user +
                            "\", and the key belongs to another one");
  return principal;
}

// Tenants live as long as the engine, so a pointer stays good until the tenant is deleted.
ingest::TenantLog* Api::DefaultTenant() const {
  ingest::TenantLog* log = default_tenant_.load(std::memory_order_acquire);
  if (log == nullptr || log->deleted()) {
    log = engine_->FindTenant(tenant::kDefaultTenant);
    default_tenant_.store(log, std::memory_order_release);
  }
  return log;
}

Status Api::Authorize(const Principal& principal, Access access) const {
  const auth::Role role = principal.role;
  switch (access) {
    case Access::kPublic: return {};
    case Access::kAdmin:
      if (role == auth::Role::kAdmin || principal.open) return {};
      return PermissionDenied("this needs an admin key");
    case Access::kInspect:
      if (role == auth::Role::kAdmin) return {};
      return Authorize(principal, Access::kRead);
    case Access::kDelete:
      if (role == auth::Role::kAdmin) return {};
      NL_RETURN_IF_ERROR(Authorize(principal, Access::kRead));
      return Authorize(principal, Access::kWrite);
    case Access::kRead:
    case Access::kWrite:
    case Access::kTenant:
    case Access::kReadWrite:
      if (role == auth::Role::kAdmin)
        return PermissionDenied("an admin key belongs to no tenant; use a tenant's key");
      if (principal.log == nullptr) return NotFound("tenant default does not exist");
      if ((access == Access::kRead || access == Access::kReadWrite) && role == auth::Role::kWrite)
        return PermissionDenied("the key may write only");
      if ((access == Access::kWrite || access == Access::kReadWrite) && role == auth::Role::kRead)
        return PermissionDenied("the key may read only");
      return {};
  }
  return Internal("unknown access");
}

std::optional<http::Response> Api::Refuse(const http::Request& request, bool has_body,
                                          const Route** route, Principal* principal) {
  std::string allow;
  *route = FindRoute(request, &allow);
  if (*route == nullptr) {
    metrics_.CountRefused(Code::kNotFound);
    return NotAllowed(request, allow);
  }
  Access access = (*route)->access;
  if ((*route)->handle == HandlePostLogs && has_body)
    access = IsSearchByForm(request) ? Access::kRead : Access::kWrite;
  if (access == Access::kPublic) return std::nullopt;
  auto authenticated = Authenticate(request);
  const Status status =
      authenticated.ok() ? Authorize(*authenticated, access) : authenticated.status();
  if (!status.ok()) {
    metrics_.CountRefused(status.code());
    http::Response response = http::ProblemResponse(status);
    if (status.code() == Code::kUnauthenticated)
      response.headers.emplace_back("WWW-Authenticate", "Bearer, Basic realm=\"neurallog\"");
    return response;
  }
  *principal = *authenticated;
  return std::nullopt;
}

std::optional<http::Response> Api::CheckHead(const http::Request& request, size_t* body_bytes_max) {
  const std::string_view length = request.FindHeader("Content-Length");
  const bool small = length.size() <= 5 &&
                     (length.empty() || std::strtoull(std::string(length).c_str(), nullptr, 10) <=
                                            kUncheckedBodyBytes) &&
                     request.FindHeader("Transfer-Encoding").empty() &&
                     request.FindHeader("Expect").empty();
  if (small) return std::nullopt;
  const Route* route;
  Principal principal;
  if (auto refusal = Refuse(request, /*has_body=*/false, &route, &principal)) return refusal;
  *body_bytes_max = options_->decode.body_bytes_max;
  return std::nullopt;
}

void Api::Handle(http::Request request, http::ResponderPtr responder) {
  const Route* route;
  Principal principal;
  if (auto refusal = Refuse(request, /*has_body=*/true, &route, &principal)) {
    responder->Send(std::move(*refusal));
    return;
  }
  route->handle({*this, std::move(request), std::move(responder), principal});
}

http::Response Api::ErrorResponse(int status, std::string_view detail) {
  return http::ProblemResponse(status, detail);
}

void Api::NoteWork(int64_t work_ns, uint64_t rows) {
  constexpr uint64_t kRowsMin = 10'000;  // fewer say little
  constexpr double kWeight = 0.1;
  if (rows < kRowsMin) return;
  const double now = static_cast<double>(work_ns) / static_cast<double>(rows);
  const double old = ns_per_row();
  ns_per_row_.store(old == 0 ? now : old + kWeight * (now - old), std::memory_order_relaxed);
}

std::string PathSegment(const http::Request& request, int place) {
  std::string_view path = request.path();
  for (int i = 0; i < place; ++i) path.remove_prefix(std::min(path.find('/'), path.size() - 1) + 1);
  return http::PercentDecode(path.substr(0, path.find('/')), /*plus_is_space=*/false)
      .value_or(std::string());
}

std::string LastSegment(const http::Request& request) {
  const std::string_view path = request.path();
  return http::PercentDecode(path.substr(path.rfind('/') + 1), /*plus_is_space=*/false)
      .value_or(std::string());
}

void SendJson(const http::ResponderPtr& responder, int status, std::string body) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  responder->Send(std::move(response));
}

void SendStatus(const http::ResponderPtr& responder, const Status& status) {
  responder->Send(http::ProblemResponse(status));
}

}  // namespace neurallog::api
