// A store opened for reading only. Internal: no other room includes it.
#pragma once

#include <rocksdb/db.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/inspector.h"
#include "storage/salvage.h"

namespace neurallog::storage {

inline constexpr size_t kPrefixBytes = 5;  // of a key: tenant and generation
inline constexpr size_t kBlockKeyBytes = Keyspace::kBlockHeaderKeyBytes;

// All keys that begin with `prefix`.
KeyRange WithPrefix(const std::string& prefix);
// The name of a block behind prefix and kind.
std::string BlockKey(const std::string& prefix, char kind, const BlockId& id);
std::string ChunkKey(const std::string& prefix, const BlockId& id, size_t column);
std::string HashListPieceKey(const std::string& prefix, const BlockId& id, size_t piece);

// Options that open as much as possible and start nothing in the background.
rocksdb::DBOptions InspectionOptions();

using Visit = std::function<void(std::string_view key, std::string_view value)>;

// Reads one column family past damage. Blobs are read by key, not by iterator, which would stop at a bad one.
class FamilyReader {
 public:
  FamilyReader(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) : db_(db), family_(family) {}

  // Visits the readable keys; returns the stretches that are not.
  std::vector<UnreadableKeys> Scan(const KeyRange& range, const Visit& visit) const;
  // The tenants' prefixes: those of `known` and those that keys tell.
  std::set<std::string> Prefixes(const std::vector<TenantId>& known) const;
  rocksdb::Status Get(const std::string& key, std::string* value) const;
  // What lies beside headers, chunks, hash lists and deleted rows of a tenant.
  std::vector<UnreadableKeys> ScanOthers(const std::string& prefix, const Visit& visit) const;
  // Every intact record of the family's blob files, also of those that cannot be opened otherwise.
  void ScanBlobs(const Visit& visit) const;
  std::vector<std::string> SstFiles() const;
  size_t blob_files() const;

 private:
  rocksdb::ColumnFamilyMetaData MetaData() const;

  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const family_;
};

struct Inspector::Rocks {
  ~Rocks();
  Status Open(const std::string& directory, const rocksdb::DBOptions& options);
  // By name, for the SST files that cannot be opened.
  std::map<std::string, std::string> MakeStandIns() const;

  std::unique_ptr<rocksdb::Env> env;  // null: the system's
  std::unique_ptr<rocksdb::DB> db;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> families;
  InspectorStats stats;
};

}  // namespace neurallog::storage
