// A rule as a tenant keeps it: its document, as the author wrote it, and what was decided about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "rules/lists.h"

namespace neurallog::detection {

struct StoredRule {
  std::string id;
  std::string document;  // YAML or JSON, one document
  bool enabled = true;
  uint64_t version = 1;  // grows with every change
  int64_t created_ns = 0;
  int64_t updated_ns = 0;
  std::string quarantine;  // why it was taken out of work; empty: it was not
};

std::string EncodeRule(const StoredRule& rule);
Result<StoredRule> DecodeRule(std::string_view bytes);

// As messages call it.
std::string QuotedRule(std::string_view id);
// 1 to 64 letters, digits, '_', '.' or '-'.
bool IsRuleId(std::string_view text);
// The id of a rule whose document gives none: the same for the same name.
std::string IdFromName(std::string_view name);

// Keys in `meta`: docs/formats/keys.md
std::string RulePrefix(TenantId tenant);
std::string RuleKey(TenantId tenant, std::string_view id);
std::string RuleVersionPrefix(TenantId tenant, std::string_view id);
std::string RuleVersionKey(TenantId tenant, std::string_view id, uint64_t version);
std::string ListPrefix(TenantId tenant);
// The first key behind all that begin with this prefix.
std::string EndOf(std::string prefix);
// The prefixes of everything that is kept of a tenant's rules, but its matches.
std::vector<std::string> RulePrefixes(TenantId tenant);

std::string EncodeList(const std::vector<std::string>& values);
Result<std::vector<std::string>> DecodeList(std::string_view bytes);

}  // namespace neurallog::detection
