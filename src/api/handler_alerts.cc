// /v1/alerts: what rules found as long as it lasts, and who looks after it.
#include "actions/actions.h"
#include "actions/inhibitor.h"
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"
#include "base/time_format.h"
#include "detection/hex.h"

namespace neurallog::api {
namespace {

using detection::Alert;
using detection::AlertNote;
using detection::AlertOrder;
using detection::AlertState;
using detection::MatchId;

constexpr uint64_t kAlertsDefault = 100;
constexpr uint64_t kAlertsMax = 1'000;
constexpr size_t kNoteBytesMax = 1'024;

// "firing,acknowledged"
Result<detection::AlertStates> ReadStates(std::string_view text) {
  detection::AlertStates states;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    size_t state = 0;
    while (state < states.size() && word != StateName(static_cast<AlertState>(state))) ++state;
    if (state == states.size())
      return InvalidArgument("state=" + std::string(word.substr(0, 40)) +
                             ": expected pending, firing, acknowledged or resolved");
    states.set(state);
  }
  return states;
}

Result<detection::AlertQuery> ReadAlertQuery(const http::QueryParams& params, int64_t now_ns) {
  detection::AlertQuery query;
  query.rule_id = params.Find("rule").value_or("");
  if (const auto text = params.Find("state"); text && !text->empty()) {
    NL_TRY(query.states, ReadStates(*text));
  }
  if (const auto text = params.Find("severity"); text && !text->empty()) {
    NL_TRY(query.severity_min, ReadSeverity(*text));
  }
  NL_TRY(const auto since, FindTime(params, "since", now_ns));
  if (since) query.since_ns = since->start_ns;
  if (const auto text = params.Find("cursor"); text && !text->empty()) {
    NL_TRY(query.after, ReadMatchId("cursor", *text));
  }
  NL_TRY(const uint64_t limit, ReadCount(params, "limit", kAlertsDefault));
  query.limit = std::clamp<uint64_t>(limit, 1, kAlertsMax);
  return query;
}

void AppendTime(std::string* json, std::string_view name, int64_t time_ns) {
  if (time_ns != 0) AppendText(json, name, base::FormatRfc3339(time_ns));
}

void AppendNote(std::string* json, std::string_view name, const std::optional<AlertNote>& note) {
  if (!note) return;
  json->append(",\"").append(name).append("\":{\"at\":\"");
  json->append(base::FormatRfc3339(note->at_ns)).append("\"");
  AppendText(json, "by", note->by);
  AppendText(json, "note", note->text);
  json->push_back('}');
}

// Says why nobody is told of alerts now.
class Mutes {
 public:
  explicit Mutes(const Context& on) : now_ns_(on.api.engine().clock().WallNs()) {
    const actions::Actions& actions = on.api.engine().actions();
    rules_ = actions.noise().Of(TenantOf(on));
    if (!rules_) return;
    inhibitor_.emplace(*rules_, [&on](const auto& visit) {
      detection::AlertQuery firing;
      firing.states.reset();
      for (const AlertState state : {AlertState::kFiring, AlertState::kAcknowledged})
        firing.states.set(static_cast<size_t>(state));
      firing.limit = SIZE_MAX;
      std::optional<detection::AlertId> next;
      if (const auto alerts = DetectionOf(on).alerts().List(TenantOf(on), firing, &next);
          alerts.ok())
        for (const Alert& alert : *alerts) visit(alert);
    });
  }

  std::vector<std::string> Of(const Alert& alert) const {
    if (!rules_ || alert.state == AlertState::kResolved) return {};
    const actions::Labels labels = actions::LabelsOf(alert);
    std::vector<std::string> muted_by = rules_->MutedBy(labels, now_ns_);
    for (std::string& by : inhibitor_->InhibitedBy(labels)) muted_by.push_back(std::move(by));
    return muted_by;
  }

