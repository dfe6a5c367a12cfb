// /v1/lookups: tables that say more about the values of matches.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/rule_json.h"

namespace neurallog::api {

void HandleListLookups(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    std::string json = "{\"lookups\":[";
    for (const auto& [name, values] : DetectionOf(on).lookups().List(TenantOf(on))) {
      json.append(json.back() == '[' ? "{\"name\":" : ",{\"name\":");
      base::AppendJsonString(&json, name);
      AppendNumber(&json, "values", values);
      json.push_back('}');
    }
    SendJson(on.responder, 200, json + "]}\n");
    return {};
  });
}

void HandleGetLookup(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const std::string document,
           DetectionOf(on).lookups().Get(TenantOf(on), IdOf(on.request)));
    SendJson(on.responder, 200, document + "\n");
    return {};
  });
}

void HandlePutLookup(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_TRY(const std::string body, ReadText(&on));
    NL_TRY(const size_t values,
           DetectionOf(on).lookups().Put(TenantOf(on), IdOf(on.request), body));
    std::string json = "{\"name\":";
    base::AppendJsonString(&json, IdOf(on.request));
    AppendNumber(&json, "values", values);
    SendJson(on.responder, 200, json + "}\n");
    return {};
  });
}

void HandleDeleteLookup(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_RETURN_IF_ERROR(DetectionOf(on).lookups().Delete(TenantOf(on), IdOf(on.request)));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
    return {};
  });
}

}  // namespace neurallog::api
