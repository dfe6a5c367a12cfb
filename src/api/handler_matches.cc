// /v1/matches: what rules have found, newest first.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/query_params.h"
#include "api/rule_json.h"
#include "base/json_value.h"

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

// What its record holds of the rule's detection, in the version that it was. Left out when it is not known.
void AddWhy(const Context& on, std::string* match) {
  const auto json = base::ParseJson(*match);
  if (!json.ok()) return;
  const auto id = json->String("rule_id");
  const auto version = json->Unsigned("version");
  const base::JsonValue* const record = json->Find("record");
  if (!id.ok() || !version.ok() || record == nullptr) return;
  const auto rule = on.api.engine().detection().GetVersion(on.principal.log->id(), *id, *version);
  if (!rule.ok()) return;
  const auto why = ExplainRecords(on, rule->document, base::ToJson(*record));
  if (!why.ok() || why->size() != 1) return;
  match->pop_back();
  match->append(",\"why\":").append(why->front()).append("}");
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
