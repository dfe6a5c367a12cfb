// /v1/lists: the values that stand for %name% in rules.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/rule_json.h"
#include "base/json_value.h"

namespace neurallog::api {
namespace {

using base::JsonValue;

std::string ListJson(const std::string& name, const std::vector<std::string>& values) {
  std::string json = "{\"name\":";
  base::AppendJsonString(&json, name);
  AppendTexts(&json, "values", values);
  return json.append("}");
}

// {"values":["a","b"]}
Result<std::vector<std::string>> ReadValues(std::string_view body) {
  NL_TRY(const JsonValue json, base::ParseJson(body));
  NL_TRY(const JsonValue* array, json.Array("values"));
  std::vector<std::string> values;
  for (const JsonValue& item : array->items()) {
    const bool is_text =
        item.kind() == JsonValue::Kind::kString || item.kind() == JsonValue::Kind::kNumber;
    if (!is_text) return InvalidArgument("values: expected texts or numbers");
    values.push_back(item.text());
  }
  return values;
}

}  // namespace

void HandleListLists(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto lists, on.api.engine().detection().Lists(on.principal.log->id()));
    std::string json = "{\"lists\":[";
    for (const auto& [name, values] : lists) {
      json.append(json.back() == '[' ? "{\"name\":" : ",{\"name\":");
      base::AppendJsonString(&json, name);
      AppendNumber(&json, "values", values.size());
      json.push_back('}');
    }
    SendJson(on.responder, 200, json + "]}\n");
    return {};
  });
}

void HandleGetList(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto lists, on.api.engine().detection().Lists(on.principal.log->id()));
    const auto found = lists.find(IdOf(on.request));
    if (found == lists.end()) return NotFound("list \"" + IdOf(on.request) + "\" does not exist");
    SendJson(on.responder, 200, ListJson(found->first, found->second) + "\n");
    return {};
  });
}

void HandlePutList(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_TRY(const std::string body, ReadText(&on));
    NL_TRY(auto values, ReadValues(body));
    std::string answer = ListJson(IdOf(on.request), values) + "\n";
    on.api.engine().detection().PutList(
        on.principal.log->id(), IdOf(on.request), std::move(values),
        [responder = on.responder, answer = std::move(answer)](const Status& status) {
          if (status.ok()) SendJson(responder, 200, answer);
          else SendStatus(responder, status);
        });
    return {};
  });
}

void HandleDeleteList(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    on.api.engine().detection().DeleteList(on.principal.log->id(), IdOf(on.request),
                                           AnswerDone(on.responder));
    return {};
  });
}

}  // namespace neurallog::api
