#include "storage/inspector.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>

#include "block/block.h"
#include "index/stored.h"
#include "storage/damage_registry.h"
#include "storage/deleted_rows.h"
#include "storage/inspector_rocks.h"
#include "storage/partition_name.h"
#include "storage/rocksdb_crc32c.h"
#include "storage/stand_in.h"
#include "storage/store_rocks.h"

namespace neurallog::storage {
namespace {

class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// One column family: its files, then each tenant's headers, then what belongs to them.
class FamilyCheck {
 public:
  FamilyCheck(rocksdb::DB* db, const std::string& name, rocksdb::ColumnFamilyHandle* handle,
              InspectorStats* stats, const std::function<void(const StoreDamage&)>& report)
      : name_(name), reader_(db, handle), stats_(*stats), report_(report) {
    if (const auto kind = ParsePartitionName(name)) range_ = kind->range;
  }

  void Run(const std::vector<TenantId>& tenants) {
    CheckFiles();
    if (name_ == kMetaFamily) return CheckMeta();
    for (const std::string& prefix : reader_.Prefixes(tenants)) CheckTenant(prefix);
  }

 private:
  struct Block {
    std::shared_ptr<const block::BlockHeader> header;
    std::map<size_t, std::string> lost;  // columns that cannot be read, and why
    std::string bad;                     // another reason why the block must go
  };

  StoreDamage Damage(std::string what, bool rebuild) const {
    StoreDamage damage;
    damage.family = name_;
    damage.range = range_;
    damage.what = std::move(what);
    damage.rebuild = rebuild;
    return damage;
  }
  StoreDamage TenantDamage(std::string what, bool rebuild) const {
    StoreDamage damage = Damage(std::move(what), rebuild);
    damage.tenant = tenant_;
    return damage;
  }
  void Count(std::string_view key, std::string_view value) {
    stats_.bytes += key.size() + value.size();
  }

  // Checksums of each file, whatever keys it holds.
  void CheckFiles() {
    const rocksdb::Options options(InspectionOptions(), rocksdb::ColumnFamilyOptions());
    for (const std::string& path : reader_.SstFiles()) {
      ++stats_.files;
      const rocksdb::Status status =
          rocksdb::VerifySstFileChecksum(options, rocksdb::EnvOptions(), path);
      if (!status.ok())
        report_(Damage("file " + path.substr(path.rfind('/') + 1) + ": " + status.ToString(),
                       /*rebuild=*/true));
    }
    stats_.files += reader_.blob_files();
  }

  void CheckMeta() {
    const auto unreadable = reader_.Scan(
        {"", ""}, [this](std::string_view key, std::string_view value) { Count(key, value); });
    for (const UnreadableKeys& keys : unreadable)
      report_(Damage("entries that cannot be read: " + keys.what, /*rebuild=*/true));
  }

  void CheckTenant(const std::string& prefix) {
    tenant_ = Keyspace::TenantOfKey(prefix.data());
    blocks_.clear();
    ReadHeaders(prefix);
    for (auto& [id, block] : blocks_)
      if (block.header) ReadBlock(prefix, id, &block);
    FindLostChunks(prefix);
    ReadOthers(prefix);
    for (const auto& [id, block] : blocks_) ReportIfBad(prefix, id, block);
  }

  void ReadHeaders(const std::string& prefix) {
    const auto visit = [&](std::string_view key, std::string_view value) {
      Count(key, value);
      if (key.size() != kBlockKeyBytes) {
        StoreDamage damage =
            TenantDamage("a block header's key of " + std::to_string(key.size()) + " bytes", false);
        damage.keys.push_back({std::string(key), std::string(key) + '\0'});
        return report_(damage);
      }
      ++stats_.blocks;
      Block& block = blocks_[Keyspace::BlockOfHeaderKey(key.data())];
      auto header = block::BlockHeader::Decode(value);
      if (!header.ok()) {
        block.bad = header.status().message();
        return;
      }
      block.header = std::move(header).value();
      stats_.rows += block.header->rows;
    };
    for (const UnreadableKeys& keys : reader_.Scan(WithPrefix(prefix + 'D'), visit))
      report_(TenantDamage("block headers " + Between(keys) + " cannot be read: " + keys.what,
                           /*rebuild=*/true));
  }

  // "behind block 1/5/0 and before block 9/0/0"
  static std::string Between(const UnreadableKeys& keys) {
    std::string text;
    if (keys.begin.size() > kBlockKeyBytes)
      text = "behind block " + BlockName(Keyspace::BlockOfHeaderKey(keys.begin.data()));
    if (keys.end.size() == kBlockKeyBytes)
      text += std::string(text.empty() ? "" : " and ") + "before block " +
              BlockName(Keyspace::BlockOfHeaderKey(keys.end.data()));
    return text.empty() ? "of all blocks" : text;
  }

