// Texts by their whole, by their start or by their end: found with one probe of a hash table.
//
// The key of a text is its length and hash (whole) or its first or last four bytes. Texts under four
// bytes have a key of their own for each length. Immutable after Build; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/literal_table.h"

namespace neurallog::rules {

class HashProbe {
 public:
  enum class Where : uint8_t { kWhole, kStart, kEnd };
  explicit HashProbe(Where where) : where_(where) {}

  // Only before Build. Texts that share a key are compared one by one: the caller bounds their number.
  void Add(const LiteralTable& table, uint32_t literal);
  void Build();

  bool empty() const { return entries_.empty(); }
  void Find(std::string_view value, const LiteralTable& table, TriggerSink* sink) const;
  size_t memory_bytes() const { return entries_.capacity() * 16 + slots_.capacity() * 8; }

 private:
  struct Entry {
    uint64_t key;
    uint32_t literal;
  };

  uint64_t KeyOf(std::string_view text, size_t bytes) const;
  void FindKey(uint64_t key, std::string_view value, const LiteralTable& table,
               TriggerSink* sink) const;
  bool Fits(std::string_view value, std::string_view text) const;
  size_t SlotOf(uint64_t key) const { return key * 0x9e3779b97f4a7c15u >> shift_; }

  Where where_;
  uint32_t lengths_ = 0;         // bit n: a text has a key of n bytes; bit 0: the empty text
  std::vector<Entry> entries_;   // by key
  std::vector<uint64_t> slots_;  // first entry << 32 | entries; 0 is free
  int shift_ = 0;
};

}  // namespace neurallog::rules
