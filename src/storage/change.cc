// What one tenant changes in one partition, and how it is applied.
#include "base/check.h"
#include "storage/store_rocks.h"
#include "storage/token_index.h"

namespace neurallog::storage {
namespace {

size_t PiecesOf(size_t list_bytes) {
  return (list_bytes + Keyspace::kHashListPieceBytes - 1) / Keyspace::kHashListPieceBytes;
}

}  // namespace

uint64_t StoredBytes(const block::BlockHeader& header) {
  constexpr uint64_t kHeaderBytes = 64,
                     kColumnBytes = 16;  // tests/unit/storage/deleted_rows_test.cc
  uint64_t bytes = kHeaderBytes;
  for (const block::ColumnMeta& column : header.columns)
    bytes += kColumnBytes + column.name.size() + column.chunk_bytes;
  return bytes;
}

Change::Change(PartitionPtr partition, const Keyspace& keyspace)
    : partition_(std::move(partition)),
      keyspace_(keyspace),
      batch_(std::make_unique<rocksdb::WriteBatch>()) {}
Change::~Change() = default;
Change::Change(Change&&) noexcept = default;

// A WriteBatch in memory refuses nothing but keys and values of 4 GiB, which blocks do not have.
void Change::Put(const std::string& key, std::string_view value) {
  NL_CHECK(batch_->Put(partition_->handle(), key, Slice(value)).ok());
}
void Change::Delete(const std::string& key) {
  NL_CHECK(batch_->Delete(partition_->handle(), key).ok());
}

void Change::PutBlock(const BlockId& id, const block::BuiltBlock& built) {
  for (const auto& chunk : built.chunks) Put(keyspace_.ColumnKey(id, chunk.column), chunk.bytes);
  Put(keyspace_.BlockHeaderKey(id), built.header);
  PutHashList(id, built.hash_list);
}

// A block without a list is searched.
void Change::PutHashList(const BlockId& id, std::string_view list) {
  if (list.empty() || PiecesOf(list.size()) > Keyspace::kHashListPiecesMax) return;
  for (size_t piece = 0; piece < PiecesOf(list.size()); ++piece)
    Put(keyspace_.HashListPieceKey(id, piece),
        list.substr(piece * Keyspace::kHashListPieceBytes, Keyspace::kHashListPieceBytes));
  ++hash_lists_;
  hash_list_bytes_ += list.size();
}

void Change::RemoveBlock(const BlockEntry& entry) {
  for (size_t i = 0; i < entry.header->columns.size(); ++i)
    if (entry.header->columns[i].inline_chunk.empty())
      Delete(keyspace_.ColumnKey(entry.id, static_cast<uint16_t>(i)));
  Delete(keyspace_.BlockHeaderKey(entry.id));
  if (entry.deleted) Delete(keyspace_.DeletedRowsKey(entry.id));
  removed_.push_back(entry);
}

void Change::PutDeletedRows(const BlockId& id, const DeletedRows& rows) {
  Put(keyspace_.DeletedRowsKey(id), EncodeDeletedRows(rows));
}

void Change::PutJobRows(uint64_t job, uint64_t rows) {
  std::string value;
  base::AppendLe(&value, rows);
  Put(keyspace_.JobRowsKey(job), value);
}
void Change::RemoveJobRows(uint64_t job) { Delete(keyspace_.JobRowsKey(job)); }

void Change::PutMarker(LogPosition position) {
  std::string marker;
  base::AppendLe(&marker, position.lsn);
  base::AppendLe(&marker, position.row);
  Put(keyspace_.MarkerKey(), marker);
}

void Change::RemoveHashList(const BlockId& id, size_t bytes) {
  for (size_t piece = 0; piece < PiecesOf(bytes); ++piece)
    Delete(keyspace_.HashListPieceKey(id, piece));
}
void Change::PutSegment(uint64_t segment, std::string_view directory) {
  Put(keyspace_.SegmentKey(segment), directory);
}
void Change::RemoveSegment(uint64_t segment) { Delete(keyspace_.SegmentKey(segment)); }
void Change::PutPostingsPage(uint64_t segment, uint32_t page, std::string_view bytes) {
  Put(keyspace_.PostingsPageKey(segment, page), bytes);
}
void Change::RemovePostingsPage(uint64_t segment, uint32_t page) {
  Delete(keyspace_.PostingsPageKey(segment, page));
}

size_t Change::bytes() const { return batch_->GetDataSize(); }
bool Change::empty() const { return batch_->Count() == 0; }
void Change::Clear() {
  batch_->Clear();
  removed_.clear();
  hash_lists_ = 0;
  hash_list_bytes_ = 0;
}

Status Store::Apply(Change* change) {
  base::MutexLock lock(change->partition_->write_mutex_);
  if (change->partition_->dropped())
    return Unavailable("partition " + change->partition_->name() + " was dropped");
  for (const BlockEntry& entry : change->removed_)
    NL_RETURN_IF_ERROR(Scan(*change->partition_, change->keyspace_.HashListKey(entry.id),
                            change->keyspace_.HashListEnd(entry.id),
                            [change](std::string_view key, std::string_view) {
                              change->Delete(std::string(key));
                              return true;
                            }));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  NL_RETURN_IF_ERROR(rocks_->Written(rocks_->db->Write(options, change->batch_.get()),
                                     "write to partition " + change->partition_->name()));
  uint64_t removed = 0;
  for (const BlockEntry& entry : change->removed_) removed += StoredBytes(*entry.header);
  change->partition_->removed_bytes.fetch_add(removed, std::memory_order_relaxed);
  token_index_->OnLists(change->partition_, change->keyspace_, change->hash_list_bytes_,
                        change->hash_lists_);
  return {};
}

}  // namespace neurallog::storage
