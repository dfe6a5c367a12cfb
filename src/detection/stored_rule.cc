#include "detection/stored_rule.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "detection/hex.h"

namespace neurallog::detection {
namespace {

constexpr uint8_t kRuleFormat = 1;
constexpr uint8_t kFormatQuarantined = 2;  // one text more
constexpr size_t kIdBytesMax = 64;

bool IsIdByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

std::string Key(std::string_view kind, TenantId tenant, std::string_view rest) {
  return std::string(kind)
      .append("/")
      .append(std::to_string(static_cast<uint32_t>(tenant)))
      .append("/")
      .append(rest);
}

}  // namespace

std::string EncodeRule(const StoredRule& rule) {
  std::string bytes;
  base::AppendLe(&bytes, rule.quarantine.empty() ? kRuleFormat : kFormatQuarantined);
  base::AppendLe(&bytes, static_cast<uint8_t>(rule.enabled));
  base::AppendLe(&bytes, rule.version);
  base::AppendLe(&bytes, rule.created_ns);
  base::AppendLe(&bytes, rule.updated_ns);
  base::AppendLengthPrefixed(&bytes, rule.id);
  base::AppendLengthPrefixed(&bytes, rule.document);
  if (!rule.quarantine.empty()) base::AppendLengthPrefixed(&bytes, rule.quarantine);
  return bytes;
}

Result<StoredRule> DecodeRule(std::string_view bytes) {
  base::ByteReader reader(bytes);
  const auto format = reader.ReadLe<uint8_t>();
  StoredRule rule;
  rule.enabled = reader.ReadLe<uint8_t>() != 0;
  rule.version = reader.ReadLe<uint64_t>();
  rule.created_ns = reader.ReadLe<int64_t>();
  rule.updated_ns = reader.ReadLe<int64_t>();
  rule.id = reader.ReadLengthPrefixed();
  rule.document = reader.ReadLengthPrefixed();
  if (format == kFormatQuarantined) rule.quarantine = reader.ReadLengthPrefixed();
  if (!reader.ok() || (format != kRuleFormat && format != kFormatQuarantined))
    return Corruption("a stored rule is damaged");
  return rule;
}

bool IsRuleId(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytesMax &&
         std::all_of(text.begin(), text.end(), IsIdByte);
}

std::string IdFromName(std::string_view name) {
  return std::string("r-").append(Hex64(base::Hash64(name)));
}

std::string QuotedRule(std::string_view id) {
  return "rule \"" + std::string(id.substr(0, 80)) + "\"";
}

std::string EndOf(std::string prefix) {
  prefix.back() = '/' + 1;
  return prefix;
}

std::string RulePrefix(TenantId tenant) { return Key("rule", tenant, ""); }
std::string RuleKey(TenantId tenant, std::string_view id) { return Key("rule", tenant, id); }

std::string RuleVersionPrefix(TenantId tenant, std::string_view id) {
  return Key("rule_version", tenant, id).append("/");
}

// Of equal length, so that they sort by number.
std::string RuleVersionKey(TenantId tenant, std::string_view id, uint64_t version) {
  return RuleVersionPrefix(tenant, id).append(Hex64(version));
}

std::string ListPrefix(TenantId tenant) { return Key("list", tenant, ""); }

std::vector<std::string> RulePrefixes(TenantId tenant) {
  return {RulePrefix(tenant), Key("rule_version", tenant, ""), ListPrefix(tenant)};
}

std::string EncodeList(const std::vector<std::string>& values) {
  std::string bytes;
  base::AppendVarint(&bytes, values.size());
  for (const std::string& value : values) base::AppendLengthPrefixed(&bytes, value);
  return bytes;
}

Result<std::vector<std::string>> DecodeList(std::string_view bytes) {
  base::ByteReader reader(bytes);
  std::vector<std::string> values;
  for (uint64_t count = reader.ReadVarint(); count > 0 && reader.ok(); --count)
    values.emplace_back(reader.ReadLengthPrefixed());
  if (!reader.ok()) return Corruption("a stored list is damaged");
  return values;
}

}  // namespace neurallog::detection
