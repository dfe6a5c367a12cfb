// Which slots of a column's templates are stored together, for its writer and its reader. A template
// may share its first slots with one before it. A head is the first slots of a template without what
// follows: some texts that are stored whole begin with one.
//
//   groups.Clear();
//   groups.AddTemplate(slots, parent, shared, rows);   // all templates, then all heads
//   groups.AddHead(template_index, slots, rows);
//   groups.Finish();
//
// docs/formats/block.md
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace neurallog::block {

// Reuses its buffers. Not thread-safe while it is being filled.
class SlotGroups {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // A slot that is shared is one group. The rows of a group are those of all templates and heads
  // that have it, in row order: a set, which several groups may have.
  struct Group {
    uint32_t owner;  // the first template that has it
    uint32_t slot;   // which one of the owner's it is, and of all others
    uint32_t rows;
    uint32_t set;  // kNone: the rows of the owner only
  };

  void Clear();
  // `shared` slots are those of template `parent`, which has as many.
  void AddTemplate(uint32_t slots, uint32_t parent, uint32_t shared, uint32_t rows);
  void AddHead(uint32_t template_index, uint32_t slots, uint32_t rows);
  void Finish();

  // In the order in which they are stored.
  const std::vector<Group>& groups() const { return groups_; }
  uint32_t SlotsOf(uint32_t template_index) const { return templates_[template_index].slots; }
  uint32_t GroupOf(uint32_t template_index, uint32_t slot) const {
    return groups_of_[templates_[template_index].first + slot];
  }
  // How many rows each set has.
  const std::vector<uint32_t>& set_rows() const { return set_rows_; }
  // The sets that have the rows of a template, or behind all templates of a head; ascending.
  std::span<const uint32_t> SetsOf(uint32_t path) const;

 private:
  struct Template {
    uint32_t first;  // in groups_of_
    uint32_t slots;
    uint32_t rows;
  };
  struct Head {
    uint32_t template_index;
    uint32_t slots;
  };

  void CountRows(uint32_t template_index, uint32_t slots, uint32_t rows);
  void MakeSets();
  void ListSets(uint32_t template_index, uint32_t slots);

  std::vector<Template> templates_;
  std::vector<Head> heads_;
  std::vector<Group> groups_;
  std::vector<uint32_t> groups_of_;  // template after template
  std::vector<uint32_t> set_rows_;
  std::vector<uint32_t> sets_of_;  // path after path
  std::vector<uint32_t> sets_end_;
};

}  // namespace neurallog::block
