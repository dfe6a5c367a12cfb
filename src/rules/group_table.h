// The groups of a rule by their keys: an open-addressing table of places in a dense list.
//
//   GroupTable<Group> groups;                       // Group has base::Hash128Value key
//   auto [group, is_new] = groups.FindOrAdd(key);   // valid until the next call that adds or removes
//   groups.RemoveIf([](const Group& group) { return ...; });
//
// An entry of the table is a place and eight bits of the key, so that a search reads one line of the
// table and the group itself. The list grows in huge pages: nothing is moved, and no more than one is spare.
// At most kMax groups; the caller sees to that. Not thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "base/prefetch.h"
#include "rules/huge_pages.h"

namespace neurallog::rules {

template <typename Group>
class GroupTable {
 public:
  static constexpr uint32_t kMax = (1 << 24) - 2;

  uint32_t size() const { return size_; }
  Group& at(uint32_t place) {
    return place < kPiece ? head_[place] : pieces_[place / kPiece - 1][place % kPiece];
  }
  const Group& at(uint32_t place) const { return const_cast<GroupTable*>(this)->at(place); }

  Group* Find(const base::Hash128Value& key) {
    if (table_.empty()) return nullptr;
    const uint32_t entry = table_[SlotOf(key)];
    return entry == 0 ? nullptr : &at(PlaceIn(entry));
  }
  const Group* Find(const base::Hash128Value& key) const {
    return const_cast<GroupTable*>(this)->Find(key);
  }
  // For a key that is searched for soon: both lines of the memory that this reads, one after the other. Where the
  // group is, most likely.
  void FetchPlace(const base::Hash128Value& key) const {
    if (!table_.empty()) base::Prefetch(&table_[key.low & (table_.size() - 1)]);
  }
  uint32_t FetchGroup(const base::Hash128Value& key) const {
    if (table_.empty()) return 0;
    const size_t mask = table_.size() - 1;
    size_t slot = key.low & mask;
    while (table_[slot] != 0 && table_[slot] >> 24 != TagOf(key)) slot = (slot + 1) & mask;
    if (table_[slot] == 0) return 0;
    const uint32_t place = PlaceIn(table_[slot]);
    const char* const group = reinterpret_cast<const char*>(&at(place));
    for (size_t line = 0; line < sizeof(Group); line += 64) base::Prefetch(group + line);
    return place;
  }
  // Not searched for if it is at this place.
  Group* Find(const base::Hash128Value& key, uint32_t place) {
    if (place < size_ && at(place).key == key) return &at(place);
    return Find(key);
  }
  std::pair<Group*, bool> FindOrAdd(const base::Hash128Value& key) {
    if ((size_ + 1) * 4 > table_.size() * 3) Rehash();
    const size_t slot = SlotOf(key);
    if (table_[slot] != 0) return {&at(PlaceIn(table_[slot])), false};
    NL_DCHECK(size_ < kMax);
    table_[slot] = EntryOf(key, size_);
    Group* const group = Append();
    group->key = key;
    return {group, true};
  }

  // The last group takes the place of the removed one.
  void Remove(const base::Hash128Value& key) {
    const size_t slot = SlotOf(key);
    if (table_.empty() || table_[slot] == 0) return;
    const uint32_t place = PlaceIn(table_[slot]);
    CloseGap(slot);
    const uint32_t last = size_ - 1;
    if (place != last) {
      table_[SlotOf(at(last).key)] = EntryOf(at(last).key, place);
      at(place) = std::move(at(last));
    }
    Shrink(last);
  }
  // The others keep their order.
  template <typename Predicate>
  uint32_t RemoveIf(Predicate is_removed) {
    uint32_t kept = 0;
    for (uint32_t place = 0; place < size_; ++place) {
      if (is_removed(at(place))) continue;
      if (kept != place) at(kept) = std::move(at(place));
      ++kept;
    }
    const uint32_t removed = size_ - kept;
    if (removed == 0) return 0;
    Shrink(kept);
    table_.clear();
    Rehash();
    return removed;
  }
  // How long ago a group was told of something, by which the stalest go; keys order equal ones.
  struct Age {
    uint64_t newest;
    uint64_t high;
    uint64_t low;
    auto operator<=>(const Age&) const = default;
  };
  // What a sixteenth of the groups, at least one, is as old as or older than. There is a group.
  template <typename AgeOf>
  Age StalestSixteenth(AgeOf age_of) const {
    std::vector<Age> ages(size_);
    for (uint32_t place = 0; place < size_; ++place) ages[place] = age_of(at(place));
    const auto last = ages.begin() + (size_ - 1) / 16;
    std::nth_element(ages.begin(), last, ages.end());
    return *last;
  }

