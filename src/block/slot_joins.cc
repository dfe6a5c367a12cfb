// The front of a text up to a variable has a key: a hash of the static pieces and of how the
// variables look. A template goes on along the keys that are known, and has slots of its own from
// the first one on that is not.
#include "block/slot_joins.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/bytes.h"
#include "block/slot_format.h"
#include "block/template_parser.h"

namespace neurallog::block {
namespace {

constexpr size_t kTableMin = 1024;
constexpr size_t kLooksMax = 64;  // bytes of a value that count

using base::IsDigit;

// How a value looks: letters look alike, and so do digits, however many there are in a row. But
// numbers of one length, hashes and names are of no use to each other if their lengths differ.
size_t Looks(std::string_view value, char* to) {
  size_t size = 0;
  size_t words = 0;
  for (const char c : value.substr(0, kLooksMax)) {
    const bool is_letter = static_cast<unsigned char>((c | 0x20) - 'a') < 26;
    const char kind = IsDigit(c) ? '9' : is_letter ? 'a' : c;
    if (size > 0 && to[size - 1] == kind) continue;
    words += is_letter;
    to[size++] = kind;
  }
  const bool is_padded = value.size() > 1 && value[0] == '0';
  const bool is_long_number = size == 1 && value.size() >= 6;
  if (words > 1 || is_padded || is_long_number)
    to[size++] = static_cast<char>(std::min(value.size(), kLooksMax));
  return size;
}

}  // namespace

void SlotJoins::Clear() {
  groups_.Clear();
  templates_.clear();
  heads_.clear();
  table_.assign(kTableMin, {});
  entries_ = slots_ = shared_ = 0;
}

uint64_t SlotJoins::Extend(uint64_t key, std::string_view piece, std::string_view value) {
  char looks[kLooksMax + 1];
  const size_t size = Looks(value, looks);
  return HashText({looks, size}, HashText(piece, key)) | 1;
}

uint32_t SlotJoins::Find(uint64_t key) const {
  const size_t mask = table_.size() - 1;
  size_t at = key >> 32 & mask;
  while (table_[at].key != 0 && table_[at].key != key) at = (at + 1) & mask;
  return table_[at].template_index;
}

void SlotJoins::Insert(uint64_t key, uint32_t template_index) {
  if (++entries_ * 2 > table_.size()) {
    std::vector<Entry> entries(table_.size() * 4);
    entries.swap(table_);
    entries_ = 1;
    for (const Entry& entry : entries)
      if (entry.key != 0) Insert(entry.key, entry.template_index);
  }
  const size_t mask = table_.size() - 1;
  size_t at = key >> 32 & mask;
  while (table_[at].key != 0) at = (at + 1) & mask;
  table_[at] = {key, template_index};
}

void SlotJoins::AddTemplate(std::string_view text, std::span<const std::string_view> values,
                            uint32_t rows) {
  const auto number = static_cast<uint32_t>(templates_.size());
  const auto slots = static_cast<uint32_t>(values.size());
  Template made{text, kNone, 0};
  uint64_t key = keys_.first;
  for (uint32_t slot = 0; slot < slots; ++slot) {
    const size_t end = text.find(kVariableMark);
    key = Extend(key, text.substr(0, end), values[slot]);
    text.remove_prefix(end + 1);
    const uint32_t known = made.shared == slot ? Find(key) : kNone;
    if (known == kNone || groups_.SlotsOf(known) <= slot) {
      Insert(key, number);
    } else {
      made.parent = known;
      made.shared = slot + 1;
    }
  }
  groups_.AddTemplate(slots, made.parent, made.shared, rows);
  templates_.push_back(made);
  slots_ += slots;
  shared_ += made.shared;
}

uint32_t SlotJoins::AddText(std::string_view text, std::span<const std::string_view> values,
                            std::string_view* rest) {
  uint64_t key = keys_.first;
  uint32_t found = kNone;
  uint32_t slots = 0;
  const char* piece = text.data();
  for (; slots < values.size(); ++slots) {
    const std::string_view value = values[slots];
    key = Extend(key, {piece, static_cast<size_t>(value.data() - piece)}, value);
    const uint32_t known = Find(key);
    if (known == kNone) break;
    found = known;
    piece = value.data() + value.size();
  }
  if (slots == 0 || !BeginsLike(templates_[found].text, slots, text, values)) return kNone;
  const uint32_t head = FindHead(found, slots);
  if (head == kNone) return kNone;
  ++heads_[head].rows;
  *rest = text.substr(static_cast<size_t>(piece - text.data()));
  return head;
}

// The hashes may be equal where the texts are not.
bool SlotJoins::BeginsLike(std::string_view of, uint32_t slots, std::string_view text,
                           std::span<const std::string_view> values) {
  const char* piece = text.data();
  for (const std::string_view value : values.first(slots)) {
    const size_t end = of.find(kVariableMark);
    if (end == std::string_view::npos ||
        of.substr(0, end) != std::string_view(piece, static_cast<size_t>(value.data() - piece)))
      return false;
    of.remove_prefix(end + 1);
    piece = value.data() + value.size();
  }
  return true;
}

uint32_t SlotJoins::FindHead(uint32_t template_index, uint32_t slots) {
  for (uint32_t i = 0; i < heads_.size(); ++i)
    if (heads_[i].template_index == template_index && heads_[i].slots == slots) return i;
  if (heads_.size() == kHeadsMax) return kNone;
  heads_.push_back({template_index, slots, 0});
  return static_cast<uint32_t>(heads_.size() - 1);
}

void SlotJoins::Finish() {
  for (const Head& head : heads_) groups_.AddHead(head.template_index, head.slots, head.rows);
  groups_.Finish();
}

std::string SlotJoins::EncodeHeads() const {
  std::string heads;
  for (uint32_t i = 0; i < templates_.size(); ++i) {
    base::AppendVarint(&heads, templates_[i].shared);
    if (templates_[i].shared > 0) base::AppendVarint(&heads, i - templates_[i].parent);
  }
  for (const Head& head : heads_) {
    base::AppendVarint(&heads, head.slots);
    base::AppendVarint(&heads, head.template_index);
  }
  return heads;
}

}  // namespace neurallog::block
