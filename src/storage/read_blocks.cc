// Reads what lies in partitions: headers with their deleted rows, columns, and values by their keys.
#include <algorithm>

#include "storage/salvage.h"
#include "storage/store_rocks.h"

namespace neurallog::storage {

ReadView::ReadView(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
ReadView::~ReadView() { db_->ReleaseSnapshot(snapshot_); }

std::shared_ptr<const ReadView> Store::TakeView() const {
  return std::make_shared<const ReadView>(rocks_->db.get());
}

Result<LogPosition> Store::ReadMarker(const Partition& partition, const Keyspace& keyspace) const {
  std::string value;
  const rocksdb::Status status =
      rocks_->db->Get({}, partition.handle(), keyspace.MarkerKey(), &value);
  if (status.IsNotFound()) return LogPosition{};
  NL_RETURN_IF_ERROR(FromRocks(status, "read marker of partition " + partition.name()));
  base::ByteReader reader(value);
  LogPosition position;
  position.lsn = reader.ReadLe<uint64_t>();
  position.row = reader.ReadLe<uint32_t>();
  if (!reader.ok())
    return Corruption("marker of partition " + partition.name() + " has " +
                      std::to_string(value.size()) + " bytes");
  return position;
}

// Iterators over [begin, end) of a partition that leave the block cache alone. `end` must outlive them.
MakeIterator Store::Iterators(const Partition& partition, const rocksdb::Slice* end) const {
  return [this, handle = partition.handle(), end] {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = end;
    options.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(rocks_->db->NewIterator(options, handle));
  };
}

void Store::ReportHidden(const PartitionPtr& partition, const Keyspace& keyspace,
                         std::optional<BlockId> block, std::string what,
                         const std::function<void(std::string)>& damage) const {
  damage("partition " + partition->name() + (block ? " block " + BlockName(*block) : "") + ": " +
         what);
  damage_.Add({Keyspace::TenantOfKey(keyspace.Begin().data()), partition->name(), block,
               partition->range(), std::nullopt, std::move(what), /*hidden=*/true, 0});
}

void Store::ReportDamaged(const Keyspace& keyspace, const BlockEntry& entry,
                          std::string what) const {
  damage_.Add({Keyspace::TenantOfKey(keyspace.Begin().data()),
               entry.partition->name(),
               entry.id,
               {entry.header->min_ns, entry.header->max_ns},
               entry.header->rows,
               std::move(what),
               /*hidden=*/false,
               0});
}

Status Store::ReadHeaders(const PartitionPtr& partition, const Keyspace& keyspace,
                          std::vector<BlockEntry>* entries,
                          const std::function<void(std::string)>& damage) const {
  const size_t first = entries->size();
  const std::string begin = keyspace.BlockHeadersBegin(), end = keyspace.BlockHeadersEnd();
  const rocksdb::Slice upper = Slice(end);
  const auto report = [&](std::optional<BlockId> block, std::string what) {
    ReportHidden(partition, keyspace, block, std::move(what), damage);
  };
  const auto visit = [&](std::string_view key, std::string_view value) -> Status {
    if (key.size() != Keyspace::kBlockHeaderKeyBytes) {
      report(std::nullopt, "a block header key of " + std::to_string(key.size()) + " bytes");
      return {};
    }
    const BlockId id = Keyspace::BlockOfHeaderKey(key.data());
    auto header = block::BlockHeader::Decode(value);
    if (header.ok()) {
      entries->push_back({partition, id, std::move(header).value()});
    } else {
      report(id, std::string(header.status().message()));
    }
    return {};
  };
  NL_RETURN_IF_ERROR(SalvageScan(
      Iterators(*partition, &upper), begin, end, visit, [&](const UnreadableKeys& keys) {
        report(std::nullopt, "block headers cannot be read: " + keys.what);
      }));
  return ReadDeletedRows(partition, keyspace, first, entries, damage);
}

Status Store::ReadDeletedRows(const PartitionPtr& partition, const Keyspace& keyspace, size_t first,
                              std::vector<BlockEntry>* entries,
                              const std::function<void(std::string)>& damage) const {
  const std::string begin = keyspace.DeletedRowsBegin(), end = keyspace.DeletedRowsEnd();
  const rocksdb::Slice upper = Slice(end);
  const auto by_id = [](const BlockEntry& entry, const BlockId& id) { return entry.id < id; };
  const auto attach = [&](std::string_view key, std::string_view value) -> Status {
    if (key.size() != Keyspace::kBlockHeaderKeyBytes) return {};
    const BlockId id = Keyspace::BlockOfHeaderKey(key.data());
    const auto entry = std::lower_bound(entries->begin() + static_cast<ptrdiff_t>(first),
                                        entries->end(), id, by_id);
    if (entry == entries->end() || entry->id != id) return {};
    auto deleted = DecodeDeletedRows(value, entry->header->rows);
    if (deleted.ok()) {
      entry->deleted = std::move(deleted).value();
    } else {
      ReportHidden(partition, keyspace, id, std::string(deleted.status().message()), damage);
      entries->erase(entry);
    }
    return {};
  };
  // Of the blocks in an unreadable stretch, those go that may have deleted rows.
  const auto hide = [&](const UnreadableKeys& keys) {
    const auto may_have = [&](const BlockEntry& entry) {
      const std::string key = keyspace.DeletedRowsKey(entry.id);
      if (entry.partition != partition || key < keys.begin || key >= keys.end) return false;
      const auto value = ReadValueNow(*partition, key);
      if (value.ok() || value.status().code() == Code::kNotFound) return false;
      ReportHidden(partition, keyspace, entry.id, std::string(value.status().message()), damage);
      return true;
    };
    entries->erase(
        std::remove_if(entries->begin() + static_cast<ptrdiff_t>(first), entries->end(), may_have),
        entries->end());
  };
  return SalvageScan(Iterators(*partition, &upper), begin, end, attach, hide);
}

Result<uint64_t> Store::ReadJobRows(const Partition& partition, const Keyspace& keyspace,
                                    uint64_t job) const {
  std::string value;
  const rocksdb::Status status =
      rocks_->db->Get({}, partition.handle(), keyspace.JobRowsKey(job), &value);
  if (status.IsNotFound()) return uint64_t{0};
  NL_RETURN_IF_ERROR(FromRocks(status, "read rows of job " + std::to_string(job)));
  if (value.size() != 8) return Corruption("rows of job " + std::to_string(job));
  return base::LoadLe<uint64_t>(value.data());
}

Result<std::string> Store::ReadColumn(const BlockEntry& entry, const Keyspace& keyspace,
                                      uint16_t column, const ReadView& view) const {
  const std::string key = keyspace.ColumnKey(entry.id, column);
  rocksdb::ReadOptions at_view;
  at_view.snapshot = view.snapshot();
  std::string value;
  rocksdb::Status status = rocks_->db->Get(at_view, entry.partition->handle(), key, &value);
  if (status.IsNotFound()) status = rocks_->db->Get({}, entry.partition->handle(), key, &value);
  NL_RETURN_IF_ERROR(FromRocks(status, "read column " + std::to_string(column) + " of block " +
                                           BlockName(entry.id) + " in partition " +
                                           entry.partition->name()));
  return value;
}

Result<std::string> Store::ReadValue(const Partition& partition, const std::string& key,
                                     const ReadView& view) const {
  rocksdb::ReadOptions at_view;
  at_view.snapshot = view.snapshot();
  std::string value;
  const rocksdb::Status status = rocks_->db->Get(at_view, partition.handle(), key, &value);
  if (status.IsNotFound()) return ReadValueNow(partition, key);
  NL_RETURN_IF_ERROR(FromRocks(status, "read from partition " + partition.name()));
  return value;
}

Result<std::string> Store::ReadValueNow(const Partition& partition, const std::string& key) const {
  std::string value;
  NL_RETURN_IF_ERROR(FromRocks(rocks_->db->Get({}, partition.handle(), key, &value),
                               "read from partition " + partition.name()));
  return value;
}

Result<std::string> Store::ReadHashList(const Partition& partition, const Keyspace& keyspace,
                                        const BlockId& block, const ReadView& view) const {
  std::string list;
  const auto append = [&list](std::string_view, std::string_view piece) {
    list.append(piece);
    return true;
  };
  const std::string begin = keyspace.HashListKey(block), end = keyspace.HashListEnd(block);
  NL_RETURN_IF_ERROR(ScanAt(view.snapshot(), partition, begin, end, append));
  if (list.empty()) NL_RETURN_IF_ERROR(Scan(partition, begin, end, append));
  if (list.empty()) return NotFound("hash list of block " + BlockName(block));
  return list;
}

Status Store::Scan(const Partition& partition, const std::string& begin, const std::string& end,
                   const std::function<bool(std::string_view, std::string_view)>& visit) const {
  return ScanAt(nullptr, partition, begin, end, visit);
}

Status Store::ScanAt(const rocksdb::Snapshot* snapshot, const Partition& partition,
                     const std::string& begin, const std::string& end,
                     const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const rocksdb::Slice upper = Slice(end);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator(options, partition.handle()));
  for (it->Seek(Slice(begin)); it->Valid() && visit(View(it->key()), View(it->value()));
       it->Next()) {
  }
  return FromRocks(it->status(), "scan partition " + partition.name());
}

}  // namespace neurallog::storage