 private:
  const int64_t now_ns_;
  std::shared_ptr<const actions::NoiseRules> rules_;
  std::optional<actions::Inhibitor> inhibitor_;
};

// Without the last brace.
std::string AlertJson(const Mutes& mutes, const Alert& alert) {
  std::string json = "{\"alert_id\":\"" + ToString(alert.id) + "\"";
  AppendText(&json, "fingerprint", detection::Hex64(alert.fingerprint));
  AppendText(&json, "state", StateName(alert.state));
  AppendText(&json, "rule_id", alert.rule_id);
  AppendText(&json, "rule", alert.rule);
  AppendNumber(&json, "version", alert.rule_version);
  AppendText(&json, "severity", SeverityName(alert.severity));
  AppendTextMap(&json, "labels", alert.labels);
  AppendTextMap(&json, "group", alert.group);
  AppendText(&json, "start", base::FormatRfc3339(alert.start_ns));
  AppendTime(&json, "fired", alert.fired_ns);
  AppendNumber(&json, "matches", alert.matches);
  AppendText(&json, "last_match", base::FormatRfc3339(alert.last_match_ns));
  std::vector<std::string> ids;
  for (const MatchId& id : alert.last_matches) ids.push_back(ToString(id));
  AppendTexts(&json, "match_ids", ids);
  if (alert.periods > 0) {
    const uint32_t breached = alert.breaches.Count(alert.breaches.newest(), alert.periods);
    json.append(",\"periods\":{\"breached\":").append(std::to_string(breached));
    AppendNumber(&json, "of", alert.periods);
    json.push_back('}');
  }
  AppendNote(&json, "acknowledged", alert.acknowledged);
  AppendTime(&json, "resolved", alert.resolved_ns);
  if (alert.end != detection::AlertEnd::kNone) AppendText(&json, "end", EndName(alert.end));
  AppendNote(&json, "resolved_by", alert.resolved);
  if (const auto muted_by = mutes.Of(alert); !muted_by.empty())
    AppendTexts(&json, "muted_by", muted_by);
  return json;
}

Result<AlertNote> ReadNote(const Context& on) {
  AlertNote note;
  note.by = on.principal.key_id;
  note.at_ns = on.api.engine().clock().WallNs();
  if (on.request.body.view().empty()) return note;
  NL_TRY(const Arguments arguments, Arguments::Read(on.request, {"note"}));
  note.text = arguments.Get("note");
  if (note.text.size() <= kNoteBytesMax) return note;
  return TooLarge("note: longer than " + std::to_string(kNoteBytesMax) + " bytes");
}

// {"note":"..."}, or nothing.
void Obey(Context context, std::string_view verb, AlertOrder::Kind kind) {
  OnWorker(std::move(context), [verb, kind](Context& on) -> Status {
    NL_RETURN_IF_ERROR(on.api.engine().ReadyStatus());
    NL_TRY(const MatchId id, ReadMatchId("alert", IdOf(on.request, verb)));
    NL_TRY(AlertNote note, ReadNote(on));
    NL_TRY(const Alert alert, DetectionOf(on).Obey(TenantOf(on), id, {kind, std::move(note)}));
    SendJson(on.responder, 200, AlertJson(Mutes(on), alert) + "}\n");
    return {};
  });
}

}  // namespace

void HandleListAlerts(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const auto query,
           ReadAlertQuery(http::QueryParams(on.request.query()), on.api.engine().clock().WallNs()));
    std::optional<detection::AlertId> next;
    NL_TRY(const auto alerts, DetectionOf(on).alerts().List(TenantOf(on), query, &next));
    const Mutes mutes(on);
    std::string json = "{\"alerts\":[";
    for (const Alert& alert : alerts)
      json.append(json.back() == '[' ? "" : ",").append(AlertJson(mutes, alert)).append("}");
    json.push_back(']');
    if (next) AppendText(&json, "cursor", ToString(*next));
    SendJson(on.responder, 200, json + "}\n");
    return {};
  });
}

// With its last matches, as far as they are still there.
void HandleGetAlert(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const MatchId id, ReadMatchId("alert", IdOf(on.request)));
    NL_TRY(const Alert alert, DetectionOf(on).alerts().Get(TenantOf(on), id));
    std::string json = AlertJson(Mutes(on), alert).append(",\"last_matches\":[");
    for (const MatchId& match_id : alert.last_matches)
      if (const auto match = DetectionOf(on).matches().Get(TenantOf(on), match_id); match.ok())
        json.append(json.back() == '[' ? "" : ",").append(*match);
    SendJson(on.responder, 200, json + "]}\n");
    return {};
  });
}

void HandleAcknowledgeAlert(Context context) {
  Obey(std::move(context), ":ack", AlertOrder::Kind::kAcknowledge);
}
void HandleUnacknowledgeAlert(Context context) {
  Obey(std::move(context), ":unack", AlertOrder::Kind::kUnacknowledge);
}
void HandleResolveAlert(Context context) {
  Obey(std::move(context), ":resolve", AlertOrder::Kind::kResolve);
}

}  // namespace neurallog::api
