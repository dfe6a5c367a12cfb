// /v1/packs: rules that the operator keeps once, and tenants subscribe to.
#include "api/handler_packs.h"

#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"
#include "base/json_value.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

using detection::Pack;
using detection::Subscription;
using Subscriptions = std::map<std::string, Subscription>;

// Of the tenant whose key asks; an administrator has none.
Result<Subscriptions> SubscriptionsOf(const Context& on) {
  if (on.principal.log == nullptr) return Subscriptions();
  return DetectionOf(on).packs().SubscriptionsOf(on.principal.log->id());
}

// Without the closing brace.
std::string PackJson(const Pack& pack, const Subscriptions& subscriptions) {
  std::string json = "{\"name\":";
  base::AppendJsonString(&json, pack.name);
  AppendNumber(&json, "version", pack.version);
  AppendText(&json, "updated", base::FormatRfc3339(pack.updated_ns));
  AppendNumber(&json, "rules", pack.rules);
  const auto found = subscriptions.find(pack.name);
  json.append(",\"subscribed\":").append(found != subscriptions.end() ? "true" : "false");
  std::vector<std::string> disabled;
  if (found != subscriptions.end())
    for (const auto& [id, why] : found->second.off)
      if (why.empty()) disabled.push_back(id);
  AppendTexts(&json, "disabled", disabled);
  return json;
}

Status SendPack(const Context& on, const std::string& name) {
  NL_TRY(const Pack pack, DetectionOf(on).packs().Get(name));
  NL_TRY(const Subscriptions subscriptions, SubscriptionsOf(on));
  NL_TRY(const auto rules, DetectionOf(on).packs().Rules(name));
  std::string json = PackJson(pack, subscriptions) + ",\"list\":[";
  for (const auto& [id, rule] : rules) {
    const detection::ReadRule read = detection::ReadDocument(rule.document, {});
    json.append(json.back() == '[' ? "" : ",").append(RuleJson(rule, &read.info, Detail::kShort));
  }
  SendJson(on.responder, 200, json + "]}\n");
  return {};
}

// {"disabled":["id"]}, or nothing
Result<std::vector<std::string>> ReadDisabled(const http::Request& request) {
  std::vector<std::string> ids;
  if (request.body.view().empty()) return ids;
  NL_TRY(const base::JsonValue json, base::ParseJson(request.body.view()));
  NL_TRY(const base::JsonValue* array, json.Array("disabled"));
  for (const base::JsonValue& item : array->items()) {
    if (item.kind() != base::JsonValue::Kind::kString)
      return InvalidArgument("disabled: expected ids of rules");
    ids.push_back(item.text());
  }
  return ids;
}

}  // namespace

void HandleListPacks(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto packs, DetectionOf(on).packs().List());
    NL_TRY(const Subscriptions subscriptions, SubscriptionsOf(on));
    std::string json = "{\"packs\":[";
    for (const Pack& pack : packs)
      json.append(json.back() == '[' ? "" : ",").append(PackJson(pack, subscriptions)).append("}");
    SendJson(on.responder, 200, json + "]}\n");
    return {};
  });
}

void HandleGetPack(Context context) {
  OnWorker(std::move(context),
           [](Context& on) -> Status { return SendPack(on, IdOf(on.request)); });
}

void HandlePutPack(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const bool dry_run = ReadFlag(http::QueryParams(on.request.query()), "dry_run");
    if (!dry_run) NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_TRY(const auto documents, ReadDocuments(&on));
    NL_TRY(const auto report, DetectionOf(on).PutPack(IdOf(on.request), documents, dry_run));
    SendJson(on.responder, 200, ReportJson(report));
    return {};
  });
}

void HandleDeletePack(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    AnswerDone(on.responder)(DetectionOf(on).DeletePack(IdOf(on.request)));
    return {};
  });
}

void HandleSubscribe(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_TRY(auto disabled, ReadDisabled(on.request));
    DetectionOf(on).Subscribe(on.principal.log->id(), IdOf(on.request), std::move(disabled),
                              AnswerDone(on.responder));
    return {};
  });
}

void HandleUnsubscribe(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    DetectionOf(on).Unsubscribe(on.principal.log->id(), IdOf(on.request), AnswerDone(on.responder));
    return {};
  });
}

}  // namespace neurallog::api
