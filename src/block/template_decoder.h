// Reads what TemplateEncoder wrote. Trusts no byte.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "block/slot_format.h"
#include "block/slot_groups.h"
#include "neurallog/status.h"

namespace neurallog::block {

// The payload of a kTemplates column, unpacked but not put together: its templates, which value has
// which, and the streams of the variables.
class StoredTemplates {
 public:
  // `values`: how many texts there are; `length_max`: of the longest.
  StoredTemplates(uint32_t values, uint32_t length_max)
      : values_(values), length_max_(length_max) {}

  // All that comes before the variables.
  Status ReadTemplates(base::ByteReader* reader);
  // The rest of the payload.
  Status ReadStreams(base::ByteReader* reader);

  size_t templates() const { return count_; }
  // With kVariableMark for each variable.
  std::string_view text(size_t index) const { return paths_[index].text; }
  // Per value: a template; templates() or more when the text is not one of a template.
  const std::vector<uint16_t>& ids() const { return ids_; }
  // Templates share variables.
  bool is_joined() const { return is_joined_; }
  base::Buffer ReleaseTexts() { return std::move(template_bytes_); }
  size_t memory_bytes() const;

 private:
  friend class TemplateDecoder;
  struct Path {
    std::string_view text;
    uint32_t rows = 0;
    uint32_t slots = 0;
    uint32_t parent = 0;  // the template whose first slots it shares
    uint32_t shared = 0;
  };

  Status ReadTexts(base::ByteReader* reader);
  Status ReadHeads(base::ByteReader* reader);
  Status ReadIds(base::ByteReader* reader);
  // The template or head of a value that is not stored whole.
  uint32_t PathOf(uint16_t id) const { return id - (id > count_ ? 1u : 0u); }
  uint64_t stream_bytes_max() const;

  const uint32_t values_;
  const uint32_t length_max_;
  base::Buffer template_bytes_;
  bool is_joined_ = false;
  size_t count_ = 0;         // of templates
  std::vector<Path> paths_;  // templates, and heads behind them, whose last slot is the rest
  std::vector<uint16_t> ids_;
  uint32_t unsplit_ = 0;
  std::array<base::Buffer, kStreams> streams_;
};

// Where in each stream the variables of a template begin, template after template, and behind them what
// is stored whole.
using SlotPlaces = std::vector<std::array<uint32_t, kStreams>>;

using ByteSet = std::bitset<256>;

// Puts texts together: all of them, or some.
//
//   TemplateDecoder decoder(stored);
//   NL_RETURN_IF_ERROR(decoder.ReadSlots());
//   NL_RETURN_IF_ERROR(decoder.AppendTexts(&lengths, &bytes));
//
// Not thread-safe; `stored` must outlive it.
class TemplateDecoder {
 public:
  explicit TemplateDecoder(const StoredTemplates& stored);

  // Of all templates.
  Status ReadSlots();
  // Of the templates of these values; the variables of the others are passed over. Gives where all of them
  // begin when `places` is not null.
  Status ReadSlotsOf(std::span<const uint32_t> values, SlotPlaces* places);
  // The same of a column that is not joined, with places that are known: reads nothing else.
  Status ReadSlotsAt(const SlotPlaces& places, std::span<const uint32_t> values);
  // After ReadSlots: appends all texts to `bytes` and their lengths to `lengths`.
  Status AppendTexts(std::vector<int64_t>* lengths, base::Buffer* bytes);
  // After ReadSlotsOf: those of the same values, which ascend.
  Status AppendSome(std::span<const uint32_t> values, std::vector<int64_t>* lengths,
                    base::Buffer* bytes);
  // Whether a variable holds the byte 0x7f, which joins words for templates and parts them for filters.
  bool saw_delete() const;
  // After ReadSlotsAt: the text of template `id`, or the one stored whole, that comes at this place among
  // the values which have it.
  Status AppendAt(uint16_t id, uint32_t index, std::vector<int64_t>* lengths, base::Buffer* bytes);
  // Instead of ReadSlots, and much cheaper: the bytes that may occur in each variable of each template,
  // one after the other.
  Result<std::vector<ByteSet>> ReadVariableBytes();

 private:
  struct Template {
    std::string_view text;
    uint32_t rows = 0;
    uint32_t first_slot = 0;  // the slot's static piece is the one before it; one more at the end
    uint32_t slots = 0;
    uint32_t parent = 0;
    uint32_t shared = 0;
    uint32_t next = 0;   // its next row; in instance_end_ where there are instances
    uint64_t bytes = 0;  // of the longest value there can be
    bool is_wanted = true;
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

  Status ReadAllSlots();
  Status ReadSlotsOfTemplate(Template* of);
  void NotePlaces();
  Status ReadOwnSlots();
  Status ReadSharedSlots();
  Status ReadGroups();
  Status ReadRests();
  void PlaceSlots(uint32_t path);
  uint32_t PathOf(uint16_t id) const { return stored_.PathOf(id); }
  Status ReadSlot(uint32_t rows, Slot* slot);
  Status ReadNumbers(uint8_t kind, uint32_t rows, Slot* slot);
  Status ReadPacked(uint32_t rows, int width, bool planes);
  Status ReadFixed(uint32_t rows, Slot* slot);
  Status ReadDict(uint32_t rows, Slot* slot);
  Status ReadCopy(uint32_t rows, Slot* slot);
  Status ReadText(std::string_view* text);
  Status PushTexts(size_t count);
  Status PassTexts(size_t count);
  Status PutFixedDigits(uint32_t rows, std::string_view pattern, char* out);
  Status PutFixedHex(uint32_t rows, std::string_view pattern, char* out);
  ByteSet BytesOf(const Slot& slot, uint32_t rows) const;
  ByteSet PassedBytes(const Slot& slot) const;
  Result<std::vector<ByteSet>> ReadBytesOfShared();
  Result<std::vector<ByteSet>> PassForBytes();
  // The next text of this template; to be called for each value that is before one that is wanted.
  template <bool kShared>
  void PutNext(uint32_t path, base::Buffer* bytes);
  void PassNext(uint32_t path);
  Status CheckText(size_t length, const base::Buffer& bytes) const;

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

  const StoredTemplates& stored_;
  const uint32_t values_;
  const uint32_t length_max_;
  const bool is_joined_;
  const size_t count_;               // of templates
  std::vector<Template> templates_;  // and heads behind them, whose last slot is the rest
  const std::vector<uint16_t>& ids_;

  std::vector<base::ByteReader> readers_;
  SlotPlaces* places_ = nullptr;  // to be filled
  bool pattern_has_delete_ = false;
  bool passes_ = false;  // over what it reads, of which only the place of what follows is wanted
  std::string_view passed_;  // the texts or the pattern of the slot that was passed last
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
