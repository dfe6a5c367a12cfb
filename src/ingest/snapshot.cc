#include "ingest/snapshot.h"

#include "block/memory_view.h"
#include "storage/column_cache.h"
#include "storage/token_index.h"

namespace neurallog::ingest {
namespace {

bool Overlaps(const block::BlockHeader& header, const TimeRange& range) {
  return header.min_ns < range.end_ns && header.max_ns >= range.start_ns;
}

class SealedView : public block::BlockView {
 public:
  SealedView(const storage::Store* store, const storage::Keyspace& keyspace,
             const storage::ReadView& read_view, const storage::BlockEntry& entry)
      : store_(store),
        keyspace_(keyspace),
        read_view_(read_view),
        entry_(entry),
        columns_(entry.header->columns.size()) {}

  const block::BlockHeader& header() const override { return *entry_.header; }
  std::span<const uint64_t> deleted() const override {
    return entry_.deleted ? std::span<const uint64_t>(*entry_.deleted)
                          : std::span<const uint64_t>();
  }

  Result<const block::Column*> GetColumn(size_t index) override {
    if (columns_[index].column == nullptr) {
      auto found = store_->columns().Get(entry_, keyspace_, index, read_view_);
      if (!found.ok()) return ReportDamage(index, found.status());
      columns_[index] = std::move(found).value();
    }
    return &columns_[index].column->column();
  }
  Result<const block::TemplateTexts*> GetTemplates(size_t index) override {
    if (header().columns[index].encoding != block::Encoding::kTemplates)
      return static_cast<const block::TemplateTexts*>(nullptr);
    auto texts = store_->columns().GetTemplates(entry_, keyspace_, index, read_view_);
    if (!texts.ok()) return ReportDamage(index, texts.status());
    templates_.push_back(std::move(texts).value());
    return templates_.back().get();
  }
  Result<std::optional<block::Column>> TakeRows(size_t index,
                                                std::span<const uint32_t> rows) override {
    if (columns_[index].column != nullptr) return std::optional<block::Column>();
    auto taken = store_->columns().TakeRows(entry_, keyspace_, index, rows, read_view_);
    if (!taken.ok()) return ReportDamage(index, taken.status());
    return taken;
  }
  // Making one pays for columns that are used again.
  const block::CodeIndex* GetCodeIndex(size_t index) override {
    const auto& [column, was_cached] = columns_[index];
    const bool has_index = was_cached && column->column().encoding == block::Encoding::kDict;
    return has_index ? &column->code_index() : nullptr;
  }
  const filter::EntryNumbers* GetEntryNumbers(size_t index) override {
    const auto& [column, was_cached] = columns_[index];
    const bool has_numbers = was_cached && column->column().encoding == block::Encoding::kDict;
    return has_numbers ? &column->entry_numbers() : nullptr;
  }

 private:
  // Whatever kept the column from being read, its block is as good as damaged.
  Status ReportDamage(size_t index, const Status& why) const {
    std::string what =
        "column \"" + header().columns[index].name + "\": " + std::string(why.message());
    store_->ReportDamaged(keyspace_, entry_, what);
    return Corruption(std::move(what));
  }

  const storage::Store* const store_;
  const storage::Keyspace& keyspace_;
  const storage::ReadView& read_view_;
  const storage::BlockEntry& entry_;
  std::vector<storage::ColumnCache::Found> columns_;
  std::vector<std::shared_ptr<const block::TemplateTexts>> templates_;  // few: those asked for
};

class Snapshot : public block::BlockSet {
 public:
  Snapshot(const storage::Store* store, const storage::Keyspace& keyspace,
           std::shared_ptr<const storage::Directory> directory,
           std::shared_ptr<const storage::ReadView> view,
           std::vector<std::shared_ptr<const block::MemoryBlock>> unsealed, const TimeRange& range)
      : store_(store),
        keyspace_(keyspace),
        directory_(std::move(directory)),
        view_(std::move(view)) {
    directory_->ForEach([&](const storage::BlockEntry& entry) {
      if (Overlaps(*entry.header, range)) sealed_.push_back(&entry);
    });
    for (auto& memory : unsealed)
      if (Overlaps(memory->header(), range)) buffered_.push_back(std::move(memory));
  }

