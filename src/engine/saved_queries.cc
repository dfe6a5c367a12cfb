#include "engine/saved_queries.h"

#include "base/hash.h"
#include "base/json_text.h"
#include "base/json_value.h"
#include "query/query.h"

namespace neurallog::engine {
namespace {

constexpr std::string_view kReservedName = "active";  // its path is taken

std::string Encode(const SavedQuery& query) {
  std::string json = "{\"name\":";
  base::AppendJsonString(&json, query.name);
  json += ",\"query\":";
  base::AppendJsonString(&json, query.query);
  json += ",\"description\":";
  base::AppendJsonString(&json, query.description);
  json += ",\"created_ns\":" + std::to_string(query.created_ns);
  return json + ",\"updated_ns\":" + std::to_string(query.updated_ns) + "}";
}

Result<SavedQuery> Decode(std::string_view bytes) {
  NL_TRY(const base::JsonValue json, base::ParseJson(bytes));
  SavedQuery query;
  NL_TRY(query.name, json.String("name"));
  NL_TRY(query.query, json.String("query"));
  NL_TRY(query.description, json.String("description"));
  NL_TRY(query.created_ns, json.Signed("created_ns"));
  NL_TRY(query.updated_ns, json.Signed("updated_ns"));
  return query;
}

std::string KeyOf(TenantId tenant, std::string_view name) {
  return SavedQueryPrefix(tenant).append(name);
}

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

Status Check(const SavedQuery& query) {
  const bool is_name = !query.name.empty() && query.name.size() <= SavedQueries::kNameBytesMax &&
                       query.name != kReservedName &&
                       std::all_of(query.name.begin(), query.name.end(), IsNameByte);
  if (!is_name)
    return InvalidArgument("name \"" + query.name.substr(0, 80) +
                           "\": expected 1 to 64 letters, digits, '_', '.' or '-', and not "
                           "\"active\"");
  if (query.description.size() > SavedQueries::kDescriptionBytesMax)
    return InvalidArgument("description: " + std::to_string(query.description.size()) +
                           " bytes, more than " +
                           std::to_string(SavedQueries::kDescriptionBytesMax));
  const auto parsed = query::ParseQuery(query.query, {.now_ns = query.updated_ns});
  return parsed.ok() ? Status() : parsed.status().Annotate("query");
}

Status CheckExpectation(const std::optional<SavedQuery>& old, std::string_view name,
                        const SavedQueries::Expectation& expectation) {
  const std::string which = "query \"" + std::string(name.substr(0, 80)) + "\"";
  if (expectation.is_new && old) return Conflict(which + " exists");
  if (expectation.version && (!old || old->Version() != *expectation.version))
    return Conflict(which + " has changed; its version is " + (old ? old->Version() : "none"));
  return {};
}

}  // namespace

std::string SavedQueryPrefix(TenantId tenant) {
  return "query/" + std::to_string(static_cast<uint32_t>(tenant)) + "/";
}

std::string SavedQuery::Version() const {
  constexpr std::string_view kHex = "0123456789abcdef";
  const uint64_t hash = base::Hash64(Encode(*this));
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kHex[hash >> shift & 15]);
  return text;
}

Result<SavedQuery> SavedQueries::Put(TenantId tenant, SavedQuery query,
                                     const Expectation& expectation) {
  base::MutexLock lock(mutex_);
  query.updated_ns = clock_->WallNs();
  NL_RETURN_IF_ERROR(Check(query));
  const auto found = Get(tenant, query.name);
  if (!found.ok() && found.status().code() != Code::kNotFound) return found.status();
  const std::optional<SavedQuery> old = found.ok() ? std::optional(*found) : std::nullopt;
  NL_RETURN_IF_ERROR(CheckExpectation(old, query.name, expectation));
  if (!old) {
    NL_TRY(const std::vector<SavedQuery> all, List(tenant));
    if (all.size() >= kPerTenantMax)
      return ResourceExhausted("the tenant has " + std::to_string(kPerTenantMax) +
                               " saved queries, which is the maximum");
  }
  query.created_ns = old ? old->created_ns : query.updated_ns;
  NL_RETURN_IF_ERROR(store_->PutMeta(KeyOf(tenant, query.name), Encode(query)));
  return query;
}

Status SavedQueries::Delete(TenantId tenant, std::string_view name,
                            const Expectation& expectation) {
  base::MutexLock lock(mutex_);
  NL_TRY(const SavedQuery old, Get(tenant, name));
  NL_RETURN_IF_ERROR(CheckExpectation(old, name, expectation));
  return store_->DeleteMeta(KeyOf(tenant, name));
}

Result<SavedQuery> SavedQueries::Get(TenantId tenant, std::string_view name) const {
  const auto bytes = store_->GetMeta(KeyOf(tenant, name));
  if (bytes.status().code() == Code::kNotFound)
    return NotFound("query \"" + std::string(name.substr(0, 80)) + "\" does not exist");
  NL_RETURN_IF_ERROR(bytes.status());
  return Decode(*bytes);
}

Result<std::vector<SavedQuery>> SavedQueries::List(TenantId tenant) const {
  std::vector<SavedQuery> queries;
  Status status;
  NL_RETURN_IF_ERROR(
      store_->ScanMeta(SavedQueryPrefix(tenant), [&](std::string_view, std::string_view value) {
        auto query = Decode(value);
        if (!query.ok()) status = query.status();
        if (query.ok()) queries.push_back(std::move(*query));
      }));
  NL_RETURN_IF_ERROR(status);
  return queries;
}

}  // namespace neurallog::engine
