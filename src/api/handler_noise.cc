#include "api/handler_noise.h"

#include <array>

#include "actions/actions.h"
#include "api/admin_request.h"
#include "api/query_params.h"
#include "api/rule_json.h"

namespace neurallog::api {
namespace {

using actions::NoiseKind;
using actions::NoiseRule;

struct NoiseNames {
  std::string_view path;
  std::string_view list;
};

NoiseNames NamesOf(NoiseKind kind) {
  constexpr std::array<NoiseNames, actions::kNoiseKinds> kNames = {
      {{"/v1/silences/", "silences"},
       {"/v1/maintenance-windows/", "maintenance_windows"},
       {"/v1/inhibitions/", "inhibitions"},
       {"/v1/time-intervals/", "time_intervals"}}};
  return kNames[static_cast<size_t>(kind)];
}

actions::Actions& ActionsOf(const Context& context) { return context.api.engine().actions(); }

void SendNoise(const Context& context, int status, const NoiseRule& rule) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  if (status == 201)
    response.headers.emplace_back("Location", std::string(NamesOf(rule.kind).path).append(rule.id));
  response.body = rule.ToJson(context.api.engine().clock().WallNs()).append("\n");
  context.responder->Send(std::move(response));
}

// `id` empty: a new one.
Status WriteNoise(Context& on, NoiseKind kind, const std::string& id) {
  NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
  NL_TRY(const std::string body, ReadText(&on));
  const int64_t now_ns = on.api.engine().clock().WallNs();
  NL_TRY(NoiseRule rule, NoiseRule::Parse(kind, body, now_ns, id));
  actions::NoiseBook& book = ActionsOf(on).noise();
  const bool exists = !id.empty() && book.Get(TenantOf(on), kind, id).ok();
  NL_TRY(rule, book.Put(TenantOf(on), std::move(rule), id.empty()));
  SendNoise(on, exists ? 200 : 201, rule);
  return {};
}

Status ListNoise(Context& on, NoiseKind kind) {
  const std::string state(http::QueryParams(on.request.query()).Find("state").value_or(""));
  const auto rules = ActionsOf(on).noise().Of(TenantOf(on));
  const int64_t now_ns = on.api.engine().clock().WallNs();
  std::string json = "{\"";
  json.append(NamesOf(kind).list).append("\":[");
  if (rules)
    for (const auto& [id, rule] : rules->of(kind)) {
      if (!state.empty() && rule.StateName(now_ns) != state) continue;
      json.append(json.back() == '[' ? "" : ",").append(rule.ToJson(now_ns));
    }
  SendJson(on.responder, 200, json.append("]}\n"));
  return {};
}

}  // namespace

template <NoiseKind kKind>
void HandleListNoise(Context context) {
  OnWorker(std::move(context), [](Context& on) { return ListNoise(on, kKind); });
}

template <NoiseKind kKind>
void HandleCreateNoise(Context context) {
  OnWorker(std::move(context), [](Context& on) { return WriteNoise(on, kKind, ""); });
}

template <NoiseKind kKind>
void HandlePutNoise(Context context) {
  OnWorker(std::move(context), [](Context& on) { return WriteNoise(on, kKind, IdOf(on.request)); });
}

template <NoiseKind kKind>
void HandleGetNoise(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const NoiseRule rule, ActionsOf(on).noise().Get(TenantOf(on), kKind, IdOf(on.request)));
    SendNoise(on, 200, rule);
    return {};
  });
}

template <NoiseKind kKind>
void HandleDeleteNoise(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_RETURN_IF_ERROR(ActionsOf(on).RemoveNoise(TenantOf(on), kKind, IdOf(on.request)));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
    return {};
  });
}

#define NL_NOISE_HANDLERS(kind) \
  template void HandleListNoise<NoiseKind::kind>(Context); \
  template void HandleCreateNoise<NoiseKind::kind>(Context); \
  template void HandlePutNoise<NoiseKind::kind>(Context); \
  template void HandleGetNoise<NoiseKind::kind>(Context); \
  template void HandleDeleteNoise<NoiseKind::kind>(Context)
NL_NOISE_HANDLERS(kSilence);
NL_NOISE_HANDLERS(kMaintenance);
NL_NOISE_HANDLERS(kInhibition);
NL_NOISE_HANDLERS(kTimeInterval);
#undef NL_NOISE_HANDLERS

}  // namespace neurallog::api
