// Writes the texts of a column as templates and variables: the payload of Encoding::kTemplates.
//
//   TemplateEncoder encoder;
//   if (encoder.Plan(cells)) encoder.Append(zstd_level, &chunk);
//
// Templates that occur rarely, and texts that are not to be split, are stored whole ("unsplit").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "block/block.h"
#include "block/gather.h"
#include "block/slot_encoder.h"
#include "block/slot_joins.h"
#include "block/template_parser.h"

namespace neurallog::block {

// Reuses its buffers from column to column. Not thread-safe.
class TemplateEncoder {
 public:
  // Splits the texts. False, early where possible, when templates do not pay.
  bool Plan(std::span<const Cell> cells);
  // True when so many texts would be stored whole that plain strings may be smaller.
  bool IsDoubtful() const;
  // The cells of Plan must still be there. All words of the column go to `tokens` when it is given.
  void Append(int zstd_level, std::string* to, index::TokenSet* tokens);
  // Fills the template counts of `meta`.
  void Describe(ColumnMeta* meta) const;

 private:
  struct Found {
    uint64_t hash;
    uint32_t cell;  // the first that has it
    uint32_t rows;
    uint32_t kept;  // its number among those kept
  };

  bool SampleRepeats();
  void SplitAll();
  void PrefetchText(size_t cell) const;
  uint32_t FindOrAdd(uint64_t hash, uint32_t cell);
  bool SameTemplate(uint32_t a, uint32_t b) const;
  void GrowTable();
  bool Keep();
  void AppendIds(size_t heads, int zstd_level, std::string* to);
  void AppendTemplates(int zstd_level, std::string* to, index::TokenSet* tokens);
  void AppendStreams(int zstd_level, bool is_joined, std::string* to);
  void AddSeparate(index::TokenSet* tokens);
  void AddSlots(uint32_t kept, index::TokenSet* tokens);
  std::span<const uint32_t> CellsOf(uint32_t kept) const;

  uint32_t SlotsOf(uint32_t cell) const {
    return first_variable_[cell + 1] - first_variable_[cell];
  }
  std::string_view ValueOf(uint32_t cell, uint32_t slot) const;
  void ListValues(uint32_t cell);
  bool JoinTemplates();
  void JoinUnsplit();
  void AddJoined(index::TokenSet* tokens);
  void ListSetCells();
  void AddGroup(uint32_t index, index::TokenSet* tokens);
  bool IsCopy(std::span<const uint32_t> cells, uint32_t slot, uint32_t before) const;
  void AddRests(index::TokenSet* tokens);
  std::span<const uint32_t> CellsOf(const SlotGroups::Group& group) const;

  TemplateParser parser_;
  std::span<const Cell> cells_;
  std::vector<Variable> variables_;
  std::vector<uint32_t> first_variable_;  // per cell, and the end
  std::vector<uint32_t> found_of_cell_;
  std::vector<Found> found_;
  std::vector<uint32_t> table_;  // index + 1 into found_, open addressing

  std::vector<uint32_t> order_;     // of the templates that are kept: indexes into found_
  std::vector<std::string> texts_;  // of these
  base::Buffer joined_;
  // Per cell: a kept template; their number when unsplit; above, when it begins with a head.
  std::vector<uint16_t> ids_;
  std::vector<uint32_t> by_template_;  // cells in the order of their ids
  std::vector<uint32_t> group_end_;
  SlotJoins joins_;
  std::vector<uint32_t> set_cells_;  // set after set
  std::vector<uint32_t> set_end_;
  struct Rest {  // of an unsplit text, behind its head
    uint32_t head;
    std::string_view text;
  };
  std::vector<Rest> rests_;
  std::vector<std::string_view> values_;
  SlotEncoder slots_;
};

}  // namespace neurallog::block
