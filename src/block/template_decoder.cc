#include "block/template_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "block/block.h"
#include "block/block_format.h"
#include "block/gather.h"
#include "block/put_digits.h"
#include "block/template_parser.h"
#include "block/typed_text.h"

namespace neurallog::block {
namespace {

constexpr size_t kShort = 32;

// Copies a short text in one go, past its end.
char* PutShort(char* to, std::string_view text) {
  if (text.size() <= kShort) [[likely]] {
    std::memcpy(to, text.data(), kShort);
  } else {
    std::memcpy(to, text.data(), text.size());
  }
  return to + text.size();
}

}  // namespace

TemplateDecoder::TemplateDecoder(const StoredTemplates& stored)
    : stored_(stored),
      values_(stored.values_),
      length_max_(stored.length_max_),
      is_joined_(stored.is_joined_),
      count_(stored.count_),
      ids_(stored.ids_) {
  templates_.reserve(stored.paths_.size());
  for (const StoredTemplates::Path& path : stored.paths_) {
    Template& each = templates_.emplace_back();
    each.text = path.text;
    each.rows = path.rows;
    each.slots = path.slots;
    each.parent = path.parent;
    each.shared = path.shared;
  }
  for (const base::Buffer& stream : stored.streams_) readers_.emplace_back(stream.view());
}

Status TemplateDecoder::ReadSlots() {
  numbers_.reserve(values_);
  texts_.reserve(values_);
  return ReadAllSlots();
}

Status TemplateDecoder::ReadSlotsAt(const SlotPlaces& places, std::span<const uint32_t> values) {
  for (Template& each : templates_) each.is_wanted = false;
  bool wants_whole = false;
  for (const uint32_t value : values) {
    wants_whole |= ids_[value] == count_;
    if (ids_[value] != count_) templates_[ids_[value]].is_wanted = true;
  }
  const auto go_to = [&](size_t path) {
    for (size_t i = 0; i < kStreams; ++i)
      readers_[i] = base::ByteReader(stored_.streams_[i].view().substr(places[path][i]));
  };
  for (size_t path = 0; path < count_; ++path) {
    if (!templates_[path].is_wanted) continue;
    go_to(path);
    NL_RETURN_IF_ERROR(ReadSlotsOfTemplate(&templates_[path]));
  }
  if (!wants_whole) return Status::Ok();
  go_to(count_);
  first_unsplit_ = static_cast<uint32_t>(texts_.size());
  return PushTexts(stored_.unsplit_);
}

void TemplateDecoder::NotePlaces() {
  if (places_ == nullptr) return;
  auto& place = places_->emplace_back();
  for (size_t i = 0; i < kStreams; ++i)
    place[i] = static_cast<uint32_t>(readers_[i].position() - stored_.streams_[i].data());
}

Status TemplateDecoder::ReadSlotsOf(std::span<const uint32_t> values, SlotPlaces* places) {
  places_ = is_joined_ ? nullptr : places;
  // Shared slots are read for all who share them.
  for (Template& each : templates_) each.is_wanted = is_joined_;
  for (const uint32_t value : values)
    if (ids_[value] != count_) templates_[PathOf(ids_[value])].is_wanted = true;
  return ReadAllSlots();
}

Status TemplateDecoder::ReadAllSlots() {
  size_t slots = 0;
  for (const Template& each : templates_) {
    if (each.rows == 0) return Corruption("a template without rows");
    slots += each.slots + size_t{1};
  }
  slots_.reserve(slots);
  NL_RETURN_IF_ERROR(is_joined_ ? ReadSharedSlots() : ReadOwnSlots());
  first_unsplit_ = static_cast<uint32_t>(texts_.size());
  NotePlaces();
  NL_RETURN_IF_ERROR(PushTexts(stored_.unsplit_));
  for (const Template& each : templates_)
    // Some value is as long as that, but for the digits of numbers.
    if (each.bytes > uint64_t{length_max_} * (each.slots + 1) + each.slots * (kNumberBytesMax + 1))
      return Corruption("texts longer than the header says");
  for (size_t i = 0; i < kStreams; ++i) {
    if (!readers_[i].ok()) return Corruption(fmt::format("variable stream {} ends early", i));
    if (!readers_[i].empty())
      return Corruption(
          fmt::format("{} bytes too many in variable stream {}", readers_[i].remaining(), i));
  }
  return Status::Ok();
}

Status TemplateDecoder::ReadOwnSlots() {
  for (Template& each : templates_) {
    NotePlaces();
    if (each.is_wanted) {
      NL_RETURN_IF_ERROR(ReadSlotsOfTemplate(&each));
      continue;
    }
    passes_ = true;
    for (uint32_t i = 0; i < each.slots; ++i) {
      Slot passed;
      NL_RETURN_IF_ERROR(ReadSlot(each.rows, &passed));
    }
    passes_ = false;
  }
  return Status::Ok();
}

Status TemplateDecoder::ReadSlotsOfTemplate(Template* of) {
  of->first_slot = static_cast<uint32_t>(slots_.size());
  of->bytes = of->text.size();
  for (uint32_t i = 0; i < of->slots; ++i) {
    NL_RETURN_IF_ERROR(ReadSlot(of->rows, &slots_.emplace_back()));
    of->bytes += ValueBytesMax(slots_.back());
  }
  slots_.emplace_back();
  SetPieces(of);
  return Status::Ok();
}

Status TemplateDecoder::ReadSharedSlots() {
  NL_RETURN_IF_ERROR(ReadGroups());
  for (uint32_t path = 0; path < templates_.size(); ++path) PlaceSlots(path);
  return ReadRests();
}

Status TemplateDecoder::ReadGroups() {
  for (uint32_t path = 0; path < templates_.size(); ++path) {
    const Template& each = templates_[path];
    if (path < count_) {
      groups_.AddTemplate(each.slots, each.parent, each.shared, each.rows);
    } else {
      groups_.AddHead(each.parent, each.shared, each.rows);
    }
  }
  groups_.Finish();
  group_slots_.reserve(groups_.groups().size());
  for (const SlotGroups::Group& group : groups_.groups()) {
    Slot& slot = group_slots_.emplace_back();
    NL_RETURN_IF_ERROR(ReadSlot(group.rows, &slot));
    if (slot.bytes_max == 0) slot.bytes_max = static_cast<uint32_t>(ValueBytesMax(slot));
  }
  return Status::Ok();
}

// What follows the heads.
Status TemplateDecoder::ReadRests() {
  for (size_t path = count_; path < templates_.size(); ++path) {
    Template& head = templates_[path];
    Slot& rest = slots_[head.first_slot + head.slots - 1];
    rest.kind = SlotKind::kTexts;
    rest.first = static_cast<uint32_t>(texts_.size());
    NL_RETURN_IF_ERROR(PushTexts(head.rows));
    head.bytes += ValueBytesMax(rest);
  }
  return Status::Ok();
}

void TemplateDecoder::PlaceSlots(uint32_t path) {
  Template& of = templates_[path];
  const bool is_head = path >= count_;
  of.first_slot = static_cast<uint32_t>(slots_.size());
  if (!is_head) of.bytes = of.text.size();
  for (uint32_t i = 0; i < (is_head ? of.shared : of.slots); ++i) {
    const uint32_t index = groups_.GroupOf(is_head ? of.parent : path, i);
    const SlotGroups::Group& group = groups_.groups()[index];
    Slot& slot = slots_.emplace_back(group_slots_[index]);
    of.bytes += slot.bytes_max;
    slot.set = group.set;
  }
  if (is_head) slots_.emplace_back();
  slots_.emplace_back();
  SetPieces(&of);
  if (!is_head) return;
  for (uint32_t i = 0; i < of.shared; ++i) of.bytes += slots_[of.first_slot + i].piece.size();
  slots_[of.first_slot + of.shared].piece = of.text.substr(0, 0);
  slots_[of.first_slot + of.slots].piece = of.text.substr(0, 0);
}

void TemplateDecoder::SetPieces(Template* of) {
  std::string_view left = of->text;
  Slot* slot = &slots_[of->first_slot];
  const uint32_t marks = of->slots - (static_cast<size_t>(of - templates_.data()) < count_ ? 0 : 1);
  for (uint32_t i = 0; i < marks; ++i, ++slot) {
    const size_t end = left.find(kVariableMark);
    slot->piece = left.substr(0, end);
    left.remove_prefix(end + 1);
  }
  slot->piece = left;
}

// Of the numbers that were read last: what AppendInstances reserves stays with the column.
size_t TemplateDecoder::NumberBytesMax(const Slot& slot) const {
  uint64_t bits = 0;
  for (size_t i = slot.first; i < numbers_.size(); ++i) bits |= numbers_[i];
  const size_t digits = std::max<size_t>(DigitsOf(bits), slot.digits) + slot.scale + 1;
  return slot.prefix.size() + slot.suffix.size() + digits;
}

uint64_t TemplateDecoder::ValueBytesMax(const Slot& slot) const {
  switch (slot.kind) {
    case SlotKind::kConst: return slot.prefix.size();
    case SlotKind::kNumbers:
      if (is_joined_) return NumberBytesMax(slot);
      return slot.prefix.size() + slot.suffix.size() + kNumberBytesMax;
    case SlotKind::kIpv4: return kNumberBytesMax;
    case SlotKind::kFixed: return slot.length;
    case SlotKind::kTexts:
    case SlotKind::kDict:
    case SlotKind::kCopy: break;
  }
  size_t most = 0;
  for (size_t i = slot.first; i < texts_.size(); ++i) most = std::max(most, texts_[i].size());
  return most;
}

char* TemplateDecoder::PutValue(const Slot& slot, uint32_t index, char* to) const {
  switch (slot.kind) {
    case SlotKind::kConst: return PutShort(to, slot.prefix);
    case SlotKind::kTexts:
    case SlotKind::kDict: return PutShort(to, texts_[slot.first + index]);
    case SlotKind::kFixed:
      return PutShort(to, {fixed_.data() + slot.bytes + size_t{index} * slot.length, slot.length});
    case SlotKind::kIpv4: return PrintIpv4(to, static_cast<uint32_t>(numbers_[slot.first + index]));
    case SlotKind::kNumbers:
    case SlotKind::kCopy: break;
  }
  if (!slot.prefix.empty()) to = PutShort(to, slot.prefix);
  uint64_t number = numbers_[slot.first + index];
  const uint64_t behind = number % kPowersOfTen[slot.scale];
  if (slot.scale > 0) number /= kPowersOfTen[slot.scale];
  to = slot.is_padded ? PutPadded(to, number, slot.digits) : PutNumber(to, number);
  if (slot.scale > 0) {
    *to++ = '.';
    to = PutPadded(to, behind, slot.scale);
  }
  return slot.suffix.empty() ? to : PutShort(to, slot.suffix);
}

template <bool kShared>
char* TemplateDecoder::PutInstance(const Template& of, uint32_t index, char* to) const {
  const Slot* slot = slots_.data() + of.first_slot;
  for (const Slot* const end = slot + of.slots; slot != end; ++slot) {
    const bool is_own = !kShared || slot->set == SlotGroups::kNone;
    to = PutValue(*slot, is_own ? index : next_[slot->set], PutShort(to, slot->piece));
  }
  return PutShort(to, slot->piece);
}

Status TemplateDecoder::AppendTexts(std::vector<int64_t>* lengths, base::Buffer* bytes) {
  return is_joined_ ? AppendInstances(lengths, bytes) : CopyInstances(lengths, bytes);
}

template <bool kShared>
void TemplateDecoder::PutNext(uint32_t path, base::Buffer* bytes) {
  const Template& of = templates_[path];
  char* const begin = bytes->Prepare(of.bytes + kCopySlop);
  const char* const end = PutInstance<kShared>(of, of.next, begin);
  bytes->Commit(static_cast<size_t>(end - begin));
  PassNext(path);
}

void TemplateDecoder::PassNext(uint32_t path) {
  ++templates_[path].next;
  if (!is_joined_) return;
  for (const uint32_t set : groups_.SetsOf(path)) ++next_[set];
}

Status TemplateDecoder::CheckText(size_t length, const base::Buffer& bytes) const {
  if (length <= length_max_ && bytes.size() <= kColumnBytesMax) return Status::Ok();
  return Corruption(fmt::format("a text of {} bytes", length));
}

// In row order, as the values of shared slots are.
Status TemplateDecoder::AppendInstances(std::vector<int64_t>* lengths, base::Buffer* bytes) {
  next_.assign(groups_.set_rows().size(), 0);
  uint64_t most = 0;
  for (const Template& each : templates_) most += each.rows * each.bytes;
  bytes->Reserve(std::min({most, uint64_t{values_} * length_max_, kColumnBytesMax}) + kCopySlop);
  uint32_t next_unsplit = first_unsplit_;
  for (const uint16_t id : ids_) {
    const size_t before = bytes->size();
    if (id == count_) {
      bytes->Append(texts_[next_unsplit++]);
    } else {
      PutNext</*kShared=*/true>(PathOf(id), bytes);
    }
    NL_RETURN_IF_ERROR(CheckText(bytes->size() - before, *bytes));
    lengths->push_back(static_cast<int64_t>(bytes->size() - before));
  }
  return Status::Ok();
}

Status TemplateDecoder::AppendSome(std::span<const uint32_t> values, std::vector<int64_t>* lengths,
                                   base::Buffer* bytes) {
  next_.assign(groups_.set_rows().size(), 0);
  uint32_t next_unsplit = first_unsplit_;
  size_t wanted = 0;
  for (uint32_t value = 0; wanted < values.size(); ++value) {
    const uint16_t id = ids_[value];
    const bool is_wanted = value == values[wanted];
    if (!is_wanted) {
      if (id == count_) ++next_unsplit;
      else PassNext(PathOf(id));
      continue;
    }
    ++wanted;
    const size_t before = bytes->size();
    if (id == count_) {
      bytes->Append(texts_[next_unsplit++]);
    } else if (is_joined_) {
      PutNext</*kShared=*/true>(PathOf(id), bytes);
    } else {
      PutNext</*kShared=*/false>(PathOf(id), bytes);
    }
    NL_RETURN_IF_ERROR(CheckText(bytes->size() - before, *bytes));
    lengths->push_back(static_cast<int64_t>(bytes->size() - before));
  }
  return Status::Ok();
}

Status TemplateDecoder::AppendAt(uint16_t id, uint32_t index, std::vector<int64_t>* lengths,
                                 base::Buffer* bytes) {
  const size_t before = bytes->size();
  if (id == count_) {
    bytes->Append(texts_[first_unsplit_ + index]);
  } else {
    templates_[id].next = index;
    PutNext</*kShared=*/false>(id, bytes);
  }
  lengths->push_back(static_cast<int64_t>(bytes->size() - before));
  return CheckText(bytes->size() - before, *bytes);
}

bool TemplateDecoder::saw_delete() const {
  const std::string_view texts = stored_.streams_[static_cast<size_t>(Stream::kTexts)].view();
  return pattern_has_delete_ || texts.find(kDelete) != std::string_view::npos;
}

// Template after template: what one does for its first row is at hand for the others.
Status TemplateDecoder::MakeInstances() {
  instance_end_.reserve(values_ + 1);
  instance_end_.push_back(0);
  uint64_t most = 0;
  for (const Template& each : templates_) most += each.rows * each.bytes;
  instances_.Reserve(std::min({most, uint64_t{values_} * length_max_, kColumnBytesMax}) +
                     kCopySlop);
  for (Template& each : templates_) {
    each.next = static_cast<uint32_t>(instance_end_.size());
    for (uint32_t i = 0; i < each.rows; ++i) {
      char* const begin = instances_.Prepare(each.bytes + kCopySlop);
      const auto length =
          static_cast<size_t>(PutInstance</*kShared=*/false>(each, i, begin) - begin);
      instances_.Commit(length);
      if (length > length_max_ || instances_.size() > kColumnBytesMax)
        return Corruption(fmt::format("a text of {} bytes", length));
      instance_end_.push_back(static_cast<uint32_t>(instances_.size()));
    }
  }
  return Status::Ok();
}

Status TemplateDecoder::CopyInstances(std::vector<int64_t>* lengths, base::Buffer* bytes) {
  NL_RETURN_IF_ERROR(MakeInstances());
  uint64_t total = instances_.size();
  for (uint32_t i = 0; i < stored_.unsplit_; ++i) total += texts_[first_unsplit_ + i].size();
  if (total > kColumnBytesMax) return Corruption(fmt::format("{} bytes of texts", total));
  bytes->Reserve(bytes->size() + total + kCopySlop);
  uint32_t next_unsplit = first_unsplit_;
  for (const uint16_t id : ids_) {
    std::string_view text;
    if (id == count_) {
      text = texts_[next_unsplit++];
    } else {
      const uint32_t next = templates_[id].next++;
      text = instances_.view().substr(instance_end_[next - 1],
                                      instance_end_[next] - instance_end_[next - 1]);
    }
    AppendText(text, bytes);
    lengths->push_back(static_cast<int64_t>(text.size()));
  }
  return Status::Ok();
}

}  // namespace neurallog::block