  void ReadBlock(const std::string& prefix, const BlockId& id, Block* block) {
    const block::BlockHeader& header = *block->header;
    std::string value;
    for (size_t i = 0; i < header.columns.size(); ++i) {
      const block::ColumnMeta& meta = header.columns[i];
      Status read;
      if (meta.inline_chunk.empty()) {
        ++stats_.chunks;
        read = FromRocks(reader_.Get(ChunkKey(prefix, id, i), &value), "read");
        Count("", value);
      }
      const std::string_view chunk = meta.inline_chunk.empty() ? value : meta.inline_chunk;
      if (read.ok()) read = block::DecodeColumn(meta, header.rows, chunk).status();
      if (!read.ok()) block->lost[i] = read.message();
    }
    CheckDeletedRows(prefix, id, block);
    CheckHashList(prefix, id);
  }

  // Rows that were deleted must not come back: without their list the block goes.
  void CheckDeletedRows(const std::string& prefix, const BlockId& id, Block* block) {
    std::string value;
    const rocksdb::Status status = reader_.Get(BlockKey(prefix, 'X', id), &value);
    if (status.IsNotFound()) return;
    const Status decoded = status.ok() ? DecodeDeletedRows(value, block->header->rows).status()
                                       : FromRocks(status, "read deleted rows");
    if (!decoded.ok()) block->bad = decoded.message();
  }

  // No row is lost with a part of the index: its blocks are searched instead.
  void CheckHashList(const std::string& prefix, const BlockId& id) {
    std::string list;
    const std::string key = BlockKey(prefix, 'H', id);
    rocksdb::Status status;
    for (size_t piece = 0; status.ok() && list.size() == piece * Keyspace::kHashListPieceBytes;
         ++piece) {
      std::string value;
      status = reader_.Get(HashListPieceKey(prefix, id, piece), &value);
      list += value;
    }
    if (status.IsNotFound() && list.empty()) return;
    Count("", list);
    const Status read = status.ok() || status.IsNotFound()
                            ? index::Unseal(list, "token hash list").status()
                            : FromRocks(status, "read token hash list");
    if (read.ok()) return;
    StoreDamage damage = TenantDamage(std::string(read.message()), /*rebuild=*/false);
    damage.rows = 0;
    damage.keys.push_back(WithPrefix(key));
    report_(damage);
  }

  // Chunks whose keys are lost may lie in blob files: each record there has its key. Such a block is whole after a rebuild.
  void FindLostChunks(const std::string& prefix) {
    const bool is_complete = std::all_of(blocks_.begin(), blocks_.end(), [](const auto& entry) {
      return entry.second.lost.empty();
    });
    if (is_complete) return;
    size_t found = 0;
    reader_.ScanBlobs([&](std::string_view key, std::string_view value) {
      if (key.size() != kBlockKeyBytes + 2 || !key.starts_with(prefix + 'C')) return;
      const auto block = blocks_.find(Keyspace::BlockOfHeaderKey(key.data()));
      if (block == blocks_.end()) return;
      auto& lost = block->second.lost;
      const auto column = lost.find(base::LoadBe<uint16_t>(key.data() + kBlockKeyBytes));
      if (column == lost.end()) return;
      const block::BlockHeader& header = *block->second.header;
      if (!block::DecodeColumn(header.columns[column->first], header.rows, value).ok()) return;
      lost.erase(column);
      ++found;
    });
    if (found == 0) return;
    StoreDamage damage = TenantDamage(
        std::to_string(found) + " column chunks cannot be reached, but are found in blob files",
        /*rebuild=*/true);
    damage.rows = 0;
    report_(damage);
  }

  void ReadOthers(const std::string& prefix) {
    const auto visit = [this](std::string_view key, std::string_view value) {
      Count(key, value);
      CheckOther(key, value);
    };
    for (const UnreadableKeys& keys : reader_.ScanOthers(prefix, visit)) {
      StoreDamage damage =
          TenantDamage("keys of index or marker cannot be read: " + keys.what, /*rebuild=*/true);
      damage.rows = 0;
      report_(damage);
    }
  }

  void CheckOther(std::string_view key, std::string_view value) {
    const char kind = key.size() > kPrefixBytes ? key[kPrefixBytes] : '\0';
    Status status;
    if (kind == 'M' && value.size() != 12)
      status = Corruption("a marker of " + std::to_string(value.size()) + " bytes");
    if (kind == 'S' || kind == 'I') status = index::Unseal(value, "token index").status();
    if (status.ok()) return;
    StoreDamage damage = TenantDamage(std::string(status.message()), /*rebuild=*/kind == 'M');
    damage.rows = 0;
    damage.keys.push_back({std::string(key), std::string(key) + '\0'});
    report_(damage);
  }

