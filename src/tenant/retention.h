// How long a tenant's rows are kept, and which class of partitions they go to.
//
// Rows of different lifetimes do not share partitions, so that a partition can be dropped whole: tenants that keep up to 30 days have days,
// up to 90 days weeks, longer months. Which class a row belongs to is decided by its place in the log alone, not by when somebody looks:
// replay has to find a row in the partition that it was sealed into. Therefore a change of class has an LSN from which on it holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "neurallog/status.h"

namespace neurallog::tenant {

enum class RetentionClass : uint8_t { kShort = 0, kMedium = 1, kLong = 2 };
inline constexpr int kRetentionClasses = 3;

std::string_view ClassName(RetentionClass retention_class);  // "short", "medium", "long"
// 0: kept for ever.
RetentionClass ClassOf(int64_t retention_ns);

// From `since_lsn` on rows are of a class; nothing: of the server's.
struct ClassChange {
  uint64_t since_lsn = 0;
  std::optional<RetentionClass> to;
  bool operator==(const ClassChange&) const = default;
};

// The changes of a tenant, or of the server's default, in order of LSN. Empty: nothing was ever set. A value; not thread-safe.
class ClassHistory {
 public:
  static constexpr size_t kChangesMax = 16;

  // What holds at an LSN.
  std::optional<RetentionClass> At(uint64_t lsn) const;
  std::optional<RetentionClass> Last() const { return At(UINT64_MAX); }
  // The first change behind `lsn`, or UINT64_MAX.
  uint64_t NextAfter(uint64_t lsn) const;
  // `since_lsn` must be behind all earlier changes. Changes that no row at or behind `oldest_lsn` needs are forgotten first;
  // ResourceExhausted when kChangesMax are needed.
  Status Add(const ClassChange& change, uint64_t oldest_lsn);

  const std::vector<ClassChange>& changes() const { return changes_; }

  // The stored form: count:u8 { since_lsn:u64le class:u8 }, class 255 for the server's.
  void AppendTo(std::string* bytes) const;
  static Result<ClassHistory> Decode(std::string_view* bytes);

 private:
  std::vector<ClassChange> changes_;
};

}  // namespace neurallog::tenant
