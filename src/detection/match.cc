#include "detection/match.h"

#include <fmt/format.h>

#include <cmath>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "base/time_format.h"
#include "detection/hex.h"

namespace neurallog::detection {
namespace {

void AppendMember(std::string* json, std::string_view name, std::string_view text) {
  json->append(",\"").append(name).append("\":");
  base::AppendJsonString(json, text);
}

void AppendList(std::string* json, std::string_view name, const std::vector<std::string>& texts) {
  json->append(",\"").append(name).append("\":[");
  for (const std::string& text : texts) {
    if (json->back() != '[') json->push_back(',');
    base::AppendJsonString(json, text);
  }
  json->push_back(']');
}

// Cuts no UTF-8 sequence.
std::string_view Cut(std::string_view text, size_t bytes) {
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

// False when the value is not whole.
bool AppendValue(const model::Field& field, size_t room, std::string* json) {
  const bool fits = field.value.size() <= room;
  switch (field.type) {
    case ValueType::kNull: json->append("null"); return true;
    case ValueType::kNumber:
    case ValueType::kBool:
    case ValueType::kArray:
    case ValueType::kObject:
      if (fits) return json->append(field.value), true;
      break;
    case ValueType::kString:
      if (fits) return base::AppendJsonString(json, field.value), true;
      break;
  }
  base::AppendJsonString(json, Cut(field.value, room));
  return false;
}

// {"group":{"user":"ann"},"window":{...},"value":21}, of rules that look at many records.
void AppendWindow(const rules::Firing& firing, const std::vector<std::string>& group_fields,
                  std::string* json) {
  json->append(",\"group\":{");
  for (size_t i = 0; i < group_fields.size() && i < firing.group.size(); ++i) {
    if (i > 0) json->push_back(',');
    base::AppendJsonString(json, group_fields[i]);
    json->push_back(':');
    base::AppendJsonString(json, firing.group[i]);
  }
  json->append("},\"window\":{\"start\":\"").append(base::FormatRfc3339(firing.start_ns));
  json->append("\",\"end\":\"").append(base::FormatRfc3339(firing.end_ns));
  json->append("\"},\"value\":");
  json->append(std::isfinite(firing.value) ? fmt::format("{}", firing.value) : "null");
}

void AppendEnriched(const MatchTexts& enriched, std::string* json) {
  if (enriched.empty()) return;
  json->append(",\"enriched\":{");
  for (const auto& [name, text] : enriched) {
    if (json->back() != '{') json->push_back(',');
    base::AppendJsonString(json, name);
    json->push_back(':');
    base::AppendJsonString(json, text);
  }
  json->push_back('}');
}

}  // namespace

std::string ToString(const MatchId& id) {
  return Hex64(static_cast<uint64_t>(id.time_ns)).append(Hex64(id.hash));
}

std::optional<MatchId> ParseMatchId(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  const auto time = ParseHex64(text.substr(0, 16)), hash = ParseHex64(text.substr(16));
  if (!time || !hash) return std::nullopt;
  return MatchId{static_cast<int64_t>(*time), *hash};
}

MatchId MakeMatchId(TenantId tenant, const RuleInfo& rule, int64_t time_ns,
                    const base::Hash128Value& what) {
  std::string bytes;
  bytes.reserve(rule.id.size() + 40);
  base::AppendLe(&bytes, static_cast<uint32_t>(tenant));
  base::AppendLengthPrefixed(&bytes, rule.id);
  base::AppendLe(&bytes, rule.version);
  base::AppendLe(&bytes, what.low);
  base::AppendLe(&bytes, what.high);
  return {time_ns, base::Hash64(bytes)};
}

void AppendRecord(const model::RecordBatch& batch, const char* row, size_t bytes_max,
                  std::string* json, bool* is_cut) {
  const size_t begin = json->size();
  model::RowReader reader(row);
  json->append("{\"timestamp\":\"");
  base::AppendRfc3339(json, reader.timestamp_ns());
  json->push_back('"');
  for (model::Field field; reader.Next(&field);) {
    const std::string_view name = batch.names()[field.name_id];
    const size_t used = json->size() - begin + name.size();
    if (used >= bytes_max) {
      *is_cut = true;
      break;
    }
    json->push_back(',');
    base::AppendJsonString(json, name);
    json->push_back(':');
    if (!AppendValue(field, bytes_max - used, json)) *is_cut = true;
  }
  json->push_back('}');
}

std::string RuleJson(const RuleInfo& rule) {
  std::string json;
  AppendMember(&json, "rule_id", rule.id);
  AppendMember(&json, "rule", rule.name);
  json.append(",\"version\":").append(std::to_string(rule.version));
  AppendMember(&json, "severity", SeverityName(rule.severity));
  AppendMember(&json, "author", rule.author);
  AppendMember(&json, "license", rule.license);
  AppendList(&json, "references", rule.references);
  AppendList(&json, "tags", rule.tags);
  return json;
}

std::string DetailJson(const RuleInfo& rule, const rules::Firing& firing,
                       const std::vector<std::string>& group_fields, const MatchTexts& enriched) {
  std::string json;
  if (rule.type != "match") AppendWindow(firing, group_fields, &json);
  AppendEnriched(enriched, &json);
  return json;
}

void PutRecordJson(const MatchRow& row, std::string* json) {
  json->clear();
  if (row.row == nullptr) return;
  json->append(",\"record\":");
  bool is_cut = false;
  AppendRecord(*row.batch, row.row, kMatchRecordBytesMax, json, &is_cut);
  if (is_cut) json->append(",\"record_is_cut\":true");
}

std::string ToJson(const Match& match) {
  if (!match.whole_json.empty()) return std::string(match.whole_json);
  std::string json;
  json.reserve(192 + match.rule_json.size() + match.detail_json.size() + match.record_json.size());
  json.append("{\"match_id\":\"").append(ToString(match.id)).append("\"").append(match.rule_json);
  json.append(",\"timestamp\":\"");
  base::AppendRfc3339(&json, match.id.time_ns);
  json.append("\",\"matched\":\"");
  base::AppendRfc3339(&json, match.matched_ns);
  json.append("\"").append(match.detail_json).append(match.record_json);
  return json.append("}");
}

std::string MatchJson(const MatchId& id, const RuleInfo& rule, const rules::Firing& firing,
                      const std::vector<std::string>& group_fields, const MatchRow& row,
                      int64_t matched_ns) {
  const std::string rule_json = RuleJson(rule);
  const std::string detail_json = DetailJson(rule, firing, group_fields, {});
  std::string record_json;
  PutRecordJson(row, &record_json);
  return ToJson({id, rule.severity, matched_ns, rule.id, rule_json, detail_json, record_json, {}});
}

}  // namespace neurallog::detection
