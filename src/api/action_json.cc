#include "api/action_json.h"

#include <fmt/format.h>

#include "api/json_members.h"
#include "base/quantity.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

using actions::DeadReason;
using actions::Delivery;
using actions::DeliveryIdText;
using actions::DeliveryState;

void AppendTimeUnless0(std::string* json, std::string_view name, int64_t time_ns) {
  if (time_ns != 0) AppendText(json, name, base::FormatRfc3339(time_ns));
}

void AppendPace(const actions::Pace& pace, std::string* json) {
  if (pace.per_second > 0 || pace.burst > 0) {
    json->append(",\"rate_limit\":{");
    if (pace.per_second > 0) json->append(fmt::format("\"per_second\":{}", pace.per_second));
    if (pace.burst > 0)
      json->append(fmt::format("{}\"burst\":{}", pace.per_second > 0 ? "," : "", pace.burst));
    json->push_back('}');
  }
  json->append(fmt::format(",\"breaker\":{{\"failures\":{},\"open_for\":\"{}\"}}",
                           pace.breaker_failures, base::FormatDuration(pace.breaker_open_ns)));
  AppendNumber(json, "concurrency", pace.concurrency);
}

Result<DeliveryState> ReadDeliveryState(std::string_view text) {
  for (size_t state = 0; state < actions::kDeliveryStates; ++state)
    if (text == StateName(static_cast<DeliveryState>(state)))
      return static_cast<DeliveryState>(state);
  if (text == "ok") return DeliveryState::kDelivered;
  return InvalidArgument("state=" + std::string(text.substr(0, 40)) +
                         ": expected pending, retrying, delivered or dead");
}

Result<DeadReason> ReadReason(std::string_view text) {
  std::string known;
  for (size_t reason = 1; reason < actions::kDeadReasons; ++reason) {
    const std::string_view name = ReasonName(static_cast<DeadReason>(reason));
    if (text == name) return static_cast<DeadReason>(reason);
    known.append(known.empty() ? "" : ", ").append(name);
  }
  return InvalidArgument("reason=" + std::string(text.substr(0, 40)) + ": expected one of " +
                         known);
}

Result<int64_t> ReadTimeOf(std::string_view name, std::string_view text, int64_t now_ns) {
  if (const auto time_ns = base::ParseTimestamp(text)) return *time_ns;
  if (const auto ago_ns = base::ParseDuration(text)) return now_ns - *ago_ns;
  return InvalidArgument(
      fmt::format("{}={}: expected a time like 2025-06-01T12:00:00Z, an epoch number or 3h", name,
                  text.substr(0, 40)));
}

}  // namespace

Result<std::string> ActionJson(const Context& context, const actions::StoredAction& action) {
  const actions::ActionBook& book = context.api.engine().actions().book();
  const TenantId tenant = context.principal.log->id();
  NL_TRY(const std::string config, book.ShownConfig(tenant, action));
  const auto at_work = book.Find(tenant, action.id);
  const bool is_usable = at_work && at_work->sink != nullptr;
  std::string json = "{\"id\":";
  base::AppendJsonString(&json, action.id);
  AppendText(&json, "name", action.settings.name);
  AppendText(&json, "type", action.settings.type);
  json.append(",\"config\":").append(config);
  json.append(",\"retry\":").append(action.settings.retry.ToJson());
  AppendPace(action.settings.pace, &json);
  AppendText(&json, "ordering", action.settings.is_ordered ? "per_group" : "none");
  const std::string quiet = action.settings.quiet.ToJson();
  if (quiet.size() > 2) json.append(",").append(quiet, 1, quiet.size() - 2);
  json.append(",\"enabled\":").append(action.settings.enabled ? "true" : "false");
  AppendText(&json, "state",
             !action.settings.enabled ? "disabled"
             : is_usable              ? "ready"
                                      : "failed");
  if (!action.disabled_reason.empty()) AppendText(&json, "reason", action.disabled_reason);
  else if (at_work && !is_usable) AppendText(&json, "reason", at_work->problem);
  AppendNumber(&json, "version", action.version);
  AppendText(&json, "created", base::FormatRfc3339(action.created_ns));
  AppendText(&json, "updated", base::FormatRfc3339(action.updated_ns));
  return json.append("}");
}

