// Whoever has a group has all groups before it in the owner's order, so that the rows of a group are
// among those of the one before, and two neighbours with as many rows have the same.
#include "block/slot_groups.h"

namespace neurallog::block {

void SlotGroups::Clear() {
  templates_.clear();
  heads_.clear();
  groups_.clear();
  groups_of_.clear();
}

void SlotGroups::AddTemplate(uint32_t slots, uint32_t parent, uint32_t shared, uint32_t rows) {
  const auto number = static_cast<uint32_t>(templates_.size());
  templates_.push_back({static_cast<uint32_t>(groups_of_.size()), slots, rows});
  for (uint32_t slot = 0; slot < shared; ++slot) groups_of_.push_back(GroupOf(parent, slot));
  for (uint32_t slot = shared; slot < slots; ++slot) {
    groups_of_.push_back(static_cast<uint32_t>(groups_.size()));
    groups_.push_back({number, slot, 0, kNone});
  }
  CountRows(number, slots, rows);
}

void SlotGroups::AddHead(uint32_t template_index, uint32_t slots, uint32_t rows) {
  heads_.push_back({template_index, slots});
  CountRows(template_index, slots, rows);
}

void SlotGroups::CountRows(uint32_t template_index, uint32_t slots, uint32_t rows) {
  for (uint32_t slot = 0; slot < slots; ++slot) groups_[GroupOf(template_index, slot)].rows += rows;
}

void SlotGroups::Finish() {
  MakeSets();
  sets_of_.clear();
  sets_end_.clear();
  for (uint32_t i = 0; i < templates_.size(); ++i) ListSets(i, templates_[i].slots);
  for (const Head& head : heads_) ListSets(head.template_index, head.slots);
}

void SlotGroups::MakeSets() {
  set_rows_.clear();
  for (Group& group : groups_) {
    if (group.rows == templates_[group.owner].rows) continue;
    const Group* const before =
        group.slot > 0 ? &groups_[GroupOf(group.owner, group.slot - 1)] : nullptr;
    if (before != nullptr && before->rows == group.rows) {
      group.set = before->set;
    } else {
      group.set = static_cast<uint32_t>(set_rows_.size());
      set_rows_.push_back(group.rows);
    }
  }
}

void SlotGroups::ListSets(uint32_t template_index, uint32_t slots) {
  uint32_t last = kNone;
  for (uint32_t slot = 0; slot < slots; ++slot) {
    const uint32_t set = groups_[GroupOf(template_index, slot)].set;
    if (set == kNone) break;
    if (set != last) sets_of_.push_back(set);
    last = set;
  }
  sets_end_.push_back(static_cast<uint32_t>(sets_of_.size()));
}

std::span<const uint32_t> SlotGroups::SetsOf(uint32_t path) const {
  const uint32_t begin = path == 0 ? 0 : sets_end_[path - 1];
  return std::span(sets_of_).subspan(begin, sets_end_[path] - begin);
}

}  // namespace neurallog::block
