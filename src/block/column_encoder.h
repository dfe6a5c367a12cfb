// Writes the chunk of one column, choosing its encoding.
#pragma once

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

// Reuses its buffers from column to column. Not thread-safe.
class ColumnEncoder {
 public:
  ColumnEncoder(uint32_t rows, const BuildOptions& options)
      : rows_(rows), zstd_level_(options.zstd_level), tokens_(options.tokens) {}

  // Fills everything of `meta` but its name and inline chunk. Column 0: a timestamp for every row.
  std::string EncodeTimes(std::span<const int64_t> times, ColumnMeta* meta);
  std::string EncodeCells(const GatheredColumn& column, ColumnMeta* meta);

 private:
  Encoding Choose(const GatheredColumn& column);
  bool TemplatesPay(const GatheredColumn& column);
  bool CollectInts(const GatheredColumn& column);
  bool DictionaryPays(std::span<const Cell> cells, bool is_ints);

  void AddTokens(std::span<const Cell> cells, ColumnMeta* meta);
  uint8_t ClassesOfColumn(const GatheredColumn& column, std::span<const Cell> typed,
                          const ColumnMeta& meta) const;
  void BeginChunk(Encoding encoding, Presence presence, TypeLayout types);
  void AppendPresence(Presence presence, std::span<const Cell> cells);
  Presence ChoosePresence(std::span<const Cell> cells);
  void AppendTypes(TypeLayout layout, std::span<const Cell> cells);
  void AppendLengths(std::span<const Cell> cells);
  // `bytes`: of all cells one after the other; null when they lie elsewhere.
  void AppendTexts(std::span<const Cell> cells, const base::Buffer* bytes);
  std::string EndChunk(ColumnMeta* meta);

  const uint32_t rows_;
  const int zstd_level_;
  index::TokenSet* const tokens_;  // may be null
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
