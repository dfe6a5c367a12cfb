// How queries read blocks without knowing where they lie: one BlockView per block in use, a
// BlockSet for all blocks of a snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "block/block.h"
#include "index/token_query.h"
#include "neurallog/status.h"

namespace neurallog::filter {
struct EntryNumbers;
}

namespace neurallog::block {

class CodeIndex;
class TemplateTexts;

// One block, its columns decoded on demand and kept until the view goes. Not thread-safe; one query
// step owns it.
class BlockView {
 public:
  virtual ~BlockView() = default;
  virtual const BlockHeader& header() const = 0;
  // Reads, checks and decodes a column on first use. The pointer lives as long as the view.
  virtual Result<const Column*> GetColumn(size_t index) = 0;
  // Of a column that is stored as templates: these, before texts are made of them. Else null.
  virtual Result<const TemplateTexts*> GetTemplates(size_t index) {
    static_cast<void>(index);
    return static_cast<const TemplateTexts*>(nullptr);
  }
  // A column of these rows only, which ascend, where that costs less than the whole one; else nothing.
  virtual Result<std::optional<Column>> TakeRows(size_t index, std::span<const uint32_t> rows) {
    static_cast<void>(index);
    static_cast<void>(rows);
    return std::optional<Column>();
  }
  // The rows of each entry of a dictionary column that GetColumn gave, where that is known already;
  // else null. Lives as long as the view.
  virtual const CodeIndex* GetCodeIndex(size_t index) {
    static_cast<void>(index);
    return nullptr;
  }
  // The numbers of its entries, likewise.
  virtual const filter::EntryNumbers* GetEntryNumbers(size_t index) {
    static_cast<void>(index);
    return nullptr;
  }
  // Rows that are deleted though they are still in the columns: a bit each, in words of 64 rows; empty: none. No query shows or counts
  // them; who counts by the header alone must look here first.
  virtual std::span<const uint64_t> deleted() const { return {}; }
};

// An immutable set of blocks of one tenant: sealed ones and those made of rows that are not sealed
// yet. Together they hold every row that was acknowledged before the set was taken, each exactly
// once. Thread-safe.
class BlockSet {
 public:
  virtual ~BlockSet() = default;
  virtual size_t size() const = 0;
  virtual const BlockHeader& header(size_t i) const = 0;
  virtual std::unique_ptr<BlockView> Open(size_t i) const = 0;
  // A name that no other block ever has, of this tenant or another; empty when what is in the block
  // may change, by rows that come or are deleted.
  virtual std::string Name(size_t i) const {
    static_cast<void>(i);
    return {};
  }
  // For each block, whether it can hold a row that fulfils the query; where that is not known, true.
  // Raises *pages_read by the parts of the token index that were looked into.
  virtual std::vector<bool> FindCandidates(const index::TokenQuery& query,
                                           uint64_t* pages_read) const {
    static_cast<void>(query);
    static_cast<void>(pages_read);
    return std::vector<bool>(size(), true);
  }
};

}  // namespace neurallog::block
