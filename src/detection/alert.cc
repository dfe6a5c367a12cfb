#include "detection/alert.h"

#include "base/bytes.h"
#include "rules/alerting.h"

namespace neurallog::detection {
namespace {

constexpr uint8_t kAlertFormat = 4;
constexpr uint8_t kAlertFormatWithoutSeen = 3;
constexpr uint8_t kAlertFormatWithoutPeriods = 2;
constexpr uint8_t kAlertFormatWithoutActions = 1;
constexpr size_t kTextsMax = 64;  // more than any alert has

void AppendTexts(std::string* to, const Alert::Texts& texts) {
  base::AppendVarint(to, texts.size());
  for (const auto& [name, value] : texts) {
    base::AppendLengthPrefixed(to, name);
    base::AppendLengthPrefixed(to, value);
  }
}

bool ReadTexts(base::ByteReader* from, Alert::Texts* texts) {
  const uint64_t count = from->ReadVarint();
  if (count > kTextsMax) return false;
  for (uint64_t i = 0; i < count; ++i) {
    std::string name(from->ReadLengthPrefixed());
    texts->emplace_back(std::move(name), from->ReadLengthPrefixed());
  }
  return from->ok();
}

void AppendTold(std::string* to, const std::vector<Alert::Told>& told) {
  base::AppendVarint(to, told.size());
  for (const Alert::Told& one : told) {
    base::AppendLengthPrefixed(to, one.action);
    to->push_back(one.send_resolved ? 1 : 0);
  }
}

bool ReadTold(base::ByteReader* from, std::vector<Alert::Told>* told) {
  const uint64_t count = from->ReadVarint();
  if (count > rules::kRuleActionsMax) return false;
  for (uint64_t i = 0; i < count; ++i) {
    std::string action(from->ReadLengthPrefixed());
    told->push_back({std::move(action), from->ReadLe<uint8_t>() != 0});
  }
  return from->ok();
}

void AppendNote(std::string* to, const std::optional<AlertNote>& note) {
  to->push_back(note ? 1 : 0);
  if (!note) return;
  base::AppendLengthPrefixed(to, note->by);
  base::AppendLengthPrefixed(to, note->text);
  base::AppendLe(to, note->at_ns);
}

void ReadNote(base::ByteReader* from, std::optional<AlertNote>* note) {
  if (from->ReadLe<uint8_t>() == 0) return;
  note->emplace();
  (*note)->by = from->ReadLengthPrefixed();
  (*note)->text = from->ReadLengthPrefixed();
  (*note)->at_ns = from->ReadLe<int64_t>();
}

bool ReadMatches(base::ByteReader* from, std::vector<MatchId>* matches) {
  const uint64_t count = from->ReadVarint();
  if (count > Alert::kMatchesKept) return false;
  for (uint64_t i = 0; i < count; ++i) {
    const auto time_ns = from->ReadLe<int64_t>();
    matches->push_back({time_ns, from->ReadLe<uint64_t>()});
  }
  return from->ok();
}

bool ReadPeriods(base::ByteReader* from, Alert* alert) {
  alert->periods = from->ReadLe<uint8_t>();
  if (alert->periods > rules::kPeriodsMax) return false;
  if (alert->periods > 0) alert->breaches.Decode(from);
  return from->ok();
}

bool ReadBody(base::ByteReader* from, uint8_t format, Alert* alert) {
  alert->fingerprint = from->ReadLe<uint64_t>();
  alert->rule_id = from->ReadLengthPrefixed();
  alert->rule = from->ReadLengthPrefixed();
  alert->rule_version = from->ReadVarint();
  if (!ReadTexts(from, &alert->labels) || !ReadTexts(from, &alert->group)) return false;
  alert->key.low = from->ReadLe<uint64_t>();
  alert->key.high = from->ReadLe<uint64_t>();
  for (int64_t* time : {&alert->start_ns, &alert->fired_ns, &alert->last_match_ns,
                        &alert->resolved_ns, &alert->since_ns, &alert->active_ns})
    *time = from->ReadLe<int64_t>();
  if (!alert->clock.Decode(from)) return false;
  alert->matches = from->ReadVarint();
  if (!ReadMatches(from, &alert->last_matches)) return false;
  ReadNote(from, &alert->acknowledged);
  ReadNote(from, &alert->resolved);
  if (format >= kAlertFormatWithoutPeriods && !ReadTold(from, &alert->told)) return false;
  if (format >= kAlertFormatWithoutSeen && !ReadPeriods(from, alert)) return false;
  alert->seen.lsn = format >= kAlertFormat ? from->ReadLe<uint64_t>() : UINT64_MAX;
  alert->seen.row = format >= kAlertFormat ? from->ReadLe<uint32_t>() : 0;
  return from->ok() && from->empty();
}

}  // namespace

std::string_view StateName(AlertState state) {
  switch (state) {
    case AlertState::kPending: return "pending";
    case AlertState::kFiring: return "firing";
    case AlertState::kAcknowledged: return "acknowledged";
    case AlertState::kResolved: return "resolved";
  }
  return "";
}

std::string_view EndName(AlertEnd end) {
  switch (end) {
    case AlertEnd::kNone: return "";
    case AlertEnd::kQuiet: return "no_match";
    case AlertEnd::kCleared: return "cleared";
    case AlertEnd::kRuleGone: return "rule_gone";
    case AlertEnd::kRuleChanged: return "rule_changed";
    case AlertEnd::kUser: return "user";
  }
  return "";
}

std::string_view ChangeName(AlertChange change) {
  switch (change) {
    case AlertChange::kPending: return "pending";
    case AlertChange::kFired: return "fired";
    case AlertChange::kAcknowledged: return "acknowledged";
    case AlertChange::kUnacknowledged: return "unacknowledged";
    case AlertChange::kResolved: return "resolved";
    case AlertChange::kLapsed: return "lapsed";
  }
  return "";
}

std::string EncodeAlert(const Alert& alert) {
  std::string value;
  base::AppendLe(&value, kAlertFormat);
  base::AppendLe(&value, static_cast<uint8_t>(alert.state));
  base::AppendLe(&value, static_cast<uint8_t>(alert.end));
  base::AppendLe(&value, static_cast<uint8_t>(alert.severity));
  base::AppendLe(&value, alert.ended_ns);
  base::AppendLe(&value, alert.fingerprint);
  base::AppendLengthPrefixed(&value, alert.rule_id);
  base::AppendLengthPrefixed(&value, alert.rule);
  base::AppendVarint(&value, alert.rule_version);
  AppendTexts(&value, alert.labels);
  AppendTexts(&value, alert.group);
  base::AppendLe(&value, alert.key.low);
  base::AppendLe(&value, alert.key.high);
  for (const int64_t time : {alert.start_ns, alert.fired_ns, alert.last_match_ns, alert.resolved_ns,
                             alert.since_ns, alert.active_ns})
    base::AppendLe(&value, time);
  alert.clock.Encode(&value);
  base::AppendVarint(&value, alert.matches);
  base::AppendVarint(&value, alert.last_matches.size());
  for (const MatchId& match : alert.last_matches) {
    base::AppendLe(&value, match.time_ns);
    base::AppendLe(&value, match.hash);
  }
  AppendNote(&value, alert.acknowledged);
  AppendNote(&value, alert.resolved);
  AppendTold(&value, alert.told);
  base::AppendLe(&value, static_cast<uint8_t>(alert.periods));
  if (alert.periods > 0) alert.breaches.Encode(&value);
  base::AppendLe(&value, alert.seen.lsn);
  base::AppendLe(&value, alert.seen.row);
  return value;
}

Result<Alert> DecodeAlert(const AlertId& id, std::string_view value) {
  base::ByteReader reader(value);
  const auto format = reader.ReadLe<uint8_t>();
  const auto state = reader.ReadLe<uint8_t>();
  const auto end = reader.ReadLe<uint8_t>();
  const auto severity = reader.ReadLe<uint8_t>();
  Alert alert;
  alert.ended_ns = reader.ReadLe<int64_t>();
  const bool is_known_format = format >= kAlertFormatWithoutActions && format <= kAlertFormat;
  const bool is_known = is_known_format && state < kAlertStates &&
                        end <= static_cast<uint8_t>(AlertEnd::kUser) &&
                        severity <= static_cast<uint8_t>(rules::Severity::kCritical);
  if (!is_known || !ReadBody(&reader, format, &alert))
    return Corruption("alert " + ToString(id) + " is damaged");
  alert.id = id;
  alert.state = static_cast<AlertState>(state);
  alert.end = static_cast<AlertEnd>(end);
  alert.severity = static_cast<rules::Severity>(severity);
  return alert;
}

}  // namespace neurallog::detection
