// The OpenAPI 3.1 document of everything that is served, made from the table of routes and what kDocs says of each. tests/server/openapi_test.py
// checks that each route has its row here and each row its route; tests/http/run.py that real answers are as they are described.
#include "api/openapi.h"

#include "api/api.h"
#include "api/json_members.h"
#include "neurallog/version.h"

namespace neurallog::api {
namespace {

using http::Method;

struct RouteDoc {
  Method method;
  std::string_view path;
  std::string_view summary;
  std::string_view params;  // names of kParams, a space between them
  std::string_view
      body;  // name of a schema; empty: none. A search by POST takes its parameters as a form
  std::string_view
      answers;  // "status media-type schema", a comma between them; the schema may be absent
};

struct ParamDoc {
  std::string_view name;
  std::string_view type;
  std::string_view description;
};

constexpr ParamDoc kParams[] = {
    {"query", "string", "A LogsQL query."},
    {"start", "string", "The oldest time: RFC 3339, an epoch number, or a duration before now."},
    {"end", "string", "The newest time, included as far as it is named."},
    {"time", "string", "What relative times in the query refer to."},
    {"timeout", "string", "A duration, or seconds."},
    {"extra_filters", "string",
     "A filter that must hold too: LogsQL, or a JSON object. Repeatable."},
    {"extra_stream_filters", "string", "As extra_filters, for labels of streams. Repeatable."},
    {"limit", "integer", "At most so many."},
    {"offset", "string", "Rows to leave out, or by how much steps of time are moved."},
    {"order", "string", "asc or desc, by time."},
    {"cursor", "string", "Go on behind this: an event of a live tail, or what an answer named."},
    {"rule", "string", "The id of a rule."},
    {"action", "string", "The id of an action."},
    {"state", "string",
     "Of alerts one or more of pending, firing, acknowledged, resolved, a comma between them; of "
     "deliveries pending, retrying, delivered or dead; of silences pending, active or expired."},
    {"since", "string",
     "Leaves out alerts that were resolved, and deliveries that were made, before this time."},
    {"until", "string", "Leaves out what was made at this time or later."},
    {"severity", "string", "At least this: info, low, medium, high or critical."},
    {"why", "boolean", "Adds what of the rule's detection holds for the record."},
    {"dry_run", "boolean", "Only says what would happen."},
    {"new_id", "boolean", "With another id: no duplicate to a receiver that has seen it."},
    {"start_offset", "string", "How much of what is stored comes first, a duration."},
    {"refresh_interval", "string", "Read, without effect: nothing is polled."},
    {"with_id", "boolean", "Adds _id to each record."},
    {"explain", "string", "analyze: what the query cost in place of its rows."},
    {"analyze", "boolean", "Runs the query and shows what it cost."},
    {"step", "string", "A duration."},
    {"by", "string", "A field to count by. Repeatable."},
    {"field", "string", "The name of a field. Repeatable where it is counted by."},
    {"fields_limit", "integer", "So many series; the rest is one."},
    {"filter", "string", "What the value must contain."},
    {"max_values_per_field", "integer", "Fields with more values are left out."},
    {"max_value_len", "integer", "Fields with longer values are left out."},
    {"keep_const_fields", "boolean", "Shows fields with one value too."},
    {"format", "string", "ndjson or csv; of rules: sigma or native."},
    {"compression", "string", "gzip, zstd or none."},
    {"after", "string",
     "The time of the last record, or the id of the last rule, that has been received."},
    {"id", "string", "The id of a record."},
    {"before", "string", "How many records before it, or an id for lists."},
    {"tenant", "string", "The name of a tenant, for administrators."},
    {"reason", "string", "For the audit record; of dead letters why they are dead."},
    {"directory", "string", "An absolute path on the server's machine."},
    {"ack", "string", "durable or async."},
    {"_time_field", "string", "Fields that may hold the time."},
    {"_msg_field", "string", "Fields that may hold the message."},
    {"_stream_fields", "string", "Fields that make the stream."},
    {"ignore_fields", "string", "Fields not to store."},
    {"extra_fields", "string", "name=value,... put into each record."},
};

#define NL_SEARCH "query start end time timeout extra_filters extra_stream_filters"
#define NL_ROWS NL_SEARCH " limit offset order with_id explain"
#define NL_VALUES NL_SEARCH " limit filter"
#define NL_JSON(schema) "200 application/json " schema
#define NL_LINES "200 application/x-ndjson"
#define NL_LINES_OR_PLAN NL_LINES ",200 application/json Plan"

constexpr RouteDoc kDocs[] = {
    {Method::kPost, "/v1/logs", "Stores records, or searches when the body is a form.", "ack",
     "Records", "200 application/json Ingested,202 application/json Ingested"},
    {Method::kGet, "/v1/logs", "Searches.", NL_ROWS, "", NL_LINES_OR_PLAN},
    {Method::kGet, "/v1/logs/search", "Searches.", NL_ROWS, "", NL_LINES_OR_PLAN},
    {Method::kPost, "/v1/logs/search", "Searches.", NL_ROWS, "", NL_LINES_OR_PLAN},
    {Method::kGet, "/v1/logs/stats", "The result of a query that aggregates, as a table.",
     NL_SEARCH " limit explain", "", NL_JSON("TableOrPlan")},
    {Method::kGet, "/v1/logs/histogram", "Records per step of time.", NL_SEARCH " step offset by",
     "", NL_JSON("Histogram")},
    {Method::kGet, "/v1/logs/fields", "Names of fields.", NL_VALUES, "", NL_JSON("Fields")},
    {Method::kGet, "/v1/logs/fields/{id}/values", "Values of a field.", NL_VALUES, "",
     NL_JSON("Values")},
    {Method::kGet, "/v1/logs/facets", "The most frequent values of each field.",
     NL_SEARCH " limit max_values_per_field max_value_len keep_const_fields", "",
     NL_JSON("Facets")},
    {Method::kGet, "/v1/logs/streams", "Streams.", NL_VALUES, "", NL_JSON("Streams")},
    {Method::kGet, "/v1/logs/export", "Everything that matches, oldest first.",
     NL_SEARCH " limit after format compression with_id", "",
     "200 application/x-ndjson,200 text/csv,200 application/gzip,200 application/zstd"},
    {Method::kGet, "/v1/logs/context", "What stands around a record in its stream.",
     "id before after timeout", "", NL_JSON("Context")},
    {Method::kGet, "/v1/logs/{id}", "A record.", "", "", NL_JSON("Record")},
    {Method::kGet, "/v1/tail", "Records as they become durable; also as WebSocket.",
     "query extra_filters start cursor", "", "200 text/event-stream,200 application/x-ndjson"},
    {Method::kGet, "/v1/query/explain", "What a query means and would cost.",
     NL_SEARCH " limit analyze", "", NL_JSON("Plan")},
    {Method::kGet, "/v1/queries/active", "The queries that run now.", "", "",
     NL_JSON("ActiveQueries")},
    {Method::kDelete, "/v1/queries/active/{id}", "Cancels a query.", "", "", "204"},
    {Method::kGet, "/v1/queries", "Saved queries.", "", "", NL_JSON("SavedQueries")},
    {Method::kPost, "/v1/queries", "Saves a query under a new name.", "", "NewSavedQuery",
     "201 application/json SavedQuery"},
    {Method::kGet, "/v1/queries/{id}", "A saved query.", "", "", NL_JSON("SavedQuery")},
    {Method::kPut, "/v1/queries/{id}", "Saves a query under this name.", "", "SavedQueryText",
     "200 application/json SavedQuery,201 application/json SavedQuery"},
    {Method::kDelete, "/v1/queries/{id}", "Forgets a saved query.", "", "", "204"},
    {Method::kGet, "/v1/rules", "Rules, by id.", "limit after", "", NL_JSON("Rules")},
    {Method::kPost, "/v1/rules", "Adds a rule.", "", "RuleText", "201 application/json Rule"},
    {Method::kPost, "/v1/rules:validate", "What is wrong with rules.", "", "RuleText",
     NL_JSON("ImportReport")},
    {Method::kPost, "/v1/rules:test", "What a rule says of records, and why.", "", "RuleTest",
     NL_JSON("Explanations")},
    {Method::kPost, "/v1/rules:backtest", "Begins a job that shows stored records to rules.", "",
     "BacktestRequest", "202 application/json Backtest"},
    {Method::kPost, "/v1/rules:import", "Adds or changes the rules of a text of many.",
     "format dry_run", "RuleText", NL_JSON("ImportReport")},
    {Method::kGet, "/v1/rules:export", "All rules as one text.", "", "", "200 application/yaml"},
    {Method::kPost, "/v1/rules/{id}:enable", "Lets a rule run.", "", "", NL_JSON("Rule")},
    {Method::kPost, "/v1/rules/{id}:disable", "Lets a rule rest.", "", "", NL_JSON("Rule")},
    {Method::kGet, "/v1/rules/{id}/versions", "Earlier versions of a rule, newest first.", "", "",
     NL_JSON("RuleVersions")},
    {Method::kPost, "/v1/rules/{id}/explain", "Why a rule matches records, or does not.", "",
     "Records", NL_JSON("Explanations")},
    {Method::kGet, "/v1/rules/{id}/metrics", "What a rule has done since the start.", "", "",
     NL_JSON("RuleMetrics")},
    {Method::kGet, "/v1/rules/{id}", "A rule.", "", "", NL_JSON("Rule")},
    {Method::kPut, "/v1/rules/{id}", "Adds or changes a rule.", "", "RuleText",
     "200 application/json Rule,201 application/json Rule"},
    {Method::kPatch, "/v1/rules/{id}", "Enables or disables a rule.", "", "RuleChange",
     NL_JSON("Rule")},
    {Method::kDelete, "/v1/rules/{id}", "Deletes a rule.", "", "", "204"},
    {Method::kGet, "/v1/backtests", "Backtests of rules, newest first.", "", "",
     NL_JSON("Backtests")},
    {Method::kGet, "/v1/backtests/{id}", "What a backtest has found so far.", "", "",
     NL_JSON("Backtest")},
    {Method::kDelete, "/v1/backtests/{id}", "Ends a backtest and forgets it.", "", "", "204"},
    {Method::kGet, "/v1/packs", "Packs of rules that tenants may subscribe to.", "", "",
     NL_JSON("Packs")},
    {Method::kGet, "/v1/packs/{id}", "A pack with its rules.", "", "", NL_JSON("PackWithRules")},
    {Method::kPut, "/v1/packs/{id}", "Sets the rules of a pack.", "dry_run", "RuleText",
     NL_JSON("ImportReport")},
    {Method::kDelete, "/v1/packs/{id}", "Deletes a pack.", "", "", "204"},
    {Method::kPut, "/v1/packs/{id}/subscription", "Subscribes to a pack.", "", "Subscription",
     "204"},
    {Method::kDelete, "/v1/packs/{id}/subscription", "Ends a subscription.", "", "", "204"},
    {Method::kGet, "/v1/lists", "Lists of values for rules.", "", "", NL_JSON("Lists")},
    {Method::kGet, "/v1/lists/{id}", "A list.", "", "", NL_JSON("List")},
    {Method::kPut, "/v1/lists/{id}", "Sets a list.", "", "ListValues", NL_JSON("List")},
    {Method::kDelete, "/v1/lists/{id}", "Deletes a list.", "", "", "204"},
    {Method::kGet, "/v1/lookups", "Tables that say more about values.", "", "", NL_JSON("Lookups")},
    {Method::kGet, "/v1/lookups/{id}", "A table.", "", "", NL_JSON("LookupText")},
    {Method::kPut, "/v1/lookups/{id}", "Adds or changes a table.", "", "LookupText",
     NL_JSON("Lookup")},
    {Method::kDelete, "/v1/lookups/{id}", "Deletes a table.", "", "", "204"},
    {Method::kGet, "/v1/matches", "Matches of rules, newest first.",
     "rule severity start end limit cursor", "", NL_JSON("Matches")},
    {Method::kGet, "/v1/matches/{id}", "A match.", "why", "", NL_JSON("Match")},
    {Method::kGet, "/v1/alerts", "Alerts, those that began last first.",
     "state rule severity since limit cursor", "", NL_JSON("Alerts")},
    {Method::kGet, "/v1/alerts/{id}", "An alert with its last matches.", "", "", NL_JSON("Alert")},
    {Method::kPost, "/v1/alerts/{id}:ack", "Acknowledges an alert.", "", "AlertNote",
     NL_JSON("Alert")},
    {Method::kPost, "/v1/alerts/{id}:unack", "Takes an acknowledgement back.", "", "AlertNote",
     NL_JSON("Alert")},
    {Method::kPost, "/v1/alerts/{id}:resolve", "Resolves an alert.", "", "AlertNote",
     NL_JSON("Alert")},
    {Method::kGet, "/v1/actions", "Actions, by id.", "limit after", "", NL_JSON("Actions")},
    {Method::kPost, "/v1/actions", "Adds an action.", "", "ActionText",
     "201 application/json Action"},
    {Method::kPost, "/v1/actions:preview", "What an action would send that is not stored.", "",
     "ActionDraft", NL_JSON("ActionPreview")},
    {Method::kGet, "/v1/actions/{id}", "An action, without its secrets.", "", "",
     NL_JSON("Action")},
    {Method::kPut, "/v1/actions/{id}", "Adds or changes an action.", "", "ActionText",
     "200 application/json Action,201 application/json Action"},
    {Method::kDelete, "/v1/actions/{id}", "Deletes an action; what waits for it is dead.", "", "",
     "204"},
    {Method::kPost, "/v1/actions/{id}:enable", "Lets an action work.", "", "", NL_JSON("Action")},
    {Method::kPost, "/v1/actions/{id}:disable", "Lets an action rest; what waits for it is dead.",
     "", "", NL_JSON("Action")},
    {Method::kPost, "/v1/actions/{id}:test", "Makes one attempt with a sample.", "", "NoticeText",
     NL_JSON("ActionTest")},
    {Method::kPost, "/v1/actions/{id}:preview", "What would be sent.", "", "NoticeText",
     NL_JSON("ActionPreview")},
    {Method::kPost, "/v1/actions/{id}:rotate-secret", "Puts a new secret in the place of one.", "",
     "NewSecret", NL_JSON("Action")},
    {Method::kGet, "/v1/silences", "Silences, by id.", "state", "", NL_JSON("Silences")},
    {Method::kPost, "/v1/silences", "Adds a silence.", "", "NoiseRule",
     "201 application/json NoiseRule"},
    {Method::kGet, "/v1/silences/{id}", "A silence.", "", "", NL_JSON("NoiseRule")},
    {Method::kPut, "/v1/silences/{id}", "Adds or changes a silence.", "", "NoiseRule",
     "200 application/json NoiseRule,201 application/json NoiseRule"},
    {Method::kDelete, "/v1/silences/{id}", "Ends a silence.", "", "", "204"},
    {Method::kGet, "/v1/maintenance-windows", "Maintenance windows, by id.", "state", "",
     NL_JSON("MaintenanceWindows")},
    {Method::kPost, "/v1/maintenance-windows", "Adds a maintenance window.", "", "NoiseRule",
     "201 application/json NoiseRule"},
    {Method::kGet, "/v1/maintenance-windows/{id}", "A maintenance window.", "", "",
     NL_JSON("NoiseRule")},
    {Method::kPut, "/v1/maintenance-windows/{id}", "Adds or changes a maintenance window.", "",
     "NoiseRule", "200 application/json NoiseRule,201 application/json NoiseRule"},
    {Method::kDelete, "/v1/maintenance-windows/{id}", "Deletes a maintenance window.", "", "",
     "204"},
    {Method::kGet, "/v1/inhibitions", "Inhibitions, by id.", "state", "", NL_JSON("Inhibitions")},
    {Method::kPost, "/v1/inhibitions", "Adds an inhibition.", "", "NoiseRule",
     "201 application/json NoiseRule"},
    {Method::kGet, "/v1/inhibitions/{id}", "An inhibition.", "", "", NL_JSON("NoiseRule")},
    {Method::kPut, "/v1/inhibitions/{id}", "Adds or changes an inhibition.", "", "NoiseRule",
     "200 application/json NoiseRule,201 application/json NoiseRule"},
    {Method::kDelete, "/v1/inhibitions/{id}", "Deletes an inhibition.", "", "", "204"},
    {Method::kGet, "/v1/time-intervals", "Time intervals, by id.", "state", "",
     NL_JSON("TimeIntervals")},
    {Method::kPost, "/v1/time-intervals", "Adds a time interval.", "", "NoiseRule",
     "201 application/json NoiseRule"},
    {Method::kGet, "/v1/time-intervals/{id}", "A time interval.", "", "", NL_JSON("NoiseRule")},
    {Method::kPut, "/v1/time-intervals/{id}", "Adds or changes a time interval.", "", "NoiseRule",
     "200 application/json NoiseRule,201 application/json NoiseRule"},
    {Method::kDelete, "/v1/time-intervals/{id}", "Deletes a time interval.", "", "", "204"},
    {Method::kGet, "/v1/deliveries", "Deliveries of actions, newest first.",
     "state action rule since until limit cursor", "", NL_JSON("Deliveries")},
    {Method::kGet, "/v1/deliveries/{id}", "A delivery with its attempts and what it says.", "", "",
     NL_JSON("WholeDelivery")},
    {Method::kGet, "/v1/deliveries/{id}/attempts", "Attempts of a delivery, oldest first.", "", "",
     NL_JSON("Attempts")},
    {Method::kGet, "/v1/dead-letters", "Deliveries that were given up, newest first.",
     "action rule reason since until limit cursor", "", NL_JSON("DeadLetters")},
    {Method::kGet, "/v1/dead-letters/{id}", "A dead letter.", "", "", NL_JSON("WholeDelivery")},
    {Method::kDelete, "/v1/dead-letters/{id}", "Deletes a dead letter.", "", "", "204"},
    {Method::kPost, "/v1/dead-letters/{id}:replay", "Puts a dead letter back into the outbox.",
     "new_id", "", NL_JSON("Replayed")},
    {Method::kPost, "/v1/dead-letters:replay", "Puts many back into the outbox.", "new_id",
     "DeadLetterFilter", NL_JSON("Replayed")},
    {Method::kPost, "/v1/dead-letters:delete", "Deletes many dead letters.", "", "DeadLetterFilter",
     NL_JSON("DeletedLetters")},
    {Method::kPost, "/insert/jsonline", "Stores records, one per line.",
     "ack _time_field _msg_field _stream_fields ignore_fields extra_fields", "Lines",
     "200 application/json Ingested,202 application/json Ingested"},
    {Method::kGet, "/select/logsql/query", "Searches, in VictoriaLogs' form.",
     NL_SEARCH " limit offset order", "", NL_LINES},
    {Method::kGet, "/select/logsql/hits", "Records per step of time.",
     NL_SEARCH " step offset field fields_limit", "", NL_JSON("Hits")},
    {Method::kGet, "/select/logsql/tail", "Records as they become durable.",
     "query extra_filters start_offset refresh_interval offset", "", NL_LINES},
    {Method::kGet, "/select/logsql/facets", "The most frequent values of each field.",
     NL_SEARCH " limit max_values_per_field max_value_len keep_const_fields", "",
     NL_JSON("FacetHits")},
    {Method::kGet, "/select/logsql/stats_query", "Results of the last stats pipe.", NL_SEARCH, "",
     NL_JSON("Prometheus")},
    {Method::kGet, "/select/logsql/stats_query_range",
     "Results of the last stats pipe per step of time.", NL_SEARCH " step offset", "",
     NL_JSON("Prometheus")},
    {Method::kGet, "/select/logsql/field_names", "Names of fields.", NL_VALUES, "",
     NL_JSON("ValueHits")},
    {Method::kGet, "/select/logsql/field_values", "Values of a field.", NL_VALUES " field", "",
     NL_JSON("ValueHits")},
    {Method::kGet, "/select/logsql/streams", "Streams.", NL_VALUES, "", NL_JSON("ValueHits")},
    {Method::kGet, "/select/logsql/stream_ids", "Ids of streams.", NL_VALUES, "",
     NL_JSON("ValueHits")},
    {Method::kGet, "/select/logsql/stream_field_names", "Labels of streams.", NL_VALUES, "",
     NL_JSON("ValueHits")},
    {Method::kGet, "/select/logsql/stream_field_values", "Values of a label of streams.",
     NL_VALUES " field", "", NL_JSON("ValueHits")},
    {Method::kGet, "/v1/tenants", "Tenants.", "", "", NL_JSON("Tenants")},
    {Method::kPost, "/v1/tenants", "Makes a tenant.", "", "NewTenant",
     "201 application/json Tenant"},
    {Method::kGet, "/v1/tenants/{id}", "A tenant.", "", "", NL_JSON("Tenant")},
    {Method::kPatch, "/v1/tenants/{id}", "Changes a tenant.", "", "TenantChange",
     NL_JSON("Tenant")},
    {Method::kDelete, "/v1/tenants/{id}", "Deletes a tenant with its logs.", "reason", "",
     "202 application/json Job"},
    {Method::kPost, "/v1/logs/delete", "Deletes the records that match.", "", "Deletion",
     "202 application/json Job"},
    {Method::kGet, "/v1/jobs", "Jobs, newest first.", "limit before tenant", "", NL_JSON("Jobs")},
    {Method::kGet, "/v1/jobs/{id}", "A job.", "", "", NL_JSON("Job")},
    {Method::kGet, "/v1/audit", "What was deleted, when and by whom.", "limit before tenant", "",
     NL_JSON("Audit")},
    {Method::kGet, "/v1/partitions", "What is stored, by time.", "tenant", "",
     NL_JSON("Partitions")},
    {Method::kGet, "/v1/storage", "What a tenant's logs take on the disk.", "tenant", "",
     NL_JSON("Object")},
    {Method::kGet, "/v1/keys", "Keys, without their texts.", "", "", NL_JSON("Keys")},
    {Method::kPost, "/v1/keys", "Makes a key.", "", "NewKey", "201 application/json Key"},
    {Method::kDelete, "/v1/keys/{id}", "Revokes a key.", "", "", "204"},
    {Method::kGet, "/v1/damage", "Blocks that cannot be read.", "", "", NL_JSON("Damage")},
    {Method::kGet, "/v1/backups", "The backups in a folder.", "directory", "", NL_JSON("Backups")},
    {Method::kPost, "/v1/backups", "Begins a backup.", "", "NewBackup",
     "202 application/json BackupJob"},
    {Method::kGet, "/v1/backups/jobs", "Backup jobs, newest first.", "", "", NL_JSON("BackupJobs")},
    {Method::kGet, "/v1/backups/jobs/{id}", "A backup job.", "", "", NL_JSON("BackupJob")},
    {Method::kGet, "/metrics", "Figures for Prometheus.", "", "", "200 text/plain"},
    {Method::kGet, "/healthz", "Whether the server is alive.", "", "", "200 text/plain"},
    {Method::kGet, "/health", "Whether the server is alive.", "", "", "200 text/plain"},
    {Method::kGet, "/readyz", "Whether the server takes requests.", "", "", "200 text/plain"},
    {Method::kGet, "/", "What this is.", "", "", "200 application/json"},
    {Method::kGet, "/v1/openapi.json", "This document.", "", "", NL_JSON("Object")},
};

std::string_view MethodKey(Method method) {
  switch (method) {
    case Method::kPost: return "post";
    case Method::kPut: return "put";
    case Method::kPatch: return "patch";
    case Method::kDelete: return "delete";
    default: return "get";
  }
}

// A search by POST is the one by GET with its parameters as a form, and needs no row of its own.
const RouteDoc* FindDoc(const Route& route, bool* is_form) {
  const RouteDoc* same_path = nullptr;
  for (const RouteDoc& doc : kDocs) {
    if (doc.path != route.path) continue;
    if (doc.method == route.method) return &doc;
    if (doc.method == Method::kGet) same_path = &doc;
  }
  *is_form = route.method == Method::kPost && same_path != nullptr;
  return *is_form ? same_path : nullptr;
}

std::string_view TakeWord(std::string_view* text, char separator) {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

void AppendParam(std::string* json, const ParamDoc& param, std::string_view place) {
  if (json->back() != '[') json->push_back(',');
  json->append("{\"in\":\"").append(place).append("\"");
  AppendText(json, "name", param.name);
  if (place == "path") json->append(",\"required\":true");
  json->append(",\"schema\":{\"type\":\"").append(param.type).append("\"}");
  AppendText(json, "description", param.description);
  json->push_back('}');
}

void AppendParams(std::string* json, const RouteDoc& doc, bool is_form) {
  json->append(",\"parameters\":[");
  if (doc.path.find("{id}") != std::string_view::npos)
    AppendParam(json, {"id", "string", "Names the thing."}, "path");
  for (std::string_view names = is_form ? "" : doc.params; !names.empty();) {
    const std::string_view name = TakeWord(&names, ' ');
    for (const ParamDoc& param : kParams)
      if (param.name == name) AppendParam(json, param, "query");
  }
  json->push_back(']');
}

void AppendForm(std::string* json, const RouteDoc& doc) {
  json->append(
      ",\"requestBody\":{\"content\":{\"application/x-www-form-urlencoded\":{\"schema\":{"
      "\"type\":\"object\",\"properties\":{");
  for (std::string_view names = doc.params; !names.empty();) {
    if (json->back() == '}') json->push_back(',');
    base::AppendJsonString(json, TakeWord(&names, ' '));
    json->append(":{\"type\":\"string\"}");
  }
  json->append("}}}}}");
}

std::string SchemaRef(std::string_view name) {
  return "{\"schema\":{\"$ref\":\"#/components/schemas/" + std::string(name) + "\"}}";
}

void AppendBody(std::string* json, std::string_view schema) {
  const std::string_view media = schema == "Lines"      ? "application/x-ndjson"
                                 : schema == "RuleText" ? "application/yaml"
                                                        : "application/json";
  json->append(",\"requestBody\":{\"required\":true,\"content\":{\"").append(media);
  json->append("\":").append(SchemaRef(schema)).append("}}");
}

// Answers of one status stand one after the other.
void AppendAnswers(std::string* json, std::string_view answers) {
  json->append(",\"responses\":{");
  std::string_view last;
  while (!answers.empty()) {
    std::string_view answer = TakeWord(&answers, ',');
    const std::string_view status = TakeWord(&answer, ' '), media = TakeWord(&answer, ' ');
    if (status != last) {
      json->append(last.empty() ? "\"" : "}},\"").append(status).append("\":{\"description\":\"");
      json->append(status == "204" ? "Done." : "The answer.").append("\",\"content\":{");
    }
    last = status;
    if (media.empty()) continue;
    if (json->back() == '}') json->push_back(',');
    json->append("\"").append(media).append("\":");
    json->append(answer.empty() ? "{\"schema\":{}}" : SchemaRef(answer));
  }
  json->append("}},\"default\":{\"description\":\"A problem.\",\"content\":{");
  json->append("\"application/problem+json\":").append(SchemaRef("Problem")).append("}}}");
}

void AppendOperation(std::string* json, const Route& route) {
  bool is_form = false;
  const RouteDoc* doc = FindDoc(route, &is_form);
  base::AppendJsonString(json, MethodKey(route.method));
  json->append(":{\"summary\":");
  base::AppendJsonString(json, doc == nullptr ? "" : doc->summary);
  if (route.access == Access::kPublic) json->append(",\"security\":[]");
  if (doc != nullptr) {
    if (is_form) AppendForm(json, *doc);
    AppendParams(json, *doc, is_form);
    if (!doc->body.empty()) AppendBody(json, doc->body);
    AppendAnswers(json, doc->answers);
  }
  json->push_back('}');
}

// Routes of one path need not stand together in the table.
std::string Paths() {
  std::string json = "{";
  for (const Route& route : AllRoutes()) {
    const auto is_same = [&route](const Route& other) { return other.path == route.path; };
    const auto routes = AllRoutes();
    if (&*std::find_if(routes.begin(), routes.end(), is_same) != &route) continue;
    if (json.back() == '}') json += ",";
    base::AppendJsonString(&json, route.path);
    json += ":{";
    for (const Route& other : routes) {
      if (!is_same(other)) continue;
      if (json.back() == '}') json += ",";
      AppendOperation(&json, other);
    }
    json += "}";
  }
  return json + "}";
}

}  // namespace

std::string OpenApiDocument() {
  std::string json = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"NeuralLog\"";
  AppendText(&json, "version", kVersion);
  json += ",\"license\":{\"name\":\"Apache 2.0\",\"identifier\":\"Apache-2.0\"}}";
  json += ",\"servers\":[{\"url\":\"/\"}]";
  json += ",\"security\":[{\"bearer\":[]},{\"basic\":[]},{\"key\":[]}]";
  json += ",\"paths\":" + Paths() + ",\"components\":" + std::string(OpenApiComponents());
  return json + "}\n";
}

void HandleOpenApi(Context context) {
  static const std::string kDocument = OpenApiDocument();
  SendJson(context.responder, 200, kDocument);
}

}  // namespace neurallog::api
