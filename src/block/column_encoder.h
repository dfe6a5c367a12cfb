// Writes the chunk of one column, choosing its encoding.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "block/block.h"
#include "block/block_format.h"
#include "block/dictionary.h"
#include "block/gather.h"
#include "block/ints.h"
#include "block/template_encoder.h"
#include "block/typed_text.h"

namespace neurallog::block {

// Reuses its buffers from column to column and from block to block. Not thread-safe.
class ColumnEncoder {
 public:
  void BeginBlock(uint32_t rows, const BuildOptions& options) {
    rows_ = rows;
    zstd_level_ = options.zstd_level;
    tokens_ = options.tokens;
  }

  // Fills everything of `meta` but its name and inline chunk. Column 0: a timestamp for every row.
  std::string EncodeTimes(std::span<const int64_t> times, ColumnMeta* meta);
  std::string EncodeCells(const GatheredColumn& column, ColumnMeta* meta);
  // Of the column that was just encoded, the levels.
  std::array<uint32_t, kLevels> CountLevels(const GatheredColumn& column,
                                            const ColumnMeta& meta) const;

 private:
  Encoding Choose(const GatheredColumn& column);
  bool TemplatesPay(const GatheredColumn& column);
  bool CollectInts(const GatheredColumn& column);
  bool DictionaryPays(const GatheredColumn& column, bool is_ints);

  void AddTokens(std::span<const Cell> cells, ColumnMeta* meta);
  uint8_t ClassesOfColumn(const GatheredColumn& column, std::span<const Cell> typed,
                          const ColumnMeta& meta) const;
  void BeginChunk(Encoding encoding, Presence presence, TypeLayout types);
  void AppendPresence(Presence presence, std::span<const Cell> cells);
  Presence ChoosePresence(std::span<const Cell> cells);
  void AppendTypes(TypeLayout layout, std::span<const Cell> cells);
  void AppendDictionary();
  void AppendLengths(std::span<const Cell> cells);
  // `bytes`: of all cells one after the other; null when they lie elsewhere.
  void AppendTexts(std::span<const Cell> cells, const base::Buffer* bytes);
  std::string EndChunk(ColumnMeta* meta);

  uint32_t rows_ = 0;
  int zstd_level_ = 1;
  index::TokenSet* tokens_ = nullptr;  // may be null
  std::string chunk_;
  base::Buffer bytes_;
  std::vector<int64_t> ints_;
  IntsEncoder ints_encoder_;
  IntsEncoder presence_encoder_;
  IntsEncoder length_encoder_;
  std::vector<int64_t> gaps_;
  std::vector<int64_t> lengths_;
  DictionaryBuilder dictionary_;
  TemplateEncoder templates_;
  TypedTextEncoder typed_texts_;
};

}  // namespace neurallog::block
