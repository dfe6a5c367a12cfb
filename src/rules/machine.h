// The state of one rule: told of the records that match its steps, it says when the rule holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "rules/firing.h"
#include "rules/stateful.h"

namespace neurallog::rules {

// How far a group has come, for somebody who looks at it.
struct Progress {
  double value = 0;  // what is compared: a count, a sum, ...; of a sequence the records that count
  bool holds = false;  // the window's threshold
  // Of sequences and absences.
  std::vector<uint64_t> rows;     // records that count
  std::vector<uint32_t> missing;  // steps that are awaited, each as often as it is
  uint32_t forbidden = 0;         // bits: steps that must not come now
  int64_t until_ns = 0;           // when the time is over; 0: it has not begun
};

// Whether what a rule fired for goes on.
enum class Condition : uint8_t { kUnknown, kHolds, kEnded };

// The values of a group (group_key.h), made when somebody asks: most records of a group need only its key.
class GroupText {
 public:
  virtual ~GroupText() = default;
  virtual std::string_view Get() = 0;
};

struct Observation {
  int64_t event_ns = 0;
  int64_t received_ns = 0;
  uint64_t row_id = 0;
  uint32_t steps = 0;      // bits: which of the rule's steps the record matches
  base::Hash128Value key;  // Hash128 of the group's text
  GroupText* group = nullptr;
  std::string_view value;  // of Stateful::fields, if has_value
  bool has_value = false;
  uint32_t place = 0;  // where FetchGroup saw the group; by now there may be another one, or none
};

// Deterministic: the same calls make the same firings. Not thread-safe.
class Machine {
 public:
  // Nothing for rules of type match.
  static std::unique_ptr<Machine> Make(std::shared_ptr<const Stateful> rule);

  explicit Machine(std::shared_ptr<const Stateful> rule) : rule_(std::move(rule)) {}
  virtual ~Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The observation comes soon: what its group is found by is fetched, and later the group itself. Changes nothing
  // but its `place`.
  virtual void FetchPlace(const Observation& observation) const = 0;
  virtual void FetchGroup(Observation* observation) const = 0;
  // Firings are added with all members but `rule` and `id`.
  virtual void Observe(const Observation& observation, std::vector<Firing>* out) = 0;
  virtual void Advance(int64_t wall_ns, std::vector<Firing>* out) = 0;

  // Of the group that fired, now, as far as a rule of this type can tell.
  virtual Condition ConditionOf(const base::Hash128Value&) { return Condition::kUnknown; }

  // Nothing: there is no such group.
  virtual std::optional<Progress> ProgressOf(const base::Hash128Value& key) = 0;

  virtual void Encode(std::string* to) const = 0;
  // False for bytes that no Encode of this rule has made; the state is then anything.
  virtual bool Decode(base::ByteReader* from) = 0;

  // Whether something may fire though no record comes.
  virtual bool waits() const = 0;
  virtual uint32_t groups() const = 0;
  // Lets the stalest sixteenth of the groups go, at least one.
  virtual void Evict() = 0;
  virtual size_t memory_bytes() const = 0;

  const Stateful& rule() const { return *rule_; }
  uint64_t evicted() const { return evicted_; }
  uint64_t late() const { return late_; }

 protected:
  void EncodeCounters(std::string* to) const {
    base::AppendVarint(to, evicted_);
    base::AppendVarint(to, late_);
  }
  void DecodeCounters(base::ByteReader* from) {
    evicted_ = from->ReadVarint();
    late_ = from->ReadVarint();
  }

  const std::shared_ptr<const Stateful> rule_;
  uint64_t evicted_ = 0;
  uint64_t late_ = 0;
};

}  // namespace neurallog::rules
