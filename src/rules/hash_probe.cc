#include "rules/hash_probe.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/hash.h"

namespace neurallog::rules {

uint64_t HashProbe::KeyOf(std::string_view text, size_t bytes) const {
  if (where_ == Where::kWhole) return base::Hash64(text);
  uint32_t key = 0;
  const char* from = where_ == Where::kStart ? text.data() : text.data() + text.size() - bytes;
  std::memcpy(&key, from, bytes);
  return static_cast<uint64_t>(bytes) << 32 | key;
}

void HashProbe::Add(const LiteralTable& table, uint32_t literal) {
  const std::string_view text = table.text(literal);
  const size_t bytes = std::min<size_t>(text.size(), 4);
  entries_.push_back({KeyOf(text, bytes), literal});
  lengths_ |= 1u << bytes;
}

void HashProbe::Build() {
  if (empty()) return;
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.key != b.key ? a.key < b.key : a.literal < b.literal;
  });
  const size_t slots = std::bit_ceil(entries_.size() * 2 + 2);
  slots_.assign(slots, 0);
  shift_ = 64 - std::countr_zero(slots);
  for (size_t i = 0; i < entries_.size();) {
    size_t end = i + 1;
    while (end < entries_.size() && entries_[end].key == entries_[i].key) ++end;
    size_t slot = SlotOf(entries_[i].key);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = static_cast<uint64_t>(i) << 32 | (end - i);
    i = end;
  }
}

void HashProbe::Find(std::string_view value, const LiteralTable& table, TriggerSink* sink) const {
  if (entries_.empty()) return;
  if (where_ == Where::kWhole) return FindKey(KeyOf(value, 0), value, table, sink);
  for (size_t bytes = 0; bytes <= 4 && bytes <= value.size(); ++bytes)
    if ((lengths_ >> bytes & 1) != 0) FindKey(KeyOf(value, bytes), value, table, sink);
}

void HashProbe::FindKey(uint64_t key, std::string_view value, const LiteralTable& table,
                        TriggerSink* sink) const {
  for (size_t slot = SlotOf(key); slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const size_t first = slots_[slot] >> 32;
    if (entries_[first].key != key) continue;
    const auto count = static_cast<uint32_t>(slots_[slot]);
    for (size_t i = first; i < first + count; ++i)
      if (Fits(value, table.text(entries_[i].literal))) table.Fire(entries_[i].literal, sink);
    return;
  }
}

bool HashProbe::Fits(std::string_view value, std::string_view text) const {
  if (where_ == Where::kWhole) return value == text;
  if (value.size() < text.size()) return false;
  const char* at =
      where_ == Where::kStart ? value.data() : value.data() + value.size() - text.size();
  return std::memcmp(at, text.data(), text.size()) == 0;
}

}  // namespace neurallog::rules
