#include "detection/lookup_book.h"

#include <fmt/format.h>

#include <optional>

#include "base/log.h"
#include "detection/stored_rule.h"

namespace neurallog::detection {
namespace {

using base::JsonValue;
using Kind = JsonValue::Kind;

constexpr std::string_view kLookupPrefix = "lookup/";

std::string LookupPrefix(TenantId tenant) {
  return fmt::format("{}{}/", kLookupPrefix, static_cast<uint32_t>(tenant));
}

std::string QuotedLookup(std::string_view name) {
  return fmt::format("lookup \"{}\"", name.substr(0, 80));
}

bool IsText(const JsonValue& json) {
  return (json.kind() == Kind::kString || json.kind() == Kind::kNumber) &&
         json.text().size() <= LookupBook::kTextBytesMax;
}

Result<LookupBook::Texts> ReadTexts(const JsonValue& json) {
  if (IsText(json)) return LookupBook::Texts{{"", json.text()}};
  if (json.kind() != Kind::kObject) return InvalidArgument("expected a text or an object of texts");
  LookupBook::Texts texts;
  for (const std::string& name : json.names()) {
    if (!IsText(*json.Find(name)))
      return InvalidArgument(fmt::format("{}: expected a text of up to {} bytes",
                                         name.substr(0, 80), LookupBook::kTextBytesMax));
    texts.emplace_back(name, json.Find(name)->text());
  }
  return texts;
}

Result<LookupBook::Table> ReadTable(std::string_view text) {
  if (text.size() > LookupBook::kBytesMax)
    return TooLarge(
        fmt::format("a lookup of {} bytes, more than {}", text.size(), LookupBook::kBytesMax));
  NL_TRY(const JsonValue json, base::ParseJson(text));
  const JsonValue* const values = json.Find("values");
  if (values == nullptr || values->kind() != Kind::kObject)
    return InvalidArgument("values: expected an object");
  LookupBook::Table table;
  for (const std::string& key : values->names()) {
    auto texts = ReadTexts(*values->Find(key));
    if (!texts.ok())
      return InvalidArgument(
          fmt::format("values: {}: {}", key.substr(0, 80), texts.status().message()));
    table.insert_or_assign(key, std::move(*texts));
  }
  return table;
}

std::optional<std::string_view> ValueOf(std::string_view field,
                                        const std::vector<std::string>& group_fields,
                                        const rules::Firing& firing, const MatchRow& row) {
  for (size_t i = 0; i < group_fields.size() && i < firing.group.size(); ++i)
    if (group_fields[i] == field) return firing.group[i];
  if (row.row == nullptr) return std::nullopt;
  model::RowReader reader(row.row);
  for (model::Field of; reader.Next(&of);)
    if (row.batch->names()[of.name_id] == field) return of.value;
  return std::nullopt;
}

}  // namespace

Status LookupBook::Load() {
  std::map<TenantId, Tables> tables;
  NL_RETURN_IF_ERROR(store_->ScanMeta(kLookupPrefix, [&tables](std::string_view key,
                                                               std::string_view value) {
    auto table = ReadTable(value);
    if (!table.ok())
      return base::LogError("a lookup is left out",
                            {{"key", std::string(key)}, {"error", table.status().ToString()}});
    key.remove_prefix(kLookupPrefix.size());
    const auto tenant = static_cast<TenantId>(std::strtoul(std::string(key).c_str(), nullptr, 10));
    tables[tenant].emplace(key.substr(key.find('/') + 1),
                           std::make_shared<const Table>(std::move(*table)));
  }));
  base::MutexLock lock(mutex_);
  tables_ = std::move(tables);
  return {};
}

Result<size_t> LookupBook::Put(TenantId tenant, const std::string& name, std::string_view json) {
  if (!IsRuleId(name))
    return InvalidArgument("lookup name \"" + name.substr(0, 80) +
                           "\": expected 1 to 64 letters, digits, '_', '.' or '-'");
  NL_TRY(Table table, ReadTable(json));
  const size_t values = table.size();
  base::MutexLock change_lock(change_mutex_);
  const auto names = List(tenant);
  if (names.size() >= kLookupsMax && !Find(tenant, name))
    return ResourceExhausted(
        fmt::format("the tenant has {} lookups, which is the maximum", kLookupsMax));
  NL_RETURN_IF_ERROR(store_->PutMeta(LookupPrefix(tenant).append(name), json));
  base::MutexLock lock(mutex_);
  tables_[tenant][name] = std::make_shared<const Table>(std::move(table));
  return values;
}

Status LookupBook::Delete(TenantId tenant, std::string_view name) {
  base::MutexLock change_lock(change_mutex_);
  if (!Find(tenant, name)) return NotFound(QuotedLookup(name) + " does not exist");
  NL_RETURN_IF_ERROR(store_->DeleteMeta(LookupPrefix(tenant).append(name)));
  base::MutexLock lock(mutex_);
  Tables& tables = tables_[tenant];
  tables.erase(tables.find(name));
  if (tables.empty()) tables_.erase(tenant);
  return {};
}

Result<std::string> LookupBook::Get(TenantId tenant, std::string_view name) const {
  if (!Find(tenant, name)) return NotFound(QuotedLookup(name) + " does not exist");
  return store_->GetMeta(LookupPrefix(tenant).append(name));
}

std::vector<std::pair<std::string, size_t>> LookupBook::List(TenantId tenant) const {
  std::vector<std::pair<std::string, size_t>> names;
  base::MutexLock lock(mutex_);
  if (const auto of = tables_.find(tenant); of != tables_.end())
    for (const auto& [name, table] : of->second) names.emplace_back(name, table->size());
  return names;
}

std::shared_ptr<const LookupBook::Table> LookupBook::Find(TenantId tenant,
                                                          std::string_view name) const {
  base::MutexLock lock(mutex_);
  const auto of = tables_.find(tenant);
  if (of == tables_.end()) return nullptr;
  const auto found = of->second.find(name);
  return found == of->second.end() ? nullptr : found->second;
}

void LookupBook::AddRemoval(TenantId tenant, storage::MetaChange* change) {
  change->remove_ranges.emplace_back(LookupPrefix(tenant), EndOf(LookupPrefix(tenant)));
}

void LookupBook::Forget(TenantId tenant) {
  base::MutexLock lock(mutex_);
  tables_.erase(tenant);
}

LookupBook::Texts Enrich(const LookupBook& book, TenantId tenant, const RuleInfo& rule,
                         const std::vector<std::string>& group_fields, const rules::Firing& firing,
                         const MatchRow& row) {
  LookupBook::Texts enriched;
  for (const rules::Enrichment& enrichment : rule.alerting.enrich) {
    const auto table = book.Find(tenant, enrichment.lookup);
    const auto value = ValueOf(enrichment.key, group_fields, firing, row);
    if (!table || !value) continue;
    const auto found = table->find(*value);
    if (found == table->end()) continue;
    for (const auto& [name, text] : found->second)
      enriched.emplace_back(name.empty() ? enrichment.as : enrichment.as + "." + name, text);
  }
  return enriched;
}

}  // namespace neurallog::detection
