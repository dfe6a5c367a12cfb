// Matches as they are stored and shown.
//
// A match is named by its time and a hash of tenant, rule, version and what fired: whoever evaluates the same
// records with the same rule again makes the same match.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "detection/compiled_rules.h"
#include "model/record_batch.h"
#include "rules/firing.h"
#include "storage/keyspace.h"

namespace neurallog::detection {

struct MatchId {
  int64_t time_ns = 0;
  uint64_t hash = 0;
  auto operator<=>(const MatchId&) const = default;
};
std::string ToString(const MatchId& id);
std::optional<MatchId> ParseMatchId(std::string_view text);
// `what` tells the firings of a rule apart: rules::Firing::id.
MatchId MakeMatchId(TenantId tenant, const RuleInfo& rule, int64_t time_ns,
                    const base::Hash128Value& what);

// The record of a match is cut at so many bytes.
inline constexpr size_t kMatchRecordBytesMax = 16 << 10;

// The record that a match came with. None: it came with the passing of time.
struct MatchRow {
  const model::RecordBatch* batch = nullptr;
  const char* row = nullptr;
};

using MatchTexts = std::vector<std::pair<std::string, std::string>>;

// A match as its parts, each of which others may share. Borrows them.
struct Match {
  MatchId id;
  rules::Severity severity = rules::Severity::kMedium;
  int64_t matched_ns = 0;  // wall
  std::string_view rule_id;
  // What of the JSON object says which rule it was, which window or what tables say, and which record: each empty,
  // or with a comma before it.
  std::string_view rule_json;
  std::string_view detail_json;
  std::string_view record_json;
  std::string_view whole_json;  // of a build that kept no parts; else empty
};
std::string RuleJson(const RuleInfo& rule);
std::string DetailJson(const RuleInfo& rule, const rules::Firing& firing,
                       const std::vector<std::string>& group_fields, const MatchTexts& enriched);
// Puts that of the record into *json, or nothing.
void PutRecordJson(const MatchRow& row, std::string* json);
// As it is shown.
std::string ToJson(const Match& match);
// All of this for a match that is not stored.
std::string MatchJson(const MatchId& id, const RuleInfo& rule, const rules::Firing& firing,
                      const std::vector<std::string>& group_fields, const MatchRow& row,
                      int64_t matched_ns);

// A record as a JSON object: its time and its fields by their flat names. Past `bytes_max` fields are
// left out and long texts cut, and *is_cut is set.
void AppendRecord(const model::RecordBatch& batch, const char* row, size_t bytes_max,
                  std::string* json, bool* is_cut);

}  // namespace neurallog::detection
