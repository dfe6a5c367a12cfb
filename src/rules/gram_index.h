// Finds which of many literals stand in a text, in about a nanosecond per byte whatever their number.
//
//   GramIndex index;
//   index.Add(literal, GramIndex::Where::kAnywhere, table);
//   index.Build(table, statistics);
//   index.Scan(text, table, &sink);
//
// Each literal is known by one of its four-byte grams: the one that is rarest in logs and shared by
// the fewest other literals, so that neither common words nor thousands of literals with one common
// beginning make a long list to compare. A bitmap of hashed grams, 32 to 128 bits per literal, refuses nearly
// all places of the text; what passes is looked up and compared. A few grams have masks (GramMasks), which refuse places
// faster. Literals under four bytes have tables of one and two bytes. Uses AVX2 where the CPU has it. Immutable after
// Build; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/gram_masks.h"
#include "rules/literal_table.h"
#include "rules/statistics.h"

namespace neurallog::rules {

class GramIndex {
 public:
  enum class Where : uint8_t { kAnywhere, kStart, kEnd };

  void Add(uint32_t literal, Where where, const LiteralTable& table);
  // `with_digits`: each literal has a digit, and is known by a gram that has one: ScanNear finds it.
  void Build(const LiteralTable& table, const Statistics& statistics, bool with_digits = false);

  bool empty() const { return entries_.empty() && shorts_.empty(); }
  // Whether a text is scanned in a fraction of a nanosecond per byte.
  bool is_fast() const { return scan_ == ScanFewAvx2 && shorts_.empty(); }
  // False: Scan would find nothing in the text when it is folded. Mostly true when not is_fast.
  bool MayHoldAny(std::string_view raw) const;
  // How many literals share the fullest gram.
  size_t longest_list() const;
  size_t memory_bytes() const {
    return entries_.capacity() * sizeof(Entry) + slots_.capacity() * sizeof(Slot) +
           bitmap_.capacity() * 4 + short_bitmap_.capacity() * 8 + shorts_.capacity() * 8;
  }

  void Scan(std::string_view text, const LiteralTable& table, TriggerSink* sink) const {
    if (!entries_.empty() && text.size() >= 4) scan_(*this, text, table, sink);
    if (!shorts_.empty()) ScanShorts(text, table, sink);
  }
  // `form` has the digits of the text.
  void ScanNear(std::string_view text, const TextForm& form, const LiteralTable& table,
                TriggerSink* sink) const;

  // Each way to scan, for the test that compares them; ...Avx2 falls back where the CPU lacks it, ...Few... where the grams are
  // not few.
  static void ScanScalar(const GramIndex& index, std::string_view text, const LiteralTable& table,
                         TriggerSink* sink);
  static void ScanAvx2(const GramIndex& index, std::string_view text, const LiteralTable& table,
                       TriggerSink* sink);
  static void ScanFewAvx2(const GramIndex& index, std::string_view text, const LiteralTable& table,
                          TriggerSink* sink);

 private:
  struct Entry {
    uint32_t gram;
    uint32_t literal;
    uint16_t offset;  // of the gram in the literal
    Where where;
  };
  struct Slot {
    uint32_t gram;
    uint32_t first;
    uint32_t count;  // 0: free
  };
  struct Short {
    uint32_t key;  // the first one or two bytes, and 1 << 16 for one
    uint32_t literal;
    Where where;
  };

  uint32_t BitOf(uint32_t gram) const { return gram * 0x9e3779b1u >> bitmap_shift_; }
  // False: no literal is known by the gram.
  bool MayHold(uint32_t gram) const {
    const uint32_t bit = BitOf(gram);
    return (bitmap_[bit >> 5] >> (bit & 31) & 1) != 0;
  }
  bool has_few_grams() const { return grams_ > 0 && grams_ <= GramMasks::kGramsMax; }
  size_t SlotOf(uint32_t gram) const { return gram * 0x85ebca6bu >> slot_shift_; }
  void ChooseGrams(const LiteralTable& table, const Statistics& statistics, bool with_digits);
  void FillTables();
  void BuildMasks();
  // Compares the literals of the gram at `at`.
  void Check(std::string_view text, size_t at, uint32_t gram, const LiteralTable& table,
             TriggerSink* sink) const;
  void CheckOne(std::string_view text, size_t begin, uint32_t literal, Where where,
                const LiteralTable& table, TriggerSink* sink) const;
  void ScanShorts(std::string_view text, const LiteralTable& table, TriggerSink* sink) const;
  void ScanShortsAt(std::string_view text, size_t at, const LiteralTable& table,
                    TriggerSink* sink) const;
  void CheckShorts(std::string_view text, size_t at, uint32_t key, const LiteralTable& table,
                   TriggerSink* sink) const;

  using ScanFunction = void (*)(const GramIndex&, std::string_view, const LiteralTable&,
                                TriggerSink*);

  std::vector<Entry> entries_;  // by gram
  std::vector<Slot> slots_;
  int slot_shift_ = 0;
  size_t shortest_ = SIZE_MAX;  // literal, its bytes
  size_t grams_ = 0;            // that literals are known by
  GramMasks masks_;             // of grams that are few
  std::vector<uint32_t> bitmap_;
  int bitmap_shift_ = 0;
  ScanFunction scan_ = ScanScalar;
  std::vector<Short> shorts_;           // by key
  std::vector<uint64_t> short_bitmap_;  // of two bytes
  // Of a byte: whether it is a key, whether keys of two bytes begin with it.
  struct ShortByte {
    bool is_key = false;
    bool begins_keys = false;
  };
  std::array<ShortByte, 256> short_bytes_{};
};

}  // namespace neurallog::rules