  size_t memory_bytes() const {
    return table_.capacity() * sizeof(uint32_t) + head_.capacity() * sizeof(Group) +
           pieces_.size() * (kHugePageBytes + sizeof(pieces_[0]));
  }

 private:
  static constexpr uint32_t kPiece = kHugePageBytes / sizeof(Group);
  static constexpr size_t kTableMin = 8;
  using Piece = std::vector<Group, HugePageAllocator<Group>>;

  // An entry: a place and one in 24 bits, the top of key.high above them. 0: empty.
  static uint32_t TagOf(const base::Hash128Value& key) {
    return static_cast<uint32_t>(key.high >> 56);
  }
  static uint32_t EntryOf(const base::Hash128Value& key, uint32_t place) {
    return TagOf(key) << 24 | (place + 1);
  }
  static uint32_t PlaceIn(uint32_t entry) { return (entry & 0xffffff) - 1; }

  // Where the key is, or the empty slot where it would be.
  size_t SlotOf(const base::Hash128Value& key) const {
    const size_t mask = table_.size() - 1;
    const uint32_t tag = TagOf(key);
    size_t slot = key.low & mask;
    for (;; slot = (slot + 1) & mask) {
      const uint32_t entry = table_[slot];
      if (entry == 0) return slot;
      if (entry >> 24 == tag && at(PlaceIn(entry)).key == key) return slot;
    }
  }
  void Rehash() {
    const size_t wanted = std::bit_ceil(std::max(kTableMin, (size_ + size_t{1}) * 3 / 2));
    table_.assign(wanted, 0);
    const size_t mask = wanted - 1;
    for (uint32_t place = 0; place < size_; ++place) {
      const base::Hash128Value& key = at(place).key;
      size_t slot = key.low & mask;
      while (table_[slot] != 0) slot = (slot + 1) & mask;
      table_[slot] = EntryOf(key, place);
    }
  }
  // Entries behind the gap move up as long as that brings them nearer to where their search begins.
  void CloseGap(size_t gap) {
    const size_t mask = table_.size() - 1;
    for (size_t slot = gap;;) {
      slot = (slot + 1) & mask;
      if (table_[slot] == 0) break;
      const size_t home = at(PlaceIn(table_[slot])).key.low & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      table_[gap] = table_[slot];
      gap = slot;
    }
    table_[gap] = 0;
  }
  Group* Append() {
    if (size_ < kPiece) head_.emplace_back();
    else if (size_ % kPiece == 0) pieces_.emplace_back(kPiece);
    return &at(size_++);
  }
  void Shrink(uint32_t size) {
    for (uint32_t place = std::max(size, kPiece); place < size_; ++place) at(place) = Group();
    size_ = size;
    if (size < kPiece) head_.resize(size);
    pieces_.resize(size <= kPiece ? 0 : (size - 1) / kPiece);
  }

  // A power of two, at most three quarters full.
  std::vector<uint32_t, HugePageAllocator<uint32_t>> table_;
  std::vector<Group> head_;  // the first kPiece
  std::vector<Piece> pieces_;
  uint32_t size_ = 0;
};

}  // namespace neurallog::rules
