#include "actions/action.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/json_text.h"
#include "base/quantity.h"
#include "base/time_format.h"
#include "rules/alerting.h"

namespace neurallog::actions {
namespace {

using base::JsonValue;
using Kind = JsonValue::Kind;

constexpr uint8_t kActionFormat = 2;  // 1: had no `quiet`
constexpr size_t kSecretsBytesMax = 16u << 10;

Status ReadNumber(const JsonValue& value, std::string_view name, double least, double most,
                  double* to) {
  const std::string& text = value.text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *to);
  if (value.kind() == Kind::kNumber && error == std::errc() && end == text.data() + text.size() &&
      *to >= least && *to <= most)
    return {};
  return InvalidArgument(fmt::format("{}: expected a number from {} to {}", name, least, most));
}

Status ReadRate(const JsonValue& json, Pace* pace) {
  if (json.kind() != Kind::kObject) return InvalidArgument("rate_limit: expected an object");
  for (const std::string& name : json.names()) {
    if (name == "per_second")
      NL_RETURN_IF_ERROR(
          ReadNumber(*json.Find(name), "rate_limit: per_second", 0.001, 1e6, &pace->per_second));
    else if (name == "burst")
      NL_RETURN_IF_ERROR(ReadNumber(*json.Find(name), "rate_limit: burst", 1, 1e6, &pace->burst));
    else return InvalidArgument("rate_limit: unknown member " + name.substr(0, 40));
  }
  return {};
}

Status ReadBreaker(const JsonValue& json, Pace* pace) {
  if (json.kind() != Kind::kObject) return InvalidArgument("breaker: expected an object");
  for (const std::string& name : json.names()) {
    if (name == "failures") {
      double failures = 0;
      NL_RETURN_IF_ERROR(ReadNumber(*json.Find(name), "breaker: failures", 1, 1000, &failures));
      pace->breaker_failures = static_cast<uint32_t>(failures);
    } else if (name == "open_for") {
      const auto ns = base::ParseDuration(json.Find(name)->text());
      if (!ns || *ns < 100'000'000 || *ns > int64_t{3600} * 1'000'000'000)
        return InvalidArgument("breaker: open_for: expected a duration of 100ms to 1h");
      pace->breaker_open_ns = *ns;
    } else {
      return InvalidArgument("breaker: unknown member " + name.substr(0, 40));
    }
  }
  return {};
}

Status ReadOrdering(const JsonValue& json, ActionSettings* settings) {
  if (json.text() != "none" && json.text() != "per_group")
    return InvalidArgument("ordering: expected none or per_group");
  settings->is_ordered = json.text() == "per_group";
  return {};
}

Status ReadMember(const JsonValue& json, const std::string& name, ActionDraft* draft) {
  const JsonValue& value = *json.Find(name);
  ActionSettings& settings = draft->settings;
  if (name == "id" || name == "name" || name == "type") {
    NL_TRY(std::string text, json.String(name));
    (name == "id" ? draft->id : name == "name" ? settings.name : settings.type) = std::move(text);
    return {};
  }
  if (name == "config") {
    if (value.kind() != Kind::kObject) return InvalidArgument("config: expected an object");
    settings.config = base::ToJson(value);
    return {};
  }
  if (name == "retry") {
    NL_TRY(settings.retry, RetryPolicy::Parse(value));
    return {};
  }
  if (Quiet::IsMember(name)) return settings.quiet.Read(name, value);
  if (name == "rate_limit") return ReadRate(value, &settings.pace);
  if (name == "breaker") return ReadBreaker(value, &settings.pace);
  if (name == "ordering") return ReadOrdering(value, &settings);
  if (name == "concurrency") {
    double concurrency = 0;
    NL_RETURN_IF_ERROR(ReadNumber(value, name, 1, 128, &concurrency));
    settings.pace.concurrency = static_cast<uint32_t>(concurrency);
    return {};
  }
  if (name == "enabled") {
    if (value.kind() != Kind::kBool) return InvalidArgument("enabled: expected true or false");
    settings.enabled = value.text() == "true";
    return {};
  }
  return InvalidArgument("unknown member " + name.substr(0, 40));
}

std::string IdFromName(std::string_view name) {
  std::string id;
  for (const char c : name.substr(0, 64)) id.push_back(rules::IsActionId({&c, 1}) ? c : '-');
  for (char& c : id) c = base::ToLower(c);
  return id;
}

void AppendPace(std::string* to, const Pace& pace) {
  base::AppendLe(to, pace.per_second);
  base::AppendLe(to, pace.burst);
  base::AppendVarint(to, pace.breaker_failures);
  base::AppendLe(to, pace.breaker_open_ns);
  base::AppendVarint(to, pace.concurrency);
}

void ReadPace(base::ByteReader* from, Pace* pace) {
  pace->per_second = from->ReadLe<double>();
  pace->burst = from->ReadLe<double>();
  pace->breaker_failures = static_cast<uint32_t>(from->ReadVarint());
  pace->breaker_open_ns = from->ReadLe<int64_t>();
  pace->concurrency = static_cast<uint32_t>(from->ReadVarint());
}

void AppendMember(std::string* json, std::string_view name, std::string_view value) {
  json->append(json->size() > 1 ? "," : "");
  base::AppendJsonString(json, name);
  json->append(":").append(value);
}

std::string Hidden() { return '"' + std::string(kHiddenSecret) + '"'; }

bool IsHidden(const JsonValue& value) {
  return value.kind() == Kind::kString && value.text() == kHiddenSecret;
}

// Members of `open`, then those of `secrets` as `show` has them.
template <typename Show>
Result<std::string> Join(std::string_view open, std::string_view secrets, const Show& show) {
  NL_TRY(const JsonValue members, base::ParseJson(open));
  NL_TRY(const JsonValue hidden, base::ParseJson(secrets.empty() ? "{}" : secrets));
  std::string json = "{";
  for (const std::string& name : members.names())
    AppendMember(&json, name, base::ToJson(*members.Find(name)));
  for (const std::string& name : hidden.names())
    AppendMember(&json, name, show(*hidden.Find(name)));
  return json.append("}");
}

}  // namespace

Result<ActionDraft> ActionDraft::Parse(std::string_view text) {
  if (text.size() > kBytesMax)
    return TooLarge(fmt::format("an action of {} bytes, more than {}", text.size(), kBytesMax));
  NL_TRY(const JsonValue json, base::ParseJson(text));
  if (json.kind() != Kind::kObject) return InvalidArgument("expected an object");
  ActionDraft draft;
  for (const std::string& name : json.names()) NL_RETURN_IF_ERROR(ReadMember(json, name, &draft));
  if (draft.settings.name.size() > kNameBytesMax)
    return InvalidArgument(fmt::format("name: more than {} bytes", kNameBytesMax));
  if (draft.settings.type.empty()) return InvalidArgument("type is missing");
  if (draft.id.empty()) draft.id = IdFromName(draft.settings.name);
  if (draft.settings.name.empty()) draft.settings.name = draft.id;
  return draft;
}

std::string EncodeAction(const StoredAction& action) {
  const ActionSettings& settings = action.settings;
  std::string bytes;
  base::AppendLe(&bytes, kActionFormat);
  bytes.push_back(settings.enabled ? 1 : 0);
  bytes.push_back(settings.is_ordered ? 1 : 0);
  base::AppendLe(&bytes, action.version);
  base::AppendLe(&bytes, action.created_ns);
  base::AppendLe(&bytes, action.updated_ns);
  AppendPace(&bytes, settings.pace);
  const std::string retry = settings.retry.ToJson(), quiet = settings.quiet.ToJson();
  for (const std::string* text : {&action.id, &settings.name, &settings.type, &settings.config,
                                  &retry, &action.sealed_secrets, &action.disabled_reason, &quiet})
    base::AppendLengthPrefixed(&bytes, *text);
  return bytes;
}

Result<StoredAction> DecodeAction(std::string_view bytes) {
  base::ByteReader reader(bytes);
  StoredAction action;
  ActionSettings& settings = action.settings;
  const auto format = reader.ReadLe<uint8_t>();
  settings.enabled = reader.ReadLe<uint8_t>() != 0;
  settings.is_ordered = reader.ReadLe<uint8_t>() != 0;
  action.version = reader.ReadLe<uint64_t>();
  action.created_ns = reader.ReadLe<int64_t>();
  action.updated_ns = reader.ReadLe<int64_t>();
  ReadPace(&reader, &settings.pace);
  std::string retry;
  for (std::string* text : {&action.id, &settings.name, &settings.type, &settings.config, &retry,
                            &action.sealed_secrets, &action.disabled_reason})
    *text = reader.ReadLengthPrefixed();
  const std::string_view quiet = format == 1 ? "{}" : reader.ReadLengthPrefixed();
  if (format == 0 || format > kActionFormat || !reader.ok() || !reader.empty())
    return Corruption("a stored action is damaged");
  NL_TRY(const JsonValue json, base::ParseJson(retry));
  NL_TRY(settings.retry, RetryPolicy::Parse(json));
  NL_TRY(const JsonValue members, base::ParseJson(quiet));
  for (const std::string& name : members.names())
    NL_RETURN_IF_ERROR(settings.quiet.Read(name, *members.Find(name)));
  return action;
}

std::string ActionPrefix(TenantId tenant) {
  return "action/" + std::to_string(static_cast<uint32_t>(tenant)) + "/";
}
std::string ActionKey(TenantId tenant, std::string_view id) {
  return ActionPrefix(tenant).append(id);
}

Result<SplitConfig> SplitSecrets(std::string_view config, const SinkType& type,
                                 std::string_view old_secrets) {
  NL_TRY(const JsonValue json, base::ParseJson(config));
  NL_TRY(const JsonValue old, base::ParseJson(old_secrets.empty() ? "{}" : old_secrets));
  SplitConfig split{"{", "{"};
  for (const std::string& name : json.names()) {
    const JsonValue* value = json.Find(name);
    const bool is_secret = std::find(type.secret_members.begin(), type.secret_members.end(),
                                     name) != type.secret_members.end();
    if (is_secret && IsHidden(*value)) value = old.Find(name);
    if (value == nullptr) return InvalidArgument("config: " + name + ": there is no secret yet");
    AppendMember(is_secret ? &split.secrets : &split.open, name, base::ToJson(*value));
  }
  split.open.push_back('}');
  if (split.secrets.size() > kSecretsBytesMax)
    return TooLarge(fmt::format("config: secrets of more than {} bytes", kSecretsBytesMax));
  split.secrets.size() > 1 ? split.secrets.push_back('}') : split.secrets.clear();
  return split;
}

Result<std::string> JoinSecrets(std::string_view open, std::string_view secrets) {
  return Join(open, secrets, [](const JsonValue& value) { return base::ToJson(value); });
}
Result<std::string> HideSecrets(std::string_view open, std::string_view secrets) {
  return Join(open, secrets, [](const JsonValue&) { return Hidden(); });
}

}  // namespace neurallog::actions
