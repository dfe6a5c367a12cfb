// Deletions: POST /v1/logs/delete, their jobs, and the audit of all of them.
#include <charconv>

#include "api/admin_request.h"
#include "api/deletion_json.h"
#include "api/json_members.h"
#include "base/json_text.h"
#include "base/quantity.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

using engine::Job;
using engine::JobKind;

constexpr size_t kDeletionsDefault = 100;
constexpr size_t kDeletionsMax = 10'000;

Result<uint64_t> ReadNumber(const http::QueryParams& params, std::string_view name,
                            uint64_t otherwise) {
  const auto text = params.Find(name);
  if (!text || text->empty()) return otherwise;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc() && end == text->data() + text->size()) return number;
  return InvalidArgument(std::string(name) + "=" + std::string(text->substr(0, 40)) +
                         ": expected a whole number");
}

// Newest first, a page of them: ?limit=, ?before= the number of the last one seen.
void SendList(Context context, std::string_view member) {
  OnWorker(std::move(context), [member = std::string(member)](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    NL_TRY(const uint64_t limit, ReadNumber(params, "limit", kDeletionsDefault));
    NL_TRY(const uint64_t before, ReadNumber(params, "before", 0));
    NL_TRY(const ingest::TenantLog* log, TenantAskedFor(on, params.Find("tenant").value_or("")));
    std::optional<TenantId> tenant;
    if (log != nullptr && (!on.principal.is_admin() || params.Find("tenant"))) tenant = log->id();
    std::string json = "{\"" + member + "\":[";
    for (const Job& job :
         on.api.engine().jobs().List(before, std::min<size_t>(limit, kDeletionsMax), tenant)) {
      if (json.back() != '[') json.push_back(',');
      json.append(JobJson(job));
    }
    SendJson(on.responder, 200, json.append("]}\n"));
    return {};
  });
}

}  // namespace

std::string RetentionText(std::optional<int64_t> retention_ns) {
  if (!retention_ns) return "default";
  return *retention_ns == 0 ? "forever" : base::FormatDuration(*retention_ns);
}

std::string QuotaText(uint64_t bytes) { return bytes == 0 ? "none" : base::FormatByteSize(bytes); }

std::string JobJson(const Job& job) {
  std::string json = "{\"id\":\"" + std::to_string(job.id) + "\"";
  AppendText(&json, "kind", engine::JobKindName(job.kind));
  AppendText(&json, "state", engine::JobStateName(job.state));
  AppendText(&json, "tenant", job.tenant_name);
  AppendText(&json, "key", job.key_id);
  AppendText(&json, "reason", job.reason);
  AppendText(&json, "created", base::FormatRfc3339(job.created_ns));
  if (job.finished()) AppendText(&json, "finished", base::FormatRfc3339(job.finished_ns));
  if (job.kind == JobKind::kDeleteRows) {
    AppendText(&json, "query", job.query);
    AppendNumber(&json, "rows_deleted", job.rows);
  } else {
    AppendNumber(&json, "bytes_before", job.bytes_before);
    if (job.finished()) AppendNumber(&json, "bytes_after", job.bytes_after);
  }
  if (!job.error.empty()) AppendText(&json, "error", job.error);
  return json.append("}");
}

void SendAccepted(const http::ResponderPtr& responder, const Job& job) {
  http::Response response;
  response.status = 202;
  response.content_type = "application/json";
  response.headers.emplace_back("Location", "/v1/jobs/" + std::to_string(job.id));
  response.body = JobJson(job) + "\n";
  responder->Send(std::move(response));
}

Result<ingest::TenantLog*> TenantAskedFor(const Context& context, std::string_view name) {
  const Principal& principal = context.principal;
  if (name.empty()) return principal.log;
  if (!principal.is_admin()) {
    if (name == principal.log->name()) return principal.log;
    return PermissionDenied("the key belongs to another tenant than \"" +
                            std::string(name.substr(0, 80)) + "\"");
  }
  ingest::TenantLog* log = context.api.engine().FindTenant(name);
  if (log == nullptr)
    return NotFound("tenant " + std::string(name.substr(0, 80)) + " does not exist");
  return log;
}

void HandleDeleteLogs(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const Arguments arguments, Arguments::Read(on.request, {"query", "reason", "tenant"}));
    NL_TRY(ingest::TenantLog * log, TenantAskedFor(on, arguments.Get("tenant")));
    if (log == nullptr) return InvalidArgument("tenant: an admin key must name a tenant");
    if (arguments.Get("query").empty())
      return InvalidArgument("query: a filter is needed; * deletes everything");
    NL_TRY(const Job job, on.api.engine().DeleteRows(log, arguments.Get("query"),
                                                     arguments.Get("reason"), on.principal.key_id));
    SendAccepted(on.responder, job);
    return {};
  });
}

void HandleListJobs(Context context) { SendList(std::move(context), "jobs"); }
void HandleAudit(Context context) { SendList(std::move(context), "audit"); }

void HandleGetJob(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const std::string text = LastSegment(on.request);
    uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    const auto job = is_number ? on.api.engine().jobs().Find(id) : std::nullopt;
    const bool is_shown = job && (on.principal.is_admin() || job->tenant == on.principal.log->id());
    if (!is_shown) return NotFound("job " + text.substr(0, 40) + " does not exist");
    SendJson(on.responder, 200, JobJson(*job) + "\n");
    return {};
  });
}

}  // namespace neurallog::api
