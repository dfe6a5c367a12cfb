// A kTemplates column that is not put together: a filter looks at each template once, and only the
// texts of the rows that are asked for are made.
//
//   NL_TRY(auto texts, DecodeTemplateTexts(meta, rows, chunk));
//   texts->templates();               // what all rows of one have in common
//   texts->ids()[row];                // which one a row has
//   NL_TRY(Column some, texts->Take(rows_that_are_wanted));
//
// Takes a fraction of the memory of the texts. Immutable and thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "block/block.h"
#include "block/code_index.h"
#include "block/template_decoder.h"

namespace neurallog::block {

class TemplateTexts {
 public:
  // In place of a template's number.
  static constexpr uint16_t kOther = UINT16_MAX - 1;  // the text is not one of a template
  static constexpr uint16_t kAbsent = UINT16_MAX;     // the row has none

  // `front` has the rows, which of them are present, and the types.
  static Result<std::shared_ptr<const TemplateTexts>> Make(Column front, StoredTemplates stored);

  uint32_t rows() const { return front_.rows; }
  // The templates as rows of a kStrings column, each variable a kVariableMark.
  const Column& templates() const { return templates_; }
  // Per row.
  std::span<const uint16_t> ids() const { return ids_; }
  // The texts that are none of a template, as a kStrings column, and whose they are.
  const Column& others() const { return others_; }
  std::span<const uint32_t> other_rows() const { return other_rows_; }

  // The rows of each template. Made on first use.
  const CodeIndex& index() const;
  // Which bytes may occur in the variables of a template, in their order. Made on first use.
  Result<std::span<const ByteSet>> VariableBytes(size_t template_index) const;
  // Which may occur in any of its variables; per template. Likewise.
  Result<std::span<const ByteSet>> AnyVariableBytes() const;

  // False when variables may hold words of filters that have no digit: some have the byte 0x7f.
  bool words_are_whole() const { return words_are_whole_; }

  // A kStrings column of these rows, which ascend and have a text each.
  Result<Column> Take(std::span<const uint32_t> rows) const;
  // Of rows that ascend, some of which may have none.
  Result<Column> TakeWithGaps(std::span<const uint32_t> rows) const;
  // All rows.
  Result<Column> TakeAll() const;

  // With what is made on first use.
  size_t memory_bytes() const;

 private:
  TemplateTexts(Column front, StoredTemplates stored);
  void ListTemplates();
  void ListRows();
  Status ListVariableBytes() const;
  Status TakeOthers();
  // Without their texts.
  Column FrontOf(std::span<const uint32_t> rows) const;
  Status AppendEach(std::span<const uint32_t> rows, TemplateDecoder* decoder,
                    std::vector<int64_t>* lengths, base::Buffer* bytes) const;
  // The places of rows among those that are present.
  std::vector<uint32_t> ValuesOf(std::span<const uint32_t> rows) const;

  const Column front_;
  const StoredTemplates stored_;
  Column templates_;
  std::vector<uint16_t> ids_;
  std::vector<uint32_t> other_rows_;
  Column others_;
  size_t variables_ = 0;  // of all templates
  bool words_are_whole_ = true;
  SlotPlaces places_;  // of a column that is not joined

  mutable std::once_flag index_once_;
  mutable std::optional<const CodeIndex> index_;
  mutable std::once_flag bytes_once_;
  mutable Status bytes_status_;
  mutable std::vector<ByteSet> variable_bytes_;  // template after template
  mutable std::vector<uint32_t> first_variable_;
  mutable std::vector<ByteSet> any_variable_bytes_;
};

// Of a kTemplates chunk. Never trusts it.
Result<std::shared_ptr<const TemplateTexts>> DecodeTemplateTexts(const ColumnMeta& meta,
                                                                 uint32_t rows,
                                                                 std::string_view chunk);

}  // namespace neurallog::block
