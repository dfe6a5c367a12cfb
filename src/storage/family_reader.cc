#include <rocksdb/metadata.h>

#include "storage/blob_scan.h"
#include "storage/inspector_rocks.h"

namespace neurallog::storage {
namespace {

// The first key behind all that begin with `prefix`; empty: there is none.
std::string Behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace

KeyRange WithPrefix(const std::string& prefix) { return {prefix, Behind(prefix)}; }

std::string BlockKey(const std::string& prefix, char kind, const BlockId& id) {
  std::string key = prefix + kind;
  base::AppendBe(&key, id.end.lsn);
  base::AppendBe(&key, id.end.row);
  base::AppendBe(&key, id.rewrite);
  return key;
}

std::string ChunkKey(const std::string& prefix, const BlockId& id, size_t column) {
  std::string key = BlockKey(prefix, 'C', id);
  base::AppendBe(&key, static_cast<uint16_t>(column));
  return key;
}

std::string HashListPieceKey(const std::string& prefix, const BlockId& id, size_t piece) {
  std::string key = BlockKey(prefix, 'H', id);
  if (piece > 0) base::AppendBe(&key, static_cast<uint16_t>(piece));
  return key;
}

std::vector<UnreadableKeys> FamilyReader::Scan(const KeyRange& range, const Visit& visit) const {
  std::vector<UnreadableKeys> unreadable;
  const rocksdb::Slice end = range.end;
  const MakeIterator make = [&] {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    if (!range.end.empty()) options.iterate_upper_bound = &end;
    return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, family_));
  };
  const Status status = SalvageScan(
      make, range.begin, range.end,
      [&](std::string_view key, std::string_view value) {
        visit(key, value);
        return Status();
      },
      [&](const UnreadableKeys& keys) { unreadable.push_back(keys); });
  static_cast<void>(status);  // only the visitor could fail
  return unreadable;
}

std::set<std::string> FamilyReader::Prefixes(const std::vector<TenantId>& known) const {
  std::set<std::string> prefixes;
  for (const TenantId tenant : known) prefixes.insert(Keyspace(tenant, 0).Begin());
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, family_));
  // One seek for each tenant. What is unreadable belongs to known tenants or to deleted ones; the next known one leads on.
  std::string from;
  for (;;) {
    it->Seek(from);
    if (it->Valid() && it->key().size() >= kPrefixBytes) {
      const std::string prefix(it->key().data(), kPrefixBytes);
      prefixes.insert(prefix);
      from = Behind(prefix);
    } else if (!it->Valid() && !it->status().ok()) {
      const auto next = prefixes.upper_bound(from);
      if (next == prefixes.end()) break;
      from = *next;
      from.push_back('\xff');  // behind what could not be read
    } else {
      break;
    }
    if (from.empty()) break;
  }
  return prefixes;
}

rocksdb::Status FamilyReader::Get(const std::string& key, std::string* value) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  return db_->Get(options, family_, key, value);
}

std::vector<UnreadableKeys> FamilyReader::ScanOthers(const std::string& prefix,
                                                     const Visit& visit) const {
  std::vector<UnreadableKeys> unreadable;
  for (const auto& [begin, end] : {std::pair{'\0', 'C'}, {'E', 'H'}, {'I', 'X'}, {'Y', '\xff'}}) {
    const std::string from = begin == '\0' ? prefix : prefix + begin;
    for (UnreadableKeys& keys : Scan({from, prefix + end}, visit))
      unreadable.push_back(std::move(keys));
  }
  return unreadable;
}

rocksdb::ColumnFamilyMetaData FamilyReader::MetaData() const {
  rocksdb::ColumnFamilyMetaData meta;
  db_->GetColumnFamilyMetaData(family_, &meta);
  return meta;
}

void FamilyReader::ScanBlobs(const Visit& visit) const {
  for (const rocksdb::BlobMetaData& file : MetaData().blob_files) {
    const Status status = ScanBlobFile(file.blob_file_path + "/" + file.blob_file_name,
                                       [&](std::string_view key, std::string_view value) {
                                         visit(key, value);
                                         return Status();
                                       });
    static_cast<void>(status);  // a file that is gone has no records
  }
}

std::vector<std::string> FamilyReader::SstFiles() const {
  std::vector<std::string> paths;
  for (const auto& level : MetaData().levels)
    for (const auto& file : level.files) paths.push_back(file.db_path + file.name);
  return paths;
}

size_t FamilyReader::blob_files() const { return MetaData().blob_files.size(); }

}  // namespace neurallog::storage
