// /v1/queries: the queries that a tenant keeps. An ETag is a query's version; If-Match and If-None-Match guard changes.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "base/time_format.h"
#include "engine/saved_queries.h"

namespace neurallog::api {
namespace {

using engine::SavedQueries;
using engine::SavedQuery;

std::string Json(const SavedQuery& query) {
  std::string json = "{\"name\":";
  base::AppendJsonString(&json, query.name);
  AppendText(&json, "query", query.query);
  AppendText(&json, "description", query.description);
  AppendText(&json, "created", base::FormatRfc3339(query.created_ns));
  AppendText(&json, "updated", base::FormatRfc3339(query.updated_ns));
  AppendText(&json, "version", query.Version());
  return json + "}";
}

void Send(const Context& context, int status, const SavedQuery& query) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.headers.emplace_back("ETag", "\"" + query.Version() + "\"");
  if (status == 201) response.headers.emplace_back("Location", "/v1/queries/" + query.name);
  response.body = Json(query) + "\n";
  context.responder->Send(std::move(response));
}

SavedQueries::Expectation ReadSavedExpectation(const http::Request& request) {
  SavedQueries::Expectation expectation;
  expectation.is_new = request.FindHeader("If-None-Match") == "*";
  std::string_view version = request.FindHeader("If-Match");
  if (version.starts_with("\"") && version.ends_with("\"") && version.size() >= 2)
    version = version.substr(1, version.size() - 2);
  if (!version.empty() && version != "*") expectation.version = version;
  return expectation;
}

Status WriteSaved(Context& context, std::string name, SavedQueries::Expectation expectation,
                  const Arguments& arguments) {
  SavedQuery query;
  query.name = std::move(name);
  query.query = arguments.Get("query");
  query.description = arguments.Get("description");
  if (query.query.empty()) return InvalidArgument("query: a LogsQL query is needed");
  NL_RETURN_IF_ERROR(context.api.engine().WriteStatus());
  NL_TRY(query, context.api.engine().saved_queries().Put(context.principal.log->id(),
                                                         std::move(query), expectation));
  Send(context, query.created_ns == query.updated_ns ? 201 : 200, query);
  return {};
}

}  // namespace

void HandleListSaved(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto queries, on.api.engine().saved_queries().List(on.principal.log->id()));
    std::string json = "{\"queries\":[";
    for (const SavedQuery& query : queries) json += (json.back() == '[' ? "" : ",") + Json(query);
    SendJson(on.responder, 200, json + "]}\n");
    return {};
  });
}

void HandleCreateSaved(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const Arguments arguments,
           Arguments::Read(on.request, {"name", "query", "description"}));
    return WriteSaved(on, arguments.Get("name"), {.is_new = true, .version = {}}, arguments);
  });
}

void HandleGetSaved(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const SavedQuery query,
           on.api.engine().saved_queries().Get(on.principal.log->id(), LastSegment(on.request)));
    Send(on, 200, query);
    return {};
  });
}

void HandlePutSaved(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const Arguments arguments, Arguments::Read(on.request, {"query", "description"}));
    return WriteSaved(on, LastSegment(on.request), ReadSavedExpectation(on.request), arguments);
  });
}

void HandleDeleteSaved(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().saved_queries().Delete(
        on.principal.log->id(), LastSegment(on.request), ReadSavedExpectation(on.request)));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
    return {};
  });
}

}  // namespace neurallog::api