  void ReportIfBad(const std::string& prefix, const BlockId& id, const Block& block) {
    if (block.bad.empty() && block.lost.empty()) return;
    std::string what = block.bad;
    if (what.empty())
      what = "column \"" + block.header->columns[block.lost.begin()->first].name +
             "\": " + block.lost.begin()->second;
    if (block.lost.size() > 1)
      what += ", and " + std::to_string(block.lost.size() - 1) + " more columns";
    StoreDamage damage = TenantDamage(std::move(what), /*rebuild=*/false);
    damage.block = id;
    if (block.header) {
      damage.range = {block.header->min_ns, block.header->max_ns};
      damage.rows = block.header->rows;
    }
    for (const char kind : {'C', 'D', 'H', 'X'})
      damage.keys.push_back(WithPrefix(BlockKey(prefix, kind, id)));
    report_(damage);
  }

  const std::string name_;
  const FamilyReader reader_;
  InspectorStats& stats_;
  const std::function<void(const StoreDamage&)>& report_;
  TimeRange range_;

  TenantId tenant_{};
  std::map<BlockId, Block> blocks_;  // of the tenant
};

}  // namespace

rocksdb::DBOptions InspectionOptions() {
  rocksdb::DBOptions options;
  options.paranoid_checks = false;  // a missing file is found when it is read
  options.max_open_files = 256;
  options.info_log = std::make_shared<NoLog>();
  options.stats_dump_period_sec = 0;
  return options;
}

Inspector::Inspector(std::unique_ptr<Rocks> rocks) : rocks_(std::move(rocks)) {}
Inspector::~Inspector() = default;
const InspectorStats& Inspector::stats() const { return rocks_->stats; }

Result<std::unique_ptr<Inspector>> Inspector::Open(const std::string& directory) {
  UseHardwareCrc32c();
  auto rocks = std::make_unique<Rocks>();
  NL_RETURN_IF_ERROR(rocks->Open(directory, InspectionOptions()));
  std::map<std::string, std::string> stand_ins = rocks->MakeStandIns();
  if (!stand_ins.empty()) {
    rocksdb::DBOptions options = InspectionOptions();
    rocks = std::make_unique<Rocks>();
    rocks->env = rocksdb::NewCompositeEnv(WithStandIns(std::move(stand_ins)));
    options.env = rocks->env.get();
    options.verify_sst_unique_id_in_manifest = false;
    NL_RETURN_IF_ERROR(rocks->Open(directory, options));
  }
  return std::unique_ptr<Inspector>(new Inspector(std::move(rocks)));
}

Inspector::Rocks::~Rocks() {
  for (const auto& [name, handle] : families)
    db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
}

Status Inspector::Rocks::Open(const std::string& directory, const rocksdb::DBOptions& options) {
  std::vector<std::string> names;
  NL_RETURN_IF_ERROR(FromRocks(rocksdb::DB::ListColumnFamilies(options, directory, &names),
                               "list the column families of " + directory));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names)
    descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  NL_RETURN_IF_ERROR(FromRocks(
      rocksdb::DB::OpenForReadOnly(options, directory, descriptors, &handles, &opened),
      "open " + directory));
  db.reset(opened);
  for (size_t i = 0; i < names.size(); ++i) families[names[i]] = handles[i];
  return {};
}

std::map<std::string, std::string> Inspector::Rocks::MakeStandIns() const {
  const rocksdb::Options options(InspectionOptions(), rocksdb::ColumnFamilyOptions());
  std::map<std::string, std::string> stand_ins;
  for (const auto& [name, handle] : families) {
    rocksdb::ColumnFamilyMetaData meta;
    db->GetColumnFamilyMetaData(handle, &meta);
    for (const auto& level : meta.levels)
      for (const rocksdb::SstFileMetaData& file : level.files) {
        if (rocksdb::SstFileReader(options).Open(file.db_path + file.name).ok()) continue;
        auto stand_in = MakeStandIn(file);
        if (stand_in.ok()) stand_ins[file.name.substr(1)] = std::move(stand_in).value();
      }
  }
  return stand_ins;
}

void Inspector::ScanMeta(
    std::string_view prefix,
    const std::function<void(std::string_view key, std::string_view value)>& visit) const {
  const auto family = rocks_->families.find(kMetaFamily);
  if (family == rocks_->families.end()) return;
  FamilyReader(rocks_->db.get(), family->second).Scan(WithPrefix(std::string(prefix)), visit);
}

void Inspector::Check(const std::vector<TenantId>& tenants,
                      const std::function<void(const StoreDamage&)>& report) {
  for (const auto& [name, handle] : rocks_->families) {
    if (name == rocksdb::kDefaultColumnFamilyName) continue;
    if (name != kMetaFamily) ++rocks_->stats.partitions;
    FamilyCheck(rocks_->db.get(), name, handle, &rocks_->stats, report).Run(tenants);
  }
}

}  // namespace neurallog::storage
