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
#include <string>
#include <utility>
#include <vector>

#include "rules/compiled_test.h"
#include "rules/gram_index.h"
#include "rules/hash_probe.h"
#include "rules/literal_table.h"

namespace neurallog::rules {

class FieldIndex {
 public:
  // `folded` is needed only when needs_folded().
  void Scan(const ValueTexts& value, TriggerSink* sink) const;
  bool needs_folded() const { return needs_folded_; }
  size_t memory_bytes() const;
  size_t longest_list() const { return grams_.longest_list(); }

 private:
  friend class FieldIndexBuilder;

  // A bound of a comparison, by number.
  struct Bound {
    double number;
    uint32_t trigger;
  };
  struct NetworkEntry {
    Network network;
    uint32_t trigger;
  };

  void ScanNumbers(std::string_view raw, TriggerSink* sink) const;
  void ScanNetworks(std::string_view raw, TriggerSink* sink) const;

  LiteralTable literals_;
  HashProbe wholes_{HashProbe::Where::kWhole};
  HashProbe starts_{HashProbe::Where::kStart};
  HashProbe ends_{HashProbe::Where::kEnd};
  GramIndex grams_;
  bool needs_folded_ = false;
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

  FieldIndex index_;
  std::map<std::pair<Kind, std::string>, std::vector<uint32_t>> literals_;
  std::map<std::pair<Kind, std::string>, size_t>
      shared_;  // texts by their first or last four bytes
};

}  // namespace neurallog::rules
