// /v1/rules:test and /v1/rules/{id}/explain: what a rule says of records, and why.
#include <algorithm>

#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/rule_json.h"
#include "api/rule_trace.h"
#include "base/json_value.h"
#include "base/time_format.h"
#include "detection/explain.h"
#include "ingest/decoder_json.h"

namespace neurallog::api {
namespace {

using base::JsonValue;
using detection::Explainer;
using detection::Explanation;
using detection::Trace;

constexpr uint32_t kRecordsMax = 1'000;

std::string ExplanationJson(const Explanation& why) {
  std::string json = why.matched ? "{\"matched\":true" : "{\"matched\":false";
  json.append(why.of_log_source ? ",\"log_source\":true" : ",\"log_source\":false");
  json.append(",\"selections\":[");
  for (const auto& selection : why.selections) {
    json.append(json.back() == '[' ? "{\"name\":" : ",{\"name\":");
    base::AppendJsonString(&json, selection.name);
    json.append(selection.holds ? ",\"holds\":true" : ",\"holds\":false").append(",\"items\":[");
    for (const auto& item : selection.items) {
      json.append(json.back() == '[' ? "{\"item\":" : ",{\"item\":");
      base::AppendJsonString(&json, item.name);
      json.append(item.holds ? ",\"holds\":true" : ",\"holds\":false");
      AppendTexts(&json, "values", item.values);
      json.push_back('}');
    }
    json.append("]}");
  }
  return json.append("]}");
}

// Records of a request.
Result<std::shared_ptr<const model::RecordBatch>> ReadRecords(const Context& on,
                                                              std::string_view records) {
  base::Buffer body;
  std::copy(records.begin(), records.end(), body.Prepare(records.size() + 64));
  body.Commit(records.size());
  NL_TRY(ingest::DecodeResult decoded,
         ingest::DecodeNative(body, /*ndjson_hint=*/false, on.api.options().decode,
                              on.api.engine().clock().WallNs()));
  if (!decoded.errors.empty())
    return InvalidArgument("record " + std::to_string(decoded.errors[0].index) + ": " +
                           decoded.errors[0].reason);
  if (decoded.batch->rows() > kRecordsMax)
    return TooLarge("more than " + std::to_string(kRecordsMax) + " records");
  return std::shared_ptr<const model::RecordBatch>(std::move(decoded.batch));
}

// Of each record what the rule's own detection says, if it has one, and which steps the record meets.
std::vector<std::string> RecordsJson(const model::RecordBatch& batch, Explainer* explainer,
                                     const Trace& trace) {
  std::vector<std::string> records;
  const char* row = batch.first_row();
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    const auto is_of = [i](const Trace::Told& told) { return told.record == i; };
    const auto told = std::find_if(trace.told().begin(), trace.told().end(), is_of);
    const bool is_told = told != trace.told().end();
    std::string json = explainer != nullptr ? ExplanationJson(explainer->Explain(batch, row))
                       : is_told            ? "{\"matched\":true}"
                                            : "{\"matched\":false}";
    if (trace.has_state()) {
      json.pop_back();
      AppendSteps(&json, is_told ? told->steps : 0);
      if (is_told) AppendGroup(&json, trace.group_fields(), trace.groups()[told->group].values);
      json.push_back('}');
    }
    records.push_back(std::move(json));
    row = model::RowReader(row).next_row();
  }
  return records;
}

// What is asked about a rule.
struct Question {
  std::string document;
  std::vector<std::string> ids;    // of a stored rule, or ...
  std::vector<std::string> texts;  // ... the document: of several the last one is meant
  std::string records;
  int64_t wait_ns = 0;  // after the last record
};

Result<std::string> AnswerAbout(const Context& on, const Question& question) {
  detection::Detection& detection = on.api.engine().detection();
  const TenantId tenant = on.principal.log->id();
  NL_TRY(const rules::Lists lists, detection.Lists(tenant));
  Result<Explainer> explainer = Explainer::Make(question.document, lists);
  const auto rules = ChooseRules(&detection, tenant, question.ids, question.texts);
  if (!rules.ok()) return explainer.ok() ? rules.status() : explainer.status();
  Trace trace(*rules, rules->ids.back());
  if (!explainer.ok() && !trace.has_state()) return explainer.status();
  NL_TRY(const auto batch, ReadRecords(on, question.records));
  trace.Tell(*batch);
  if (question.wait_ns > 0) trace.Wait(question.wait_ns);
  std::string json = "{\"records\":[";
  for (const std::string& each : RecordsJson(*batch, explainer.ok() ? &*explainer : nullptr, trace))
    json.append(json.back() == '[' ? "" : ",").append(each);
  json.push_back(']');
  AppendTrace(&json, &trace);
  return json.append("}\n");
}

}  // namespace

Result<std::string> ExplainRecord(const Context& on, std::string_view document,
                                  std::string_view record) {
  NL_TRY(const rules::Lists lists, on.api.engine().detection().Lists(on.principal.log->id()));
  NL_TRY(Explainer explainer, Explainer::Make(document, lists));
  NL_TRY(const auto batch, ReadRecords(on, record));
  if (batch->rows() != 1) return InvalidArgument("expected one record");
  return ExplanationJson(explainer.Explain(*batch, batch->first_row()));
}

// {"rule":"<document>" or {...},"records":[{...}],"advance":"10m"}
void HandleTestRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const std::string body, ReadText(&on));
    NL_TRY(const JsonValue json, base::ParseJson(body));
    const JsonValue* const rule = json.Find("rule");
    const JsonValue* const records = json.Find("records");
    if (rule == nullptr || records == nullptr)
      return InvalidArgument("expected {\"rule\":...,\"records\":[...]}");
    const bool is_text = rule->kind() == JsonValue::Kind::kString;
    Question question;
    question.document = is_text ? rule->text() : base::ToJson(*rule);
    question.texts = {question.document};
    question.records = base::ToJson(*records);
    if (const JsonValue* const advance = json.Find("advance")) {
      const auto wait_ns = base::ParseDuration(advance->text());
      if (!wait_ns || *wait_ns < 0 || *wait_ns > rules::kWindowMaxNs)
        return InvalidArgument("advance: expected a time such as 10m, at most 400 days");
      question.wait_ns = *wait_ns;
    }
    NL_TRY(std::string answer, AnswerAbout(on, question));
    SendJson(on.responder, 200, std::move(answer));
    return {};
  });
}

// The body is a record, or an array of them.
void HandleExplainRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const detection::StoredRule rule,
           on.api.engine().detection().Get(on.principal.log->id(), IdOf(on.request)));
    Question question;
    question.document = rule.document;
    question.ids = {rule.id};
    NL_TRY(question.records, ReadText(&on));
    NL_TRY(std::string answer, AnswerAbout(on, question));
    SendJson(on.responder, 200, std::move(answer));
    return {};
  });
}

}  // namespace neurallog::api
