// Reads what TemplateEncoder wrote. Trusts no byte.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "block/slot_format.h"
#include "block/slot_groups.h"
#include "neurallog/status.h"

namespace neurallog::block {

class TemplateDecoder {
 public:
  // `values`: how many texts there are; `length_max`: of the longest.
  TemplateDecoder(uint32_t values, uint32_t length_max)
      : values_(values), length_max_(length_max) {}

  // The templates and which text has which: all that comes before the variables.
  Status ReadTemplates(base::ByteReader* reader);
  // The rest of the payload.
  Status ReadSlots(base::ByteReader* reader);
  // After both: appends all texts to `bytes` and their lengths to `lengths`.
  Status AppendTexts(std::vector<int64_t>* lengths, base::Buffer* bytes);

  size_t templates() const { return count_; }
  // With kVariableMark for each variable.
  std::string_view text(size_t index) const { return templates_[index].text; }
  // Per value: a template; templates() or more when the text is stored whole.
  const std::vector<uint16_t>& ids() const { return ids_; }
  base::Buffer ReleaseTexts() { return std::move(template_bytes_); }

 private:
  struct Template {
    std::string_view text;
    uint32_t rows = 0;
    uint32_t first_slot = 0;  // the slot's static piece is the one before it; one more at the end
    uint32_t slots = 0;
    uint32_t parent = 0;  // the template whose first slots it shares
    uint32_t shared = 0;
    uint32_t next = 0;   // its next row; in instance_end_ where there are instances
    uint64_t bytes = 0;  // of the longest value there can be
  };
  struct Slot {
    SlotKind kind = SlotKind::kConst;
    bool is_padded = false;
    uint8_t digits = 0;  // where padded
    uint8_t scale = 0;
    uint8_t length = 0;                // kFixed
    uint32_t first = 0;                // in numbers_ or texts_, or in codes for kDict
    uint32_t bytes = 0;                // kFixed: where in fixed_
    uint32_t entries = 0;              // kDict: the first in texts_
    uint32_t set = SlotGroups::kNone;  // of rows whose values it has; none: the template's
    uint32_t bytes_max = 0;            // of a value, about
    std::string_view piece{};          // of static text before it
    std::string_view prefix{};         // kConst: the text
    std::string_view suffix{};
  };

  Status ReadTexts(base::ByteReader* reader);
  Status ReadHeads(base::ByteReader* reader);
  Status ReadIds(base::ByteReader* reader);
  Status ReadOwnSlots();
  Status ReadSharedSlots();
  Status ReadGroups();
  Status ReadRests();
  void PlaceSlots(uint32_t path);
  // The template or head of a value that is not stored whole.
  uint32_t PathOf(uint16_t id) const { return id - (id > count_ ? 1u : 0u); }
  Status ReadStreams(base::ByteReader* reader);
  Status ReadSlot(uint32_t rows, Slot* slot);
  Status ReadNumbers(uint8_t kind, uint32_t rows, Slot* slot);
  Status ReadPacked(uint32_t rows, int width, bool planes);
  Status ReadFixed(uint32_t rows, Slot* slot);
  Status ReadDict(uint32_t rows, Slot* slot);
  Status ReadCopy(uint32_t rows, Slot* slot);
  Status ReadText(std::string_view* text);
  Status PushTexts(size_t count);
  uint64_t stream_bytes_max() const;

  base::ByteReader& from(Stream which) { return readers_[static_cast<size_t>(which)]; }
  char* PutValue(const Slot& slot, uint32_t index, char* to) const;
  uint64_t ValueBytesMax(const Slot& slot) const;
  size_t NumberBytesMax(const Slot& slot) const;
  void SetPieces(Template* of);
  Status AppendInstances(std::vector<int64_t>* lengths, base::Buffer* bytes);
  Status CopyInstances(std::vector<int64_t>* lengths, base::Buffer* bytes);
  Status MakeInstances();
  template <bool kShared>
  char* PutInstance(const Template& of, uint32_t index, char* to) const;

  const uint32_t values_;
  const uint32_t length_max_;
  base::Buffer template_bytes_;
  bool is_joined_ = false;
  size_t count_ = 0;                 // of templates
  std::vector<Template> templates_;  // and heads behind them, whose last slot is the rest
  std::vector<uint16_t> ids_;
  uint32_t unsplit_ = 0;

  std::array<base::Buffer, kStreams> streams_;
  std::vector<base::ByteReader> readers_;
  SlotGroups groups_;
  std::vector<Slot> group_slots_;
  std::vector<Slot> slots_;
  std::vector<uint64_t> numbers_;
  std::vector<std::string_view> texts_;
  base::Buffer fixed_;
  uint32_t first_unsplit_ = 0;  // in texts_
  std::vector<uint32_t> next_;  // of each set: the next row
  base::Buffer instances_;      // the texts of all templates, template after template
  std::vector<uint32_t> instance_end_;
};

}  // namespace neurallog::block
