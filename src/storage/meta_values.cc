// Small durable values: every write is synced, unless a change says that it need not be.
#include "storage/store_rocks.h"

namespace neurallog::storage {

Status Store::PutMeta(std::string_view key, std::string_view value) {
  NL_RETURN_IF_ERROR(rocks_->CheckRoom(key.size() + value.size()));
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_->Written(rocks_->db->Put(options, rocks_->meta, Slice(key), Slice(value)),
                         "write meta");
}

Status Store::DeleteMeta(std::string_view key) {
  NL_RETURN_IF_ERROR(rocks_->CheckRoom(key.size()));
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_->Written(rocks_->db->Delete(options, rocks_->meta, Slice(key)), "delete meta");
}

Result<std::string> Store::GetMeta(std::string_view key) const {
  std::string value;
  NL_RETURN_IF_ERROR(FromRocks(rocks_->db->Get({}, rocks_->meta, Slice(key), &value), "read meta"));
  return value;
}

Status Store::WriteMeta(const MetaChange& change) {
  rocksdb::WriteBatch batch;
  for (const auto& [begin, end] : change.remove_ranges)
    NL_RETURN_IF_ERROR(FromRocks(batch.DeleteRange(rocks_->meta, begin, end), "write meta"));
  for (const auto& [key, value] : change.put)
    NL_RETURN_IF_ERROR(FromRocks(batch.Put(rocks_->meta, key, value), "write meta"));
  for (const std::string& key : change.remove)
    NL_RETURN_IF_ERROR(FromRocks(batch.Delete(rocks_->meta, key), "write meta"));
  NL_RETURN_IF_ERROR(rocks_->CheckRoom(batch.GetDataSize()));
  rocksdb::WriteOptions options;
  options.sync = change.is_synced;
  return rocks_->Written(rocks_->db->Write(options, &batch), "write meta");
}

Status Store::ScanMeta(std::string_view prefix,
                       const std::function<void(std::string_view, std::string_view)>& visit) const {
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator({}, rocks_->meta));
  for (it->Seek(Slice(prefix)); it->Valid() && it->key().starts_with(Slice(prefix)); it->Next())
    visit(View(it->key()), View(it->value()));
  return FromRocks(it->status(), "scan meta");
}

Status Store::ScanMetaRange(
    const std::string& begin, const std::string& end, Order order,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const bool is_ascending = order == Order::kAscending;
  const rocksdb::Slice lower(begin), upper(end);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_->db->NewIterator(options, rocks_->meta));
  is_ascending ? it->SeekToFirst() : it->SeekToLast();
  while (it->Valid() && visit(View(it->key()), View(it->value())))
    is_ascending ? it->Next() : it->Prev();
  return FromRocks(it->status(), "scan meta");
}

}  // namespace neurallog::storage