std::string DeliveryJson(const Delivery& delivery) {
  std::string json = "{\"id\":\"" + DeliveryIdText(delivery.id) + "\"";
  AppendText(&json, "state", StateName(delivery.state));
  if (delivery.reason != DeadReason::kNone)
    AppendText(&json, "reason", ReasonName(delivery.reason));
  AppendText(&json, "action", delivery.action_id);
  AppendText(&json, "rule", delivery.rule_id);
  AppendText(&json, "event", delivery.event);
  if (!delivery.source.empty())
    AppendText(&json,
               delivery.is_of_group()   ? "group_id"
               : delivery.has_dedup_key ? "alert_id"
                                        : "match_id",
               delivery.source);
  AppendText(&json, "created", base::FormatRfc3339(delivery.id.time_ns));
  if (delivery.is_waiting()) AppendTimeUnless0(&json, "due", delivery.due_ns);
  AppendTimeUnless0(&json, "ended", delivery.ended_ns);
  AppendNumber(&json, "attempts", delivery.number);
  if (!delivery.attempts.empty()) {
    const actions::AttemptRecord& last = delivery.attempts.back();
    if (last.status != 0) AppendNumber(&json, "status", static_cast<uint64_t>(last.status));
    if (!last.error.empty()) AppendText(&json, "error", last.error);
  }
  return json.append("}");
}

std::string AttemptsJson(const Delivery& delivery) {
  std::string json = "[";
  for (const actions::AttemptRecord& attempt : delivery.attempts) {
    json.append(json.back() == '[' ? "{\"time\":\"" : ",{\"time\":\"");
    json.append(base::FormatRfc3339(attempt.begin_ns));
    json.append(fmt::format("\",\"took_ms\":{:.3f}", static_cast<double>(attempt.took_ns) * 1e-6));
    AppendText(&json, "outcome", KindName(attempt.kind));
    if (attempt.status != 0) AppendNumber(&json, "status", static_cast<uint64_t>(attempt.status));
    if (!attempt.error.empty()) AppendText(&json, "error", attempt.error);
    if (!attempt.answer.empty()) AppendText(&json, "answer", attempt.answer);
    json.push_back('}');
  }
  return json.append("]");
}

Result<actions::DeliveryId> ReadDeliveryId(std::string_view name, std::string_view text) {
  if (const auto id = actions::ParseDeliveryId(text)) return *id;
  return InvalidArgument(
      fmt::format("{} {}: expected msg_ and 32 hexadecimal digits", name, text.substr(0, 40)));
}

Result<actions::DeliveryQuery> ReadDeliveryQuery(const FindText& find, int64_t now_ns) {
  actions::DeliveryQuery query;
  query.action_id = find("action");
  query.rule_id = find("rule");
  if (const std::string text = find("state"); !text.empty()) {
    NL_TRY(query.state, ReadDeliveryState(text));
  }
  if (const std::string text = find("reason"); !text.empty()) {
    NL_TRY(query.reason, ReadReason(text));
  }
  if (const std::string text = find("since"); !text.empty()) {
    NL_TRY(query.since_ns, ReadTimeOf("since", text, now_ns));
  }
  if (const std::string text = find("until"); !text.empty()) {
    NL_TRY(query.until_ns, ReadTimeOf("until", text, now_ns));
  }
  if (const std::string text = find("cursor"); !text.empty()) {
    NL_TRY(query.after, ReadDeliveryId("cursor", text));
  }
  return query;
}

}  // namespace neurallog::api