  size_t size() const override { return sealed_.size() + buffered_.size(); }
  const block::BlockHeader& header(size_t i) const override {
    return i < sealed_.size() ? *sealed_[i]->header : buffered_[i - sealed_.size()]->header();
  }
  std::unique_ptr<block::BlockView> Open(size_t i) const override {
    if (i < sealed_.size())
      return std::make_unique<SealedView>(store_, keyspace_, *view_, *sealed_[i]);
    return std::make_unique<block::MemoryView>(*buffered_[i - sealed_.size()]);
  }
  std::string Name(size_t i) const override {
    const bool is_final = i < sealed_.size() && sealed_[i]->deleted == nullptr;
    return is_final ? storage::NameOf(*sealed_[i], keyspace_) : std::string();
  }
  std::vector<bool> FindCandidates(const index::TokenQuery& query,
                                   uint64_t* pages_read) const override {
    std::vector<bool> candidates =
        store_->token_index().FindCandidates(query, keyspace_, sealed_, *view_, pages_read);
    candidates.resize(size(), true);
    return candidates;
  }

 private:
  const storage::Store* const store_;
  const storage::Keyspace keyspace_;
  const std::shared_ptr<const storage::Directory> directory_;
  const std::shared_ptr<const storage::ReadView> view_;
  std::vector<const storage::BlockEntry*> sealed_;  // into directory_
  std::vector<std::shared_ptr<const block::MemoryBlock>> buffered_;
};

}  // namespace

// Whose batches are alive has rows that lie nowhere else.
std::shared_ptr<const block::MemoryBlock> BufferedBlocks::Find(const RowSlice& slice) {
  base::MutexLock lock(mutex_);
  std::erase_if(known_, [](const Known& known) { return known.block.expired(); });
  for (const Known& known : known_)
    if (known.first_row == slice.rows.front().row && known.end == slice.end)
      return known.block.lock();
  return nullptr;
}

std::shared_ptr<const block::MemoryBlock> BufferedBlocks::Get(RowSlice slice,
                                                              const HeldBytes& held) {
  if (auto found = Find(slice)) return found;
  size_t bytes = 0;
  for (const auto& batch : slice.batches) bytes += batch->memory_bytes();
  const char* const first_row = slice.rows.front().row;
  held->fetch_add(bytes, std::memory_order_relaxed);
  const std::shared_ptr<const block::MemoryBlock> block(
      new block::MemoryBlock(std::move(slice.batches), std::move(slice.rows)),
      [held, bytes](const block::MemoryBlock* made) {
        delete made;
        held->fetch_sub(bytes, std::memory_order_relaxed);
      });
  base::MutexLock lock(mutex_);
  known_.push_back({first_row, slice.end, block});
  return block;
}

std::unique_ptr<block::BlockView> OpenSealed(const storage::Store* store,
                                             const storage::Keyspace& keyspace,
                                             const storage::ReadView& read_view,
                                             const storage::BlockEntry& entry) {
  return std::make_unique<SealedView>(store, keyspace, read_view, entry);
}

std::shared_ptr<const block::BlockSet> MakeSnapshot(
    const storage::Store* store, const storage::Keyspace& keyspace,
    std::shared_ptr<const storage::Directory> directory,
    std::shared_ptr<const storage::ReadView> view,
    std::vector<std::shared_ptr<const block::MemoryBlock>> unsealed, const TimeRange& range) {
  return std::make_shared<Snapshot>(store, keyspace, std::move(directory), std::move(view),
                                    std::move(unsealed), range);
}

}  // namespace neurallog::ingest
