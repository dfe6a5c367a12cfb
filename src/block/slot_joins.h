// Finds the slots that are to be shared: templates that begin alike up to some variable, and whose
// values look alike up to it, share the slots up to it. So what stands at the front of all lines of a
// program (time, host, process) is one slot and not one for each template.
//
//   joins.Clear();
//   joins.AddTemplate(text, values, rows);   // all templates, then
//   joins.AddText(text, values, &rest);      // the texts that have none
//   joins.Finish();
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "block/slot_groups.h"
#include "block/text_hash.h"

namespace neurallog::block {

// Reuses its buffers. Not thread-safe.
class SlotJoins {
 public:
  static constexpr uint32_t kNone = SlotGroups::kNone;

  SlotJoins() : keys_(TextHashSeed()) {}

  void Clear();
  // `values`: those of its variables in some text of it. `text` must stay until Finish.
  void AddTemplate(std::string_view text, std::span<const std::string_view> values, uint32_t rows);
  // Returns the number of the head (0, 1, ...) that the text begins with, or kNone; `*rest` is what
  // follows it. `values` lie in `text`.
  uint32_t AddText(std::string_view text, std::span<const std::string_view> values,
                   std::string_view* rest);
  void Finish();

  const SlotGroups& groups() const { return groups_; }
  // Whether it pays, to judge by the templates so far.
  bool IsMuchShared() const { return shared_ * 4 > slots_; }
  size_t heads() const { return heads_.size(); }
  // docs/formats/block.md: heads
  std::string EncodeHeads() const;

 private:
  struct Template {
    std::string_view text;
    uint32_t parent;
    uint32_t shared;
  };
  struct Head {
    uint32_t template_index;
    uint32_t slots;
    uint32_t rows;
  };
  struct Entry {
    uint64_t key = 0;  // 0: free
    uint32_t template_index = kNone;
  };

  static uint64_t Extend(uint64_t key, std::string_view piece, std::string_view value);
  uint32_t Find(uint64_t key) const;
  void Insert(uint64_t key, uint32_t template_index);
  uint32_t FindHead(uint32_t template_index, uint32_t slots);
  static bool BeginsLike(std::string_view of, uint32_t slots, std::string_view text,
                         std::span<const std::string_view> values);

  const TextHashKeys keys_;
  SlotGroups groups_;
  std::vector<Template> templates_;
  std::vector<Head> heads_;
  std::vector<Entry> table_;  // of keys to the first template that has it; open addressing
  size_t entries_ = 0;
  size_t slots_ = 0;
  size_t shared_ = 0;  // of them
};

}  // namespace neurallog::block
