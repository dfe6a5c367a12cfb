// Which of many tests of one field may pass for a value: all of them asked at once.
//
//   FieldIndexBuilder builder;
//   builder.Add(test, trigger);        // false: this kind of test cannot be watched
//   FieldIndex index = builder.Build(statistics);
//   index.Scan(texts, &sink);          // fires the triggers
//
// Equal texts by a hash of the whole value, starts and ends by their first or last bytes, texts
// anywhere and literals of globs and regular expressions by GramIndex, numbers by sorted bounds,
// networks by a hash for each length of prefix. A test that passes always fires; one that does not may
// fire too, unless IsExact says otherwise. Immutable; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/compiled_test.h"
#include "rules/gram_index.h"
#include "rules/hash_probe.h"
#include "rules/literal_table.h"
#include "rules/text_form.h"

namespace neurallog::rules {

class FieldIndex {
 public:
  // `folded` is needed only when needs_folded().
  void Scan(const ValueTexts& value, TriggerSink* sink) const;
  bool needs_folded() const { return needs_folded_; }
  // True: nothing fires for the value, whatever its `folded` is.
  bool CanSkip(std::string_view raw) const {
    return looks_for_grams_only_ && !texts_.grams.MayHoldAny(raw);
  }
  // The same in two parts: what texts of one form have in common, and the rest, of which `folded` and `form` are needed only
  // where the form MayHoldDigits that are looked for.
  void ScanForm(std::string_view folded_form, TriggerSink* sink) const;
  bool MayHoldDigits(std::string_view folded_form) const;
  void ScanRest(const ValueTexts& value, const TextForm* form, TriggerSink* sink) const;
  bool has_forms() const { return has_forms_; }  // whether that can be worthwhile
  size_t memory_bytes() const;
  size_t longest_list() const { return texts_.grams.longest_list(); }

 private:
  friend class FieldIndexBuilder;

  // Literals by where they stand.
  struct Texts {
    HashProbe wholes{HashProbe::Where::kWhole};
    HashProbe starts{HashProbe::Where::kStart};
    HashProbe ends{HashProbe::Where::kEnd};
    GramIndex grams;

    bool has_edges() const { return !wholes.empty() || !starts.empty() || !ends.empty(); }
    void Build(const LiteralTable& table, const Statistics& statistics, bool with_digits);
    void FindEdges(std::string_view folded, const LiteralTable& table, TriggerSink* sink) const;
    size_t memory_bytes() const;
  };

  // A bound of a comparison, by number.
  struct Bound {
    double number;
    uint32_t trigger;
  };
  struct NetworkEntry {
    Network network;
    uint32_t trigger;
  };

  bool HasBounds() const;
  void ScanOthers(std::string_view raw, TriggerSink* sink) const;
  void ScanNumbers(std::string_view raw, TriggerSink* sink) const;
  void ScanNetworks(std::string_view raw, TriggerSink* sink) const;

  LiteralTable literals_;
  Texts texts_;        // all of them
  Texts digit_texts_;  // those with digits
  // The forms of these, which stand in the form of a text that holds one.
  LiteralTable digit_forms_;
  GramIndex digit_form_grams_;
  bool needs_folded_ = false;
  bool has_forms_ = false;
  bool looks_for_grams_only_ = false;
  std::vector<uint32_t> present_;             // fire for any value
  std::array<std::vector<Bound>, 4> bounds_;  // of kLess, kLessEqual, kGreater, kGreaterEqual
  std::vector<NetworkEntry> networks_;        // by prefix, then address
  std::vector<std::pair<uint32_t, uint32_t>> prefixes_;  // runs of networks_ with one prefix
};

class FieldIndexBuilder {
 public:
  // Whether an index can watch for the test at all.
  static bool CanWatch(const Test& test);
  // Whether the test passes whenever it fires.
  static bool IsExact(const Test& test);

  void Add(const Test& test, uint32_t trigger);
  FieldIndex Build(const Statistics& statistics);

 private:
  enum class Kind : uint8_t { kWhole, kStart, kEnd, kAnywhere };

  void AddText(Kind kind, const std::string& text, uint32_t trigger);
  void PlaceLiteral(Kind kind, const std::string& text, const std::vector<uint32_t>& triggers);
  void PlaceDigitForm(const std::string& text);
  void PlaceIn(FieldIndex::Texts* texts, Kind kind, uint32_t literal, bool is_shared) const;

  FieldIndex index_;
  std::map<std::pair<Kind, std::string>, std::vector<uint32_t>> literals_;
  std::set<std::string> digit_forms_;
  std::map<std::pair<Kind, std::string>, size_t>
      shared_;  // texts by their first or last four bytes
};

}  // namespace neurallog::rules
