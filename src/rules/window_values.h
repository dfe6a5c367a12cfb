// What a window keeps of its records, for each type of rule. All have the same shape:
//
//   kPieces                 pieces of time that are kept; the window is the newest kWindowPieces
//   Move(from, to)          the newest piece is `to` now, less than kPieces behind `from`
//   Counts(o)               whether there is something in the record to count
//   Add(piece, time, o)     such a record, of a piece that is kept
//   Value, Holds            what is compared with the bounds, and whether they hold now
//   Encode, Decode          kPieces and all; Decode refuses what Encode cannot have written
//
// Plain values. A new one is that of a window without records.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/quantile_sketch.h"
#include "rules/machine.h"
#include "rules/value_sample.h"
#include "rules/window_ring.h"

namespace neurallog::rules {

inline constexpr size_t kWindowPieces = 12;

// A piece counts up to the largest Count, which no bound is above.
template <typename Count>
class CountValues {
 public:
  static constexpr size_t kPieces = kWindowPieces;

  void Move(uint64_t from, uint64_t to) { ring_.Move(from, to); }
  static bool Counts(const Observation&) { return true; }
  void Add(uint64_t piece, int64_t, const Observation&) {
    Count& count = ring_.at(piece);
    if (count != std::numeric_limits<Count>::max()) ++count;
  }
  double Value(const Stateful&, uint64_t) const { return static_cast<double>(Sum()); }
  bool Holds(const Stateful& rule, uint64_t) const {
    return HoldAll(rule.bounds, static_cast<double>(Sum()));
  }
  void Encode(std::string* to) const {
    for (const Count count : ring_.cells()) base::AppendVarint(to, count);
  }
  bool Decode(base::ByteReader* from) {
    for (Count& count : ring_.cells()) {
      const uint64_t stored = from->ReadVarint();
      if (stored > std::numeric_limits<Count>::max()) return false;
      count = static_cast<Count>(stored);
    }
    return from->ok();
  }
  size_t memory_bytes() const { return 0; }

 private:
  uint64_t Sum() const {
    uint64_t sum = 0;
    for (const Count count : ring_.cells()) sum += count;
    return sum;
  }
  WindowRing<Count, kPieces> ring_;
};

class DistinctValues {
 public:
  static constexpr size_t kPieces = kWindowPieces;

  void Move(uint64_t from, uint64_t to) { sample_.Move(from, to); }
  static bool Counts(const Observation& o) { return o.has_value; }
  void Add(uint64_t piece, int64_t, const Observation& o) {
    sample_.Add(piece, base::Hash64(o.value));
  }
  double Value(const Stateful&, uint64_t) const { return static_cast<double>(sample_.Estimate()); }
  bool Holds(const Stateful& rule, uint64_t newest) const {
    return HoldAll(rule.bounds, Value(rule, newest));
  }
  void Encode(std::string* to) const { sample_.Encode(to); }
  bool Decode(base::ByteReader* from) { return sample_.Decode(from); }
  size_t memory_bytes() const { return sample_.memory_bytes(); }

 private:
  ValueSample<kPieces> sample_;
};

// Sum, average, smallest and largest.
class MetricValues {
 public:
  static constexpr size_t kPieces = kWindowPieces;

  void Move(uint64_t from, uint64_t to) { ring_.Move(from, to); }
  static bool Counts(const Observation& o);
  void Add(uint64_t piece, int64_t time, const Observation& o);
  double Value(const Stateful& rule, uint64_t newest) const;
  bool Holds(const Stateful& rule, uint64_t newest) const;
  void Encode(std::string* to) const;
  bool Decode(base::ByteReader* from);
  size_t memory_bytes() const { return 0; }

 private:
  struct Cell {
    uint64_t count = 0;
    double sum = 0;
    double min = 0;
    double max = 0;
    void Merge(const Cell& other);
  };
  Cell Total() const;
  WindowRing<Cell, kPieces> ring_;
};

class QuantileValues {
 public:
  static constexpr size_t kPieces = kWindowPieces;

  void Move(uint64_t from, uint64_t to) { ring_.Move(from, to); }
  static bool Counts(const Observation& o);
  void Add(uint64_t piece, int64_t time, const Observation& o);
  double Value(const Stateful& rule, uint64_t newest) const;
  bool Holds(const Stateful& rule, uint64_t newest) const;
  void Encode(std::string* to) const;
  bool Decode(base::ByteReader* from);
  size_t memory_bytes() const;

 private:
  WindowRing<base::QuantileSketch, kPieces> ring_;
};

// Per cent of the records of step 0 that are of step 1 too.
class ShareValues {
 public:
  static constexpr size_t kPieces = kWindowPieces;

  void Move(uint64_t from, uint64_t to) { ring_.Move(from, to); }
  static bool Counts(const Observation& o) { return (o.steps & 1) != 0; }
  void Add(uint64_t piece, int64_t time, const Observation& o);
  double Value(const Stateful& rule, uint64_t newest) const;
  bool Holds(const Stateful& rule, uint64_t newest) const;
  void Encode(std::string* to) const;
  bool Decode(base::ByteReader* from);
  size_t memory_bytes() const { return 0; }

 private:
  struct Cell {
    uint64_t all = 0;
    uint64_t part = 0;
  };
  Cell Total() const;
  WindowRing<Cell, kPieces> ring_;
};

// Records in the window over records in the window before it.
class SpikeValues {
 public:
  static constexpr size_t kPieces = 2 * kWindowPieces;

  void Move(uint64_t from, uint64_t to) { ring_.Move(from, to); }
  static bool Counts(const Observation&) { return true; }
  void Add(uint64_t piece, int64_t, const Observation&) { ++ring_.at(piece); }
  double Value(const Stateful& rule, uint64_t newest) const;
  bool Holds(const Stateful& rule, uint64_t newest) const;
  void Encode(std::string* to) const;
  bool Decode(base::ByteReader* from);
  size_t memory_bytes() const { return 0; }

 private:
  // Records of the kWindowPieces up to this one.
  uint64_t CountUpTo(uint64_t piece) const;
  WindowRing<uint64_t, kPieces> ring_;
};

// Whether the newest record has another value than the one before.
class ChangeValues {
 public:
  static constexpr size_t kPieces = kWindowPieces;

  void Move(uint64_t, uint64_t) { has_changed_ = false; }
  static bool Counts(const Observation& o) { return o.has_value; }
  void Add(uint64_t piece, int64_t time, const Observation& o);
  double Value(const Stateful&, uint64_t) const { return has_changed_ ? 1 : 0; }
  bool Holds(const Stateful&, uint64_t) const { return has_changed_; }
  void Encode(std::string* to) const;
  bool Decode(base::ByteReader* from);
  size_t memory_bytes() const { return 0; }

 private:
  uint64_t value_ = 0;
  int64_t time_ns_ = -1;  // of the record with that value; none yet
  bool has_changed_ = false;
};

}  // namespace neurallog::rules
