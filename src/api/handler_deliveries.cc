// /v1/deliveries and /v1/dead-letters: what became of what rules found.
#include "api/action_json.h"
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"

namespace neurallog::api {
namespace {

using actions::Delivery;
using actions::DeliveryId;
using actions::DeliveryIdText;
using actions::DeliveryQuery;

constexpr uint64_t kDeliveriesDefault = 100;
constexpr uint64_t kDeliveriesMax = 1'000;

actions::Actions& ActionsOf(const Context& context) { return context.api.engine().actions(); }

Result<DeliveryQuery> ReadPage(const Context& on) {
  const http::QueryParams params(on.request.query());
  NL_TRY(DeliveryQuery query,
         ReadDeliveryQuery(
             [&](std::string_view name) { return std::string(params.Find(name).value_or("")); },
             on.api.engine().clock().WallNs()));
  NL_TRY(const uint64_t limit, ReadCount(params, "limit", kDeliveriesDefault));
  query.limit = std::clamp<uint64_t>(limit, 1, kDeliveriesMax);
  return query;
}

// The filter as a JSON object; an empty one means all.
Result<DeliveryQuery> ReadFilter(const Context& on) {
  NL_TRY(const Arguments arguments,
         Arguments::Read(on.request, {"action", "rule", "reason", "since", "until"}));
  NL_TRY(DeliveryQuery query,
         ReadDeliveryQuery([&](std::string_view name) { return arguments.Get(name); },
                           on.api.engine().clock().WallNs()));
  query.limit = actions::Dispatcher::kReplayedMax;
  return query;
}

// new_id=true: they are other deliveries to their receivers.
actions::Dispatcher::ReplayAs ReadReplayAs(const Context& on) {
  const bool is_new = ReadFlag(http::QueryParams(on.request.query()), "new_id");
  return is_new ? actions::Dispatcher::ReplayAs::kNew : actions::Dispatcher::ReplayAs::kSame;
}

std::string PageJson(std::string_view name, const std::vector<Delivery>& deliveries,
                     const std::optional<DeliveryId>& next) {
  std::string json = "{\"";
  json.append(name).append("\":[");
  for (const Delivery& delivery : deliveries)
    json.append(json.back() == '[' ? "" : ",").append(DeliveryJson(delivery));
  json.push_back(']');
  if (next) AppendText(&json, "cursor", DeliveryIdText(*next));
  return json.append("}\n");
}

// With what it says and all attempts that are kept.
std::string WholeJson(const Delivery& delivery, std::string_view notice) {
  std::string json = DeliveryJson(delivery);
  json.pop_back();
  json.append(",\"history\":").append(AttemptsJson(delivery));
  if (!notice.empty()) json.append(",\"notice\":").append(notice);
  return json.append("}\n");
}

// Works through all that are meant, a bounded number at a time.
template <typename Work>
Result<uint64_t> WorkThrough(DeliveryQuery query, const Work& work) {
  uint64_t done = 0;
  do {
    std::optional<DeliveryId> next;
    NL_TRY(const size_t some, work(query, &next));
    done += some;
    query.after = next;
  } while (query.after);
  return done;
}

}  // namespace

void HandleListDeliveries(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryQuery query, ReadPage(on));
    std::optional<DeliveryId> next;
    NL_TRY(const auto found, ActionsOf(on).deliveries().List(TenantOf(on), query, &next));
    SendJson(on.responder, 200, PageJson("deliveries", found, next));
    return {};
  });
}

void HandleGetDelivery(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryId id, ReadDeliveryId("delivery", IdOf(on.request)));
    NL_TRY(const Delivery delivery, ActionsOf(on).deliveries().Get(TenantOf(on), id));
    const auto notice = ActionsOf(on).deliveries().Notice(TenantOf(on), id);
    SendJson(on.responder, 200,
             WholeJson(delivery, notice.ok() ? std::string_view(*notice) : std::string_view()));
    return {};
  });
}

void HandleDeliveryAttempts(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryId id, ReadDeliveryId("delivery", IdOf(on.request)));
    NL_TRY(const Delivery delivery, ActionsOf(on).deliveries().Get(TenantOf(on), id));
    SendJson(on.responder, 200, "{\"attempts\":" + AttemptsJson(delivery) + "}\n");
    return {};
  });
}

void HandleListDeadLetters(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryQuery query, ReadPage(on));
    std::optional<DeliveryId> next;
    NL_TRY(const auto found, ActionsOf(on).deliveries().Letters(TenantOf(on), query, &next));
    SendJson(on.responder, 200, PageJson("dead_letters", found, next));
    return {};
  });
}

void HandleGetDeadLetter(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryId id, ReadDeliveryId("dead letter", IdOf(on.request)));
    NL_TRY(const auto letter, ActionsOf(on).deliveries().Letter(TenantOf(on), id));
    SendJson(on.responder, 200, WholeJson(letter.delivery, letter.notice));
    return {};
  });
}

void HandleReplayDeadLetter(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryId id, ReadDeliveryId("dead letter", IdOf(on.request, ":replay")));
    NL_RETURN_IF_ERROR(ActionsOf(on).dispatcher().ReplayOne(TenantOf(on), id, ReadReplayAs(on)));
    SendJson(on.responder, 200, "{\"replayed\":1}\n");
    return {};
  });
}

void HandleReplayDeadLetters(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryQuery query, ReadFilter(on));
    const auto as = ReadReplayAs(on);
    NL_TRY(const uint64_t replayed, WorkThrough(query, [&](const auto& part, auto* next) {
             return ActionsOf(on).dispatcher().Replay(TenantOf(on), part, as, next);
           }));
    SendJson(on.responder, 200, "{\"replayed\":" + std::to_string(replayed) + "}\n");
    return {};
  });
}

void HandleDeleteDeadLetter(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryId id, ReadDeliveryId("dead letter", IdOf(on.request)));
    NL_RETURN_IF_ERROR(ActionsOf(on).dispatcher().RemoveLetter(TenantOf(on), id));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
    return {};
  });
}

void HandleDeleteDeadLetters(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const DeliveryQuery query, ReadFilter(on));
    NL_TRY(const uint64_t deleted, WorkThrough(query, [&](const auto& part, auto* next) {
             return ActionsOf(on).dispatcher().RemoveLetters(TenantOf(on), part, next);
           }));
    SendJson(on.responder, 200, "{\"deleted\":" + std::to_string(deleted) + "}\n");
    return {};
  });
}

}  // namespace neurallog::api
