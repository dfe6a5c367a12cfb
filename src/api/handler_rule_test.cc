// /v1/rules:test and /v1/rules/{id}/explain: what a rule says of records, and why.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "api/rule_json.h"
#include "base/json_value.h"
#include "detection/explain.h"
#include "ingest/decoder_json.h"

namespace neurallog::api {
namespace {

using base::JsonValue;
using detection::Explainer;
using detection::Explanation;

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

// The records of an answer.
Result<std::string> ExplainAll(Context& on, std::string_view document, std::string_view records) {
  NL_TRY(const auto explained, ExplainRecords(on, document, records));
  std::string json = "{\"records\":[";
  for (const std::string& each : explained) json.append(json.back() == '[' ? "" : ",").append(each);
  return json.append("]}\n");
}

}  // namespace

Result<std::vector<std::string>> ExplainRecords(const Context& on, std::string_view document,
                                                std::string_view records) {
  NL_TRY(const rules::Lists lists, on.api.engine().detection().Lists(on.principal.log->id()));
  NL_TRY(Explainer explainer, Explainer::Make(document, lists));
  base::Buffer body;
  std::copy(records.begin(), records.end(), body.Prepare(records.size() + 64));
  body.Commit(records.size());
  NL_TRY(const ingest::DecodeResult decoded,
         ingest::DecodeNative(body, /*ndjson_hint=*/false, on.api.options().decode,
                              on.api.engine().clock().WallNs()));
  if (!decoded.errors.empty())
    return InvalidArgument("record " + std::to_string(decoded.errors[0].index) + ": " +
                           decoded.errors[0].reason);
  if (decoded.batch->rows() > kRecordsMax)
    return TooLarge("more than " + std::to_string(kRecordsMax) + " records");
  std::vector<std::string> explained;
  const char* row = decoded.batch->first_row();
  for (uint32_t i = 0; i < decoded.batch->rows(); ++i) {
    explained.push_back(ExplanationJson(explainer.Explain(*decoded.batch, row)));
    row = model::RowReader(row).next_row();
  }
  return explained;
}

// {"rule":"<document>" or {...},"records":[{...}]}
void HandleTestRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const std::string body, ReadText(&on));
    NL_TRY(const JsonValue json, base::ParseJson(body));
    const JsonValue* const rule = json.Find("rule");
    const JsonValue* const records = json.Find("records");
    if (rule == nullptr || records == nullptr)
      return InvalidArgument("expected {\"rule\":...,\"records\":[...]}");
    const bool is_text = rule->kind() == JsonValue::Kind::kString;
    const std::string document = is_text ? rule->text() : base::ToJson(*rule);
    NL_TRY(std::string answer, ExplainAll(on, document, base::ToJson(*records)));
    SendJson(on.responder, 200, std::move(answer));
    return {};
  });
}

// The body is a record, or an array of them.
void HandleExplainRule(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const detection::StoredRule rule,
           on.api.engine().detection().Get(on.principal.log->id(), IdOf(on.request)));
    NL_TRY(const std::string records, ReadText(&on));
    NL_TRY(std::string answer, ExplainAll(on, rule.document, records));
    SendJson(on.responder, 200, std::move(answer));
    return {};
  });
}

}  // namespace neurallog::api
