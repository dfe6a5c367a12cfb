// /v1/rules:validate, :import and :export: many rules in one text.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"

namespace neurallog::api {
namespace {

using detection::Detection;
using detection::RuleState;

std::string ImportedJson(const Detection::Imported& entry) {
  std::string json = "{\"id\":";
  base::AppendJsonString(&json, entry.info.id);
  AppendText(&json, "name", entry.info.name);
  AppendText(&json, "type", entry.info.type);
  if (!entry.file.empty()) AppendText(&json, "file", entry.file);
  AppendNumber(&json, "line", entry.line);
  AppendText(&json, "state", StateName(entry.info.state));
  if (!entry.info.reason.empty()) AppendText(&json, "reason", entry.info.reason);
  return json.append(",\"errors\":").append(ProblemsJson(entry.problems)).append("}");
}

Status Import(Context& on, bool dry_run) {
  NL_TRY(auto documents, ReadDocuments(&on));
  on.api.engine().detection().Import(
      on.principal.log->id(), std::move(documents), dry_run,
      [responder = on.responder](const Result<std::vector<Detection::Imported>>& report) {
        if (report.ok()) SendJson(responder, 200, ReportJson(*report));
        else SendStatus(responder, report.status());
      });
  return {};
}

}  // namespace

std::string ReportJson(const std::vector<Detection::Imported>& report) {
  uint64_t compiled = 0, needs_lists = 0, failed = 0;
  std::string rules = "[";
  for (const Detection::Imported& entry : report) {
    const RuleState state = entry.info.state;
    ++(state == RuleState::kFailed       ? failed
       : state == RuleState::kNeedsLists ? needs_lists
                                         : compiled);
    rules.append(rules.back() == '[' ? "" : ",").append(ImportedJson(entry));
  }
  std::string json = "{\"compiled\":" + std::to_string(compiled);
  AppendNumber(&json, "needs_lists", needs_lists);
  AppendNumber(&json, "failed", failed);
  return json.append(",\"rules\":").append(rules).append("]}\n");
}

Result<std::vector<detection::DocumentText>> ReadDocuments(Context* context) {
  NL_TRY(const std::string text, ReadText(context));
  std::vector<detection::DocumentText> documents;
  if (detection::IsTar(text)) {
    NL_TRY(documents, detection::SplitTar(text));
  } else {
    documents = detection::SplitDocuments(text);
  }
  if (documents.empty()) return InvalidArgument("the body holds no document");
  return documents;
}

void HandleValidateRules(Context context) {
  OnWorker(std::move(context), [](Context& on) { return Import(on, /*dry_run=*/true); });
}

// The format is seen from each document; ?format= only says what is not meant to come.
void HandleImportRules(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    const std::string_view format = params.Find("format").value_or("");
    if (!format.empty() && format != "sigma" && format != "native")
      return InvalidArgument("format=" + std::string(format.substr(0, 40)) +
                             ": expected sigma or native");
    const bool dry_run = ReadFlag(params, "dry_run");
    if (!dry_run) NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    return Import(on, dry_run);
  });
}

void HandleExportRules(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    http::Response response;
    response.content_type = "application/yaml";
    NL_TRY(const auto rules,
           on.api.engine().detection().List(on.principal.log->id(), "", SIZE_MAX));
    for (const detection::StoredRule& rule : rules) {
      response.body.append("---\n").append(rule.document);
      if (!response.body.ends_with('\n')) response.body.push_back('\n');
    }
    on.responder->Send(std::move(response));
    return {};
  });
}

}  // namespace neurallog::api
