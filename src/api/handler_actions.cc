// /v1/actions: who is told of what rules find, and how. An ETag is an action's version.
#include "actions/notice.h"
#include "api/action_json.h"
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"
#include "base/json_value.h"

namespace neurallog::api {
namespace {

using actions::ActionBook;
using actions::ActionDraft;
using actions::StoredAction;

constexpr uint64_t kActionsDefault = 100;
constexpr uint64_t kActionsMax = 1'000;

ActionBook& BookOf(const Context& context) { return context.api.engine().actions().book(); }

ActionBook::Expectation ActionExpectation(const http::Request& request) {
  const VersionTag tag = ReadVersionTag(request);
  return {tag.is_new, tag.version};
}

Status SendAction(const Context& context, int status, const StoredAction& action) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.headers.emplace_back("ETag", "\"" + std::to_string(action.version) + "\"");
  if (status == 201) response.headers.emplace_back("Location", "/v1/actions/" + action.id);
  NL_TRY(response.body, ActionJson(context, action));
  response.body.push_back('\n');
  context.responder->Send(std::move(response));
  return {};
}

Status WriteAction(Context& context, std::string id, const ActionBook::Expectation& expectation) {
  NL_RETURN_IF_ERROR(context.api.engine().ReadyStatus());
  NL_TRY(const std::string body, ReadText(&context));
  NL_TRY(ActionDraft draft, ActionDraft::Parse(body));
  if (!id.empty()) draft.id = std::move(id);
  NL_TRY(const StoredAction action,
         BookOf(context).Put(TenantOf(context), std::move(draft), expectation));
  return SendAction(context, action.version == 1 ? 201 : 200, action);
}

void SetActionEnabled(Context context, std::string_view verb, bool enabled) {
  OnWorker(std::move(context), [verb, enabled](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_TRY(const StoredAction action,
           BookOf(on).SetEnabled(TenantOf(on), IdOf(on.request, verb), enabled,
                                 ActionExpectation(on.request)));
    return SendAction(on, 200, action);
  });
}

// The action at work, which must be one that can tell somebody.
Result<std::shared_ptr<const actions::Action>> FindUsable(const Context& context,
                                                          const std::string& id) {
  NL_RETURN_IF_ERROR(BookOf(context).Get(TenantOf(context), id).status());
  auto action = BookOf(context).Find(TenantOf(context), id);
  if (!action || action->sink == nullptr)
    return Conflict("action \"" + id + "\" cannot be used" +
                    (action ? ": " + action->problem : std::string()));
  return action;
}

// {"notice":{...}}, or nothing: a sample.
Result<std::string> ReadNotice(const Context& on) {
  if (!on.request.body.view().empty()) {
    NL_TRY(const base::JsonValue json, base::ParseJson(on.request.body.view()));
    if (const base::JsonValue* const notice = json.Find("notice")) return base::ToJson(*notice);
  }
  return actions::SampleNotice(on.principal.log->name(), on.api.engine().clock().WallNs());
}

Status SendPreview(const Context& on, const actions::Action& action) {
  NL_TRY(const std::string notice, ReadNotice(on));
  NL_TRY(const std::string text, action.sink->Preview(notice));
  std::string json = "{\"endpoint\":";
  base::AppendJsonString(&json, action.endpoint);
  AppendText(&json, "preview", text);
  SendJson(on.responder, 200, json + "}\n");
  return {};
}

void SendOutcome(const http::ResponderPtr& responder, const actions::Outcome& outcome,
                 int64_t took_ns) {
  const bool is_delivered = outcome.kind == actions::Outcome::Kind::kDelivered;
  std::string json = "{\"delivered\":";
  json.append(is_delivered ? "true" : "false");
  AppendText(&json, "outcome", KindName(outcome.kind));
  if (outcome.status != 0) AppendNumber(&json, "status", static_cast<uint64_t>(outcome.status));
  if (!outcome.error.empty()) AppendText(&json, "error", outcome.error);
  if (!outcome.answer.empty()) AppendText(&json, "answer", outcome.answer);
  AppendNumber(&json, "took_ms", static_cast<uint64_t>(took_ns / base::kNsPerMs));
  SendJson(responder, 200, json.append("}\n"));
}

}  // namespace

void HandleListActions(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    NL_TRY(uint64_t limit, ReadCount(params, "limit", kActionsDefault));
    limit = std::min(limit, kActionsMax);
    NL_TRY(const auto actions,
           BookOf(on).List(TenantOf(on), params.Find("after").value_or(""), limit));
    std::string json = "{\"actions\":[";
    for (const StoredAction& action : actions) {
      NL_TRY(const std::string shown, ActionJson(on, action));
      json.append(json.back() == '[' ? "" : ",").append(shown);
    }
    json.push_back(']');
    if (actions.size() == limit && limit > 0) AppendText(&json, "next", actions.back().id);
    SendJson(on.responder, 200, json + "}\n");
    return {};
  });
}

void HandleCreateAction(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    return WriteAction(on, "", {.is_new = true, .version = {}});
  });
}

void HandlePutAction(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    return WriteAction(on, IdOf(on.request), ActionExpectation(on.request));
  });
}

void HandleGetAction(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const StoredAction action, BookOf(on).Get(TenantOf(on), IdOf(on.request)));
    return SendAction(on, 200, action);
  });
}

void HandleDeleteAction(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_RETURN_IF_ERROR(
        BookOf(on).Delete(TenantOf(on), IdOf(on.request), ActionExpectation(on.request)));
    http::Response response;
    response.status = 204;
    on.responder->Send(std::move(response));
    return {};
  });
}

void HandleEnableAction(Context context) { SetActionEnabled(std::move(context), ":enable", true); }
void HandleDisableAction(Context context) {
  SetActionEnabled(std::move(context), ":disable", false);
}

// {"member":"secret","secret":"..."}
void HandleRotateSecret(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_TRY(const Arguments arguments, Arguments::Read(on.request, {"member", "secret"}));
    const std::string member = arguments.Get("member");
    NL_TRY(const StoredAction action,
           BookOf(on).RotateSecret(TenantOf(on), IdOf(on.request, ":rotate-secret"),
                                   member.empty() ? "secret" : member, arguments.Get("secret"),
                                   ActionExpectation(on.request)));
    return SendAction(on, 200, action);
  });
}

// Answers when the attempt has ended.
void HandleTestAction(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(auto action, FindUsable(on, IdOf(on.request, ":test")));
    NL_TRY(const std::string notice, ReadNotice(on));
    const base::Clock& clock = on.api.engine().clock();
    actions::Actions::Test(std::move(action), notice, clock.WallNs(),
                           [responder = on.responder, begin_ns = clock.MonotonicNs(),
                            &clock](const actions::Outcome& outcome) {
                             SendOutcome(responder, outcome, clock.MonotonicNs() - begin_ns);
                           });
    return {};
  });
}

void HandlePreviewAction(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto action, FindUsable(on, IdOf(on.request, ":preview")));
    return SendPreview(on, *action);
  });
}

// {"action":{...},"notice":{...}}
void HandlePreviewDraft(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const base::JsonValue json, base::ParseJson(on.request.body.view()));
    const base::JsonValue* const written = json.Find("action");
    if (written == nullptr) return InvalidArgument("action is missing");
    NL_TRY(ActionDraft draft, ActionDraft::Parse(base::ToJson(*written)));
    NL_TRY(const auto action, BookOf(on).Compile(TenantOf(on), std::move(draft)));
    return SendPreview(on, *action);
  });
}

}  // namespace neurallog::api
