// /v1/matches: what rules have found, newest first.
#include <algorithm>

#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"
#include "api/rule_trace.h"
#include "base/json_value.h"
#include "base/time_format.h"

namespace neurallog::api {
namespace {

constexpr uint64_t kMatchesDefault = 100;
constexpr uint64_t kMatchesMax = 1'000;

Result<detection::MatchQuery> ReadMatchQuery(const http::QueryParams& params, int64_t now_ns) {
  detection::MatchQuery query;
  query.rule_id = params.Find("rule").value_or("");
  if (const auto text = params.Find("severity"); text && !text->empty()) {
    NL_TRY(query.severity_min, ReadSeverity(*text));
  }
  NL_TRY(const auto start, FindTime(params, "start", now_ns));
  NL_TRY(const auto end, FindTime(params, "end", now_ns));
  if (start) query.range.start_ns = start->start_ns;
  if (end) query.range.end_ns = end->end_ns;
  if (const auto text = params.Find("cursor"); text && !text->empty()) {
    NL_TRY(query.after, ReadMatchId("cursor", *text));
  }
  NL_TRY(const uint64_t limit, ReadCount(params, "limit", kMatchesDefault));
  query.limit = std::clamp<uint64_t>(limit, 1, kMatchesMax);
  return query;
}

// "records":[...]: what a rule that looks at many records has seen.
Result<std::string> RecordsOf(const Context& on, const base::JsonValue& match,
                              const std::string& document) {
  const base::JsonValue* const window = match.Find("window");
  const base::JsonValue* const group = match.Find("group");
  if (window == nullptr || group == nullptr) return NotFound("a match of a single record");
  FiredBy fired;
  NL_TRY(fired.rules,
         ChooseRules(&on.api.engine().detection(), on.principal.log->id(), {}, {document}));
  NL_TRY(const std::string start, window->String("start"));
  NL_TRY(const std::string end, window->String("end"));
  NL_TRY(const std::string at, match.String("timestamp"));
  fired.range.start_ns = base::ParseTimestamp(start).value_or(0);
  fired.range.end_ns =
      std::min(base::ParseTimestamp(end).value_or(0), base::ParseTimestamp(at).value_or(0)) + 1;
  for (const base::JsonValue& value : group->items()) fired.group.push_back(value.text());
  return FiredRecords(on, fired);
}

// What its record holds of the rule's detection, in the version that it was, and which records made it. Left out when
// it is not known.
void AddWhy(const Context& on, std::string* match) {
  const auto json = base::ParseJson(*match);
  if (!json.ok()) return;
  const auto id = json->String("rule_id");
  const auto version = json->Unsigned("version");
  if (!id.ok() || !version.ok()) return;
  const auto rule = on.api.engine().detection().GetVersion(on.principal.log->id(), *id, *version);
  if (!rule.ok()) return;
  std::string why = "{}";
  if (const base::JsonValue* const record = json->Find("record"))
    if (auto of = ExplainRecord(on, rule->document, base::ToJson(*record)); of.ok())
      why = std::move(*of);
  if (const auto records = RecordsOf(on, *json, rule->document); records.ok()) {
    why.pop_back();
    why.append(why.size() > 1 ? "," : "").append(*records).append("}");
  }
  if (why == "{}") return;
  match->pop_back();
  match->append(",\"why\":").append(why).append("}");
}

}  // namespace

void HandleListMatches(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    engine::Engine& engine = on.api.engine();
    NL_TRY(const auto query,
           ReadMatchQuery(http::QueryParams(on.request.query()), engine.clock().WallNs()));
    std::optional<detection::MatchId> next;
    NL_TRY(const auto matches,
           engine.detection().matches().List(on.principal.log->id(), query, &next));
    std::string json = "{\"matches\":[";
    for (const std::string& match : matches)
      json.append(json.back() == '[' ? "" : ",").append(match);
    json.push_back(']');
    if (next) AppendText(&json, "cursor", ToString(*next));
    SendJson(on.responder, 200, json + "}\n");
    return {};
  });
}

void HandleGetMatch(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const detection::MatchId id, ReadMatchId("match", IdOf(on.request)));
    NL_TRY(std::string match,
           on.api.engine().detection().matches().Get(on.principal.log->id(), id));
    if (ReadFlag(http::QueryParams(on.request.query()), "why")) AddWhy(on, &match);
    SendJson(on.responder, 200, match + "\n");
    return {};
  });
}

}  // namespace neurallog::api
