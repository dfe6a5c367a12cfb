// /v1/rules: the rules of a tenant, one at a time. An ETag is a rule's version; If-Match and If-None-Match guard changes.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"
#include "base/json_value.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

using detection::Detection;
using detection::RuleInfo;
using detection::StoredRule;

constexpr size_t kRulesDefault = 100;
constexpr size_t kRulesMax = 1'000;

Detection::Expectation ExpectationOf(const http::Request& request) {
  const VersionTag tag = ReadVersionTag(request);
  return {tag.is_new, tag.version};
}

// Whom the rules belong to, and who wants to know.
struct Asker {
  explicit Asker(const Context& context)
      : detection(&DetectionOf(context)), tenant(TenantOf(context)), responder(context.responder) {}

  Detection* detection;
  TenantId tenant;
  http::ResponderPtr responder;
};

Status Send(const Asker& asker, int status, const StoredRule& rule) {
  NL_TRY(const auto compiled, asker.detection->Compiled(asker.tenant));
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.headers.emplace_back("ETag", "\"" + std::to_string(rule.version) + "\"");
  if (status == 201) response.headers.emplace_back("Location", "/v1/rules/" + rule.id);
  response.body = RuleJson(rule, compiled->Find(rule.id), Detail::kWithDocument) + "\n";
  asker.responder->Send(std::move(response));
  return {};
}

// Answers with what became of a change.
Detection::Done<StoredRule> AnswerWithRule(const Context& context, int status_of_new) {
  return [asker = Asker(context), status_of_new](const Result<StoredRule>& rule) {
    Status status = rule.status();
    if (status.ok()) status = Send(asker, rule->version == 1 ? status_of_new : 200, *rule);
    if (!status.ok()) SendStatus(asker.responder, status);
  };
}

Status Write(Context& context, std::string id, const Detection::Expectation& expectation) {
  NL_RETURN_IF_ERROR(context.api.engine().ReadyStatus());
  Detection& detection = DetectionOf(context);
  NL_TRY(std::string document, ReadText(&context));
  NL_TRY(const rules::Lists lists, detection.Lists(TenantOf(context)));
  const detection::ReadRule read = detection::ReadDocument(document, lists);
  if (!read.parsed.problems.empty())
    return SendProblems(context.responder, read.parsed.problems), Status();
  detection.Put(TenantOf(context), {std::move(id), std::move(document), {}}, expectation,
                AnswerWithRule(context, /*status_of_new=*/201));
  return {};
}

void SetEnabled(Context context, std::string_view verb, bool enabled) {
  OnWorker(std::move(context), [verb, enabled](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    const auto expectation = ExpectationOf(on.request);
    DetectionOf(on).SetEnabled(TenantOf(on), IdOf(on.request, verb), enabled, expectation,
                               AnswerWithRule(on, /*status_of_new=*/200));
    return {};
  });
}

}  // namespace

void HandleListRules(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    NL_TRY(uint64_t limit, ReadCount(params, "limit", kRulesDefault));
    limit = std::min<uint64_t>(limit, kRulesMax);
    NL_TRY(const auto rules,
           DetectionOf(on).List(TenantOf(on), params.Find("after").value_or(""), limit));
    NL_TRY(const auto compiled, DetectionOf(on).Compiled(TenantOf(on)));
    std::string json = "{\"rules\":[";
    for (const StoredRule& rule : rules)
      json.append(json.back() == '[' ? "" : ",")
          .append(RuleJson(rule, compiled->Find(rule.id), Detail::kShort));
    json.push_back(']');
    if (rules.size() == limit && limit > 0) AppendText(&json, "next", rules.back().id);
    SendJson(on.responder, 200, json + "}\n");
    return {};
  });
}

void HandleCreateRule(Context context) {
  OnWorker(std::move(context),
           [](Context& on) -> Status { return Write(on, "", {.is_new = true, .version = {}}); });
}

void HandlePutRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const auto expectation = ExpectationOf(on.request);
    return Write(on, IdOf(on.request), expectation);
  });
}

void HandleGetRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const StoredRule rule, DetectionOf(on).Get(TenantOf(on), IdOf(on.request)));
    return Send(Asker(on), 200, rule);
  });
}

// {"enabled":true}
void HandlePatchRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const base::JsonValue json, base::ParseJson(on.request.body.view()));
    const base::JsonValue* const enabled = json.Find("enabled");
    if (json.names().size() != 1 || enabled == nullptr ||
        enabled->kind() != base::JsonValue::Kind::kBool)
      return InvalidArgument("expected {\"enabled\":true} or false");
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    const auto expectation = ExpectationOf(on.request);
    DetectionOf(on).SetEnabled(TenantOf(on), IdOf(on.request), enabled->text() == "true",
                               expectation, AnswerWithRule(on, /*status_of_new=*/200));
    return {};
  });
}

void HandleEnableRule(Context context) { SetEnabled(std::move(context), ":enable", true); }
void HandleDisableRule(Context context) { SetEnabled(std::move(context), ":disable", false); }

void HandleDeleteRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    const auto expectation = ExpectationOf(on.request);
    DetectionOf(on).Delete(TenantOf(on), IdOf(on.request), expectation, AnswerDone(on.responder));
    return {};
  });
}

void HandleRuleVersions(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto versions, DetectionOf(on).Versions(TenantOf(on), IdOf(on.request)));
    std::string json = "{\"versions\":[";
    for (const StoredRule& rule : versions) {
      json.append(json.back() == '[' ? "{\"version\":" : ",{\"version\":");
      json.append(std::to_string(rule.version));
      json.append(",\"enabled\":").append(rule.enabled ? "true" : "false");
      AppendText(&json, "updated", base::FormatRfc3339(rule.updated_ns));
      AppendText(&json, "document", rule.document);
      json.push_back('}');
    }
    SendJson(on.responder, 200, json + "]}\n");
    return {};
  });
}

void HandleRuleMetrics(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const std::string id = IdOf(on.request);
    NL_RETURN_IF_ERROR(DetectionOf(on).Get(TenantOf(on), id).status());
    NL_TRY(auto counts, DetectionOf(on).Counts(TenantOf(on)));
    const detection::RuleCounts& of = counts[id];
    std::string json = "{\"evaluated\":" + std::to_string(of.evaluated);
    AppendNumber(&json, "matched", of.matched);
    AppendNumber(&json, "suppressed", of.state.suppressed);
    AppendNumber(&json, "ns_per_record", of.timed_rows == 0 ? 0 : of.timed_ns / of.timed_rows);
    AppendNumber(&json, "groups", of.state.groups);
    AppendNumber(&json, "groups_evicted", of.state.evicted);
    AppendNumber(&json, "late", of.state.late);
    json.append(",\"last_match\":");
    if (of.last_match_ns == 0) json.append("null");
    else base::AppendJsonString(&json, base::FormatRfc3339(of.last_match_ns));
    SendJson(on.responder, 200, json + "}\n");
    return {};
  });
}

}  // namespace neurallog::api
