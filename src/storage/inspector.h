// Looks through a store that no server has open: every byte of every file, every block, every column. Changes nothing.
//
//   NL_TRY(auto inspector, Inspector::Open("/var/lib/neurallog/store"));
//   inspector->Check(tenants, [](const StoreDamage& damage) { ... });
//
// What is found can be taken out of a copy: RepairCopy.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neurallog/log_record.h"
#include "neurallog/status.h"
#include "storage/keyspace.h"

namespace neurallog::storage {

struct KeyRange {
  std::string begin;
  std::string end;
};

// One thing that is damaged.
struct StoreDamage {
  std::string family;  // a partition's name, or "meta"
  std::optional<TenantId> tenant;
  std::optional<BlockId> block;
  TimeRange range;               // of the rows concerned: the block's, or else the partition's
  std::optional<uint32_t> rows;  // that are lost; nothing: not known
  std::string what;
  // What a repair takes out of the family; empty when that is not a matter of keys.
  std::vector<KeyRange> keys;
  // The family's files cannot be read in whole: what is readable must move to new ones.
  bool rebuild = false;
};

// How much was looked at.
struct InspectorStats {
  uint64_t files = 0;
  uint64_t partitions = 0;
  uint64_t blocks = 0;
  uint64_t chunks = 0;
  uint64_t bytes = 0;  // of keys and values
  uint64_t rows = 0;
};

// Not thread-safe. Memory: the headers of one tenant in one partition at a time; a blob file when blobs have lost their keys.
class Inspector {
 public:
  // Corruption when the store's own bookkeeping (CURRENT, MANIFEST) cannot be read.
  static Result<std::unique_ptr<Inspector>> Open(const std::string& directory);
  ~Inspector();

  // `tenants` are found even where damage hides them; others are found by their keys.
  void Check(const std::vector<TenantId>& tenants,
             const std::function<void(const StoreDamage&)>& report);
  const InspectorStats& stats() const;
  // The readable keys of `meta` with this prefix.
  void ScanMeta(
      std::string_view prefix,
      const std::function<void(std::string_view key, std::string_view value)>& visit) const;

 private:
  friend Status RepairCopy(const std::string& from, const std::string& to,
                           const std::vector<TenantId>& tenants,
                           const std::vector<StoreDamage>& damage);
  struct Rocks;
  explicit Inspector(std::unique_ptr<Rocks> rocks);

  const std::unique_ptr<Rocks> rocks_;
};

// Makes `to` a store with all that is good in `from`: files of undamaged families are hard links, so both folders lie on one file system.
// `from` stays as it is. `damage` is all that Check has reported for these tenants.
Status RepairCopy(const std::string& from, const std::string& to,
                  const std::vector<TenantId>& tenants, const std::vector<StoreDamage>& damage);

}  // namespace neurallog::storage
