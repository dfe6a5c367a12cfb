// Tables of tenants that say more about a value: who owns a service, where a host stands. Rules add it to their matches.
//
//   book.Put(tenant, "owners", R"({"values":{"checkout":"payments","cart":{"team":"shop","tier":"1"}}})");
//   rule: enrich: [{lookup: owners, key: service, as: owner}]
//   Enrich(book, tenant, rule, ...)      // {"owner":"payments"}, or {"owner.team":"shop","owner.tier":"1"}
//
// A change holds for the next match; rules are not compiled again. All tables are in memory. Thread-safe but Load.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"
#include "base/mutex.h"
#include "detection/compiled_rules.h"
#include "detection/match.h"
#include "rules/firing.h"
#include "storage/store.h"

namespace neurallog::detection {

class LookupBook {
 public:
  static constexpr size_t kLookupsMax = 32;       // of a tenant
  static constexpr size_t kBytesMax = 256 << 10;  // of a document
  static constexpr size_t kTextBytesMax = 256;    // of a text

  // What is known of a value; a text alone has no name.
  using Texts = MatchTexts;
  using Table = std::map<std::string, Texts, std::less<>>;

  explicit LookupBook(storage::Store* store) : store_(store) {}
  Status Load();

  // The errors name what is wrong. How many values it has.
  Result<size_t> Put(TenantId tenant, const std::string& name, std::string_view json);
  Status Delete(TenantId tenant, std::string_view name);
  // The document. NotFound.
  Result<std::string> Get(TenantId tenant, std::string_view name) const;
  // By name, with the number of values.
  std::vector<std::pair<std::string, size_t>> List(TenantId tenant) const;
  // Null: there is none.
  std::shared_ptr<const Table> Find(TenantId tenant, std::string_view name) const;

  static void AddRemoval(TenantId tenant, storage::MetaChange* change);
  void Forget(TenantId tenant);

 private:
  using Tables = std::map<std::string, std::shared_ptr<const Table>, std::less<>>;

  storage::Store* const store_;
  base::Mutex change_mutex_;  // one change at a time
  mutable base::Mutex mutex_;
  std::map<TenantId, Tables> tables_ NL_GUARDED_BY(mutex_);
};

// What the rule's tables say about a firing, by name: of values of its group, or else of the record, which may be missing.
LookupBook::Texts Enrich(const LookupBook& book, TenantId tenant, const RuleInfo& rule,
                         const std::vector<std::string>& group_fields, const rules::Firing& firing,
                         const MatchRow& row);

}  // namespace neurallog::detection
