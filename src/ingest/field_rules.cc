#include "ingest/field_rules.h"

#include <algorithm>

#include "neurallog/log_record.h"

namespace neurallog::ingest {
namespace {

constexpr std::string_view kTimeName = "_time";
constexpr std::string_view kMsgName = "_msg";

std::vector<std::string> NotEmpty(std::vector<std::string> names, std::string_view otherwise) {
  std::erase(names, "");
  if (names.empty()) names.emplace_back(otherwise);
  return names;
}

}  // namespace

FieldRules FieldRules::Native() {
  FieldRules rules;
  rules.roles_[std::string(kFieldTimestamp)] = {.time_rank = 0, .time_only = true};
  rules.roles_[std::string(kTimeName)] = {.time_rank = 1, .time_only = true};
  rules.roles_["@timestamp"] = {.time_rank = 2, .time_soft = true};
  return rules;
}

FieldRules FieldRules::JsonLines(const JsonLineParams& params) {
  FieldRules rules;
  rules.zero_is_arrival_ = true;
  for (const std::string& name : params.ignore_fields) rules.Ignore(name);
  rules.SortPrefixes();
  uint32_t rank = 0;
  for (const std::string& name : NotEmpty(params.time_fields, kTimeName)) {
    FieldRole& role = rules.roles_[name];
    role.time_rank = std::min(role.time_rank, rank++);
    role.drop = false;
  }
  // A stored field named _time would hide the record's time, so it is a last candidate for it.
  FieldRole& time = rules.roles_[std::string(kTimeName)];
  time.time_rank = std::min(time.time_rank, rank);
  time.time_only = true;
  rank = 0;
  for (const std::string& name : NotEmpty(params.msg_fields, kMsgName)) {
    FieldRole& role = rules.roles_[name];
    role.message_rank = std::min(role.message_rank, rank++);
    role.drop = false;
  }
  for (const auto& [name, value] : params.extra_fields) {
    if (name.empty() || name == kTimeName) continue;
    rules.roles_[name].drop = true;
    rules.extra_fields_.emplace_back(name, value);
  }
  rules.SetStreamFields(params.stream_fields);
  return rules;
}

void FieldRules::Ignore(const std::string& name) {
  if (name.empty()) return;
  if (name.back() == '*') {
    ignored_prefixes_.push_back(name.substr(0, name.size() - 1));
  } else {
    roles_[name].drop = true;
  }
}

void FieldRules::SortPrefixes() {
  std::sort(ignored_prefixes_.begin(), ignored_prefixes_.end());
  std::vector<std::string> shortest;
  for (std::string& prefix : ignored_prefixes_)
    if (shortest.empty() || !prefix.starts_with(shortest.back()))
      shortest.push_back(std::move(prefix));
  ignored_prefixes_ = std::move(shortest);
}

void FieldRules::SetStreamFields(std::vector<std::string> names) {
  std::erase(names, "");
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty() || (names.size() == 1 && names[0] == kFieldSource)) return;
  for (uint32_t i = 0; i < names.size(); ++i) roles_[names[i]].stream_index = i;
  roles_["_stream"].drop = true;
  roles_["_stream_id"].drop = true;
  stream_fields_ = std::move(names);
}

bool FieldRules::IsIgnoredByPrefix(std::string_view name) const {
  auto after = std::upper_bound(ignored_prefixes_.begin(), ignored_prefixes_.end(), name);
  return after != ignored_prefixes_.begin() && name.starts_with(*std::prev(after));
}

FieldRole FieldRules::RoleOf(std::string_view name) const {
  const auto found = roles_.find(name);
  FieldRole role = found == roles_.end() ? FieldRole{} : found->second;
  const bool named = role.time_rank != FieldRole::kNone || role.message_rank != FieldRole::kNone;
  if (!named && IsIgnoredByPrefix(name)) role.drop = true;
  return role;
}

std::string_view FieldRules::StoredName(std::string_view name) {
  return name == kMsgName ? kFieldMessage : name;
}

}  // namespace neurallog::ingest
