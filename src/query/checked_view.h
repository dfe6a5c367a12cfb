// Watches the columns that a block gives: which of them could not be read, how many stored bytes of them are
// read.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "block/block_view.h"
#include "block/template_texts.h"

namespace neurallog::query {

struct DamagedColumn {
  uint32_t block = 0;  // in the block set
  std::string name;
};

// Of one execution. Thread-safe.
class ReadMonitor {
 public:
  explicit ReadMonitor(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  void NoteDamage(DamagedColumn damaged) {
    base::MutexLock lock(mutex_);
    damaged_ = std::move(damaged);
  }
  // The last one that was noted since.
  std::optional<DamagedColumn> TakeDamage() {
    base::MutexLock lock(mutex_);
    return std::exchange(damaged_, std::nullopt);
  }
  void AddBytes(uint64_t bytes) { bytes_read_.fetch_add(bytes, std::memory_order_relaxed); }
  uint64_t bytes_read() const { return bytes_read_.load(std::memory_order_relaxed); }
  // ResourceExhausted when more has been read than may be: by at most a column for each thread.
  Status CheckBytes() const {
    if (bytes_read() <= bytes_max_) return {};
    return ResourceExhausted("query has to read more than " + std::to_string(bytes_max_) +
                             " bytes (scan_bytes_max); narrow its time range or its filter");
  }

 private:
  const uint64_t bytes_max_;
  base::Mutex mutex_;
  std::optional<DamagedColumn> damaged_ NL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> bytes_read_{0};
};

// Not thread-safe; `monitor` outlives it.
class CheckedView : public block::BlockView {
 public:
  CheckedView(std::unique_ptr<block::BlockView> view, uint32_t block, ReadMonitor* monitor)
      : view_(std::move(view)),
        block_(block),
        monitor_(monitor),
        is_read_(view_->header().columns.size()) {}

  const block::BlockHeader& header() const override { return view_->header(); }
  std::span<const uint64_t> deleted() const override { return view_->deleted(); }
  Result<const block::Column*> GetColumn(size_t index) override {
    NL_RETURN_IF_ERROR(CheckBytes(index));
    auto column = view_->GetColumn(index);
    Note(index, column.status(), column.ok() ? (*column)->memory_bytes() : 0);
    return column;
  }
  Result<const block::TemplateTexts*> GetTemplates(size_t index) override {
    NL_RETURN_IF_ERROR(CheckBytes(index));
    auto texts = view_->GetTemplates(index);
    const bool has_texts = texts.ok() && *texts != nullptr;
    if (has_texts || !texts.ok())
      Note(index, texts.status(), has_texts ? (*texts)->memory_bytes() : 0);
    return texts;
  }
  Result<std::optional<block::Column>> TakeRows(size_t index,
                                                std::span<const uint32_t> rows) override {
    NL_RETURN_IF_ERROR(CheckBytes(index));
    auto some = view_->TakeRows(index, rows);
    const bool has_rows = some.ok() && some->has_value();
    if (has_rows || !some.ok()) Note(index, some.status(), has_rows ? (*some)->memory_bytes() : 0);
    return some;
  }
  const block::CodeIndex* GetCodeIndex(size_t index) override { return view_->GetCodeIndex(index); }
  const filter::EntryNumbers* GetEntryNumbers(size_t index) override {
    return view_->GetEntryNumbers(index);
  }

 private:
  Status CheckBytes(size_t index) const {
    return is_read_[index] ? Status() : monitor_->CheckBytes();
  }
  void Note(size_t index, const Status& status, size_t memory_bytes) {
    const block::ColumnMeta& meta = header().columns[index];
    if (status.code() == Code::kCorruption) monitor_->NoteDamage({block_, meta.name});
    if (!status.ok() || is_read_[index]) return;
    is_read_[index] = true;
    monitor_->AddBytes(meta.chunk_bytes != 0 ? meta.chunk_bytes : memory_bytes);
  }

  const std::unique_ptr<block::BlockView> view_;
  const uint32_t block_;
  ReadMonitor* const monitor_;
  std::vector<bool> is_read_;
};

}  // namespace neurallog::query
