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

// Of each record that the text holds: an object, or an array of them.
Result<std::string> ExplainAll(Context& on, std::string_view document, std::string_view records) {
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
  std::string json = "{\"records\":[";
  const char* row = decoded.batch->first_row();
  for (uint32_t i = 0; i < decoded.batch->rows(); ++i) {
    json.append(i == 0 ? "" : ",").append(ExplanationJson(explainer.Explain(*decoded.batch, row)));
    row = model::RowReader(row).next_row();
  }
  return json.append("]}\n");
}

}  // namespace

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
