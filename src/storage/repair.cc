// A store without its damage: hard links of all files, from which damaged blocks are deleted; families with damaged files are dropped and
// filled anew with what can be read of them. Compaction stays off meanwhile: it would stop at the first damaged file.
#include <rocksdb/env.h>

#include <algorithm>
#include <filesystem>

#include "block/block.h"
#include "storage/inspector_rocks.h"
#include "storage/store_rocks.h"

namespace neurallog::storage {
namespace {

namespace fs = std::filesystem;

Status LinkOrCopy(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::remove_all(to, error);
  fs::create_directories(to, error);
  for (auto entry = fs::directory_iterator(from, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    const fs::path target = fs::path(to) / entry->path().filename();
    if (extension == ".sst" || extension == ".blob") {
      fs::create_hard_link(entry->path(), target, error);
    } else if (entry->is_regular_file() && entry->path().filename() != "LOCK") {
      fs::copy_file(entry->path(), target, error);
    }
  }
  return error ? IoError("copy " + from + " to " + to + ": " + error.message()) : Status();
}

// What is to leave a family.
struct FamilyRepair {
  bool rebuild = false;
  std::vector<KeyRange> removed;

  bool Removes(std::string_view key) const {
    return std::any_of(removed.begin(), removed.end(), [key](const KeyRange& range) {
      return range.begin <= key && (range.end.empty() || key < range.end);
    });
  }
};

class Repairer {
 public:
  Status Open(const std::string& directory) {
    std::vector<std::string> names;
    rocksdb::DBOptions options = InspectionOptions();
    NL_RETURN_IF_ERROR(FromRocks(rocksdb::DB::ListColumnFamilies(options, directory, &names),
                                 "list the column families of " + directory));
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : names) descriptors.emplace_back(name, FamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    NL_RETURN_IF_ERROR(FromRocks(rocksdb::DB::Open(options, directory, descriptors, &handles, &db),
                                 "open " + directory));
    db_.reset(db);
    for (size_t i = 0; i < names.size(); ++i) families_[names[i]] = handles[i];
    return {};
  }
  ~Repairer() {
    for (const auto& [name, handle] : families_)
      if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }

  Status Remove(const std::string& family, const std::vector<KeyRange>& ranges) {
    for (const KeyRange& range : ranges)
      NL_RETURN_IF_ERROR(
          FromRocks(db_->DeleteRange(WithoutLog(), families_.at(family), range.begin, range.end),
                    "remove keys of " + family));
    return Flush(family);
  }

  // An empty family in the place of the damaged one.
  Result<rocksdb::ColumnFamilyHandle*> Renew(const std::string& family) {
    rocksdb::ColumnFamilyHandle*& handle = families_.at(family);
    NL_RETURN_IF_ERROR(FromRocks(db_->DropColumnFamily(handle), "drop " + family));
    NL_RETURN_IF_ERROR(FromRocks(db_->DestroyColumnFamilyHandle(std::exchange(handle, nullptr)),
                                 "drop " + family));
    NL_RETURN_IF_ERROR(
        FromRocks(db_->CreateColumnFamily(FamilyOptions(), family, &handle), "make " + family));
    return handle;
  }
  rocksdb::DB* db() { return db_.get(); }

  static rocksdb::WriteOptions WithoutLog() {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return options;
  }
  Status Flush(const std::string& family) {
    return FromRocks(db_->Flush(rocksdb::FlushOptions(), families_.at(family)), "flush " + family);
  }

 private:
  static rocksdb::ColumnFamilyOptions FamilyOptions() {
    rocksdb::ColumnFamilyOptions options;
    options.disable_auto_compactions = true;
    options.compression = rocksdb::kNoCompression;
    options.enable_blob_files = true;
    options.min_blob_size = 4096;
    return options;
  }
  std::unique_ptr<rocksdb::DB> db_;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> families_;
};

// Copies what can be read of a family into an empty one.
class FamilyCopy {
 public:
  FamilyCopy(const FamilyReader& from, const FamilyRepair& repair, rocksdb::DB* to,
             rocksdb::ColumnFamilyHandle* family)
      : from_(from), repair_(repair), to_(to), family_(family) {}

  Status CopyAll() {
    const auto visit = [this](std::string_view key, std::string_view value) { Put(key, value); };
    static_cast<void>(from_.Scan({"", ""}, visit));
    return status_;
  }

  Status CopyTenant(const std::string& prefix) {
    blocks_.clear();
    static_cast<void>(
        from_.Scan(WithPrefix(prefix + 'D'), [&](std::string_view key, std::string_view value) {
          auto header = block::BlockHeader::Decode(value);
          if (key.size() != kBlockKeyBytes || !header.ok() || repair_.Removes(key)) return;
          blocks_[Keyspace::BlockOfHeaderKey(key.data())] = std::move(header).value();
          Put(key, value);
        }));
    for (const auto& [id, header] : blocks_) CopyBlock(prefix, id, *header);
    CopyLostChunks(prefix);
    CopyOthers(prefix);
    return status_;
  }

 private:
  void Put(std::string_view key, std::string_view value) {
    if (repair_.Removes(key) || !status_.ok()) return;
    status_ = FromRocks(to_->Put(Repairer::WithoutLog(), family_, Slice(key), Slice(value)),
                        "copy a key");
  }

  // False when there is no such key or it cannot be read.
  bool CopyKey(const std::string& key) {
    std::string value;
    if (!from_.Get(key, &value).ok()) return false;
    Put(key, value);
    return true;
  }

  void CopyBlock(const std::string& prefix, const BlockId& id, const block::BlockHeader& header) {
    for (size_t i = 0; i < header.columns.size(); ++i)
      if (header.columns[i].inline_chunk.empty() && !CopyKey(ChunkKey(prefix, id, i)))
        lost_.insert(ChunkKey(prefix, id, i));
    CopyKey(BlockKey(prefix, 'X', id));
    for (size_t piece = 0; CopyKey(HashListPieceKey(prefix, id, piece)); ++piece) {
    }
  }

  void CopyLostChunks(const std::string& prefix) {
    if (lost_.empty()) return;
    from_.ScanBlobs([&](std::string_view key, std::string_view value) {
      const auto lost = lost_.find(key);
      if (lost == lost_.end() || !key.starts_with(prefix)) return;
      const block::BlockHeader& header = *blocks_.at(Keyspace::BlockOfHeaderKey(key.data()));
      const size_t column = base::LoadBe<uint16_t>(key.data() + kBlockKeyBytes);
      if (!block::DecodeColumn(header.columns[column], header.rows, value).ok()) return;
      Put(key, value);
      lost_.erase(lost);
    });
    lost_.clear();
  }

  // The marker is set to the end of the blocks when it is lost, or older than that because the newest one is lost: rows behind it come from
  // the log. When a part of the token index is lost, all of it is left out: its blocks are searched instead.
  void CopyOthers(const std::string& prefix) {
    LogPosition marker;
    const auto visit_all = [&](bool with_index) {
      return from_.ScanOthers(prefix, [&](std::string_view key, std::string_view value) {
        const char kind = key.size() > kPrefixBytes ? key[kPrefixBytes] : '\0';
        const bool is_index = kind == 'S' || kind == 'I';
        if (kind == 'M') {
          if (!repair_.Removes(key) && value.size() == 12)
            marker = {base::LoadLe<uint64_t>(value.data()), base::LoadLe<uint32_t>(value.data() + 8)};
        } else if (is_index == with_index) {
          Put(key, value);
        }
      });
    };
    const bool is_whole = visit_all(/*with_index=*/false).empty();
    if (is_whole) static_cast<void>(visit_all(/*with_index=*/true));
    if (!blocks_.empty()) marker = std::max(marker, blocks_.rbegin()->first.end);
    if (marker == LogPosition{} || !status_.ok()) return;
    std::string value;
    base::AppendLe(&value, marker.lsn);
    base::AppendLe(&value, marker.row);
    status_ =
        FromRocks(to_->Put(Repairer::WithoutLog(), family_, prefix + 'M', value), "set a marker");
  }

  const FamilyReader& from_;
  const FamilyRepair& repair_;
  rocksdb::DB* const to_;
  rocksdb::ColumnFamilyHandle* const family_;
  Status status_;
  std::map<BlockId, std::shared_ptr<const block::BlockHeader>> blocks_;  // of one tenant
  std::set<std::string, std::less<>> lost_;                              // chunk keys
};

}  // namespace

Status RepairCopy(const std::string& from, const std::string& to,
                  const std::vector<TenantId>& tenants, const std::vector<StoreDamage>& damage) {
  std::map<std::string, FamilyRepair> repairs;
  for (const StoreDamage& item : damage) {
    FamilyRepair& repair = repairs[item.family];
    repair.rebuild = repair.rebuild || item.rebuild;
    repair.removed.insert(repair.removed.end(), item.keys.begin(), item.keys.end());
  }
  NL_RETURN_IF_ERROR(LinkOrCopy(from, to));
  NL_TRY(const std::unique_ptr<Inspector> source, Inspector::Open(from));
  Repairer repairer;
  NL_RETURN_IF_ERROR(repairer.Open(to));
  for (const auto& [family, repair] : repairs) {
    if (!repair.rebuild) {
      NL_RETURN_IF_ERROR(repairer.Remove(family, repair.removed));
      continue;
    }
    const FamilyReader reader(source->rocks_->db.get(), source->rocks_->families.at(family));
    NL_TRY(rocksdb::ColumnFamilyHandle* const renewed, repairer.Renew(family));
    FamilyCopy copy(reader, repair, repairer.db(), renewed);
    if (family == kMetaFamily) {
      NL_RETURN_IF_ERROR(copy.CopyAll());
    } else {
      for (const std::string& prefix : reader.Prefixes(tenants))
        NL_RETURN_IF_ERROR(copy.CopyTenant(prefix));
    }
    NL_RETURN_IF_ERROR(repairer.Flush(family));
  }
  return {};
}

}  // namespace neurallog::storage
