#include "tenant/retention.h"

#include "base/bytes.h"
#include "base/clock.h"

namespace neurallog::tenant {
namespace {

constexpr int64_t kShortDays = 30;
constexpr int64_t kMediumDays = 90;
constexpr uint8_t kServersClass = 255;

}  // namespace

std::string_view ClassName(RetentionClass retention_class) {
  switch (retention_class) {
    case RetentionClass::kShort: return "short";
    case RetentionClass::kMedium: return "medium";
    case RetentionClass::kLong: return "long";
  }
  return "";
}

RetentionClass ClassOf(int64_t retention_ns) {
  if (retention_ns <= 0 || retention_ns > kMediumDays * base::kNsPerDay)
    return RetentionClass::kLong;
  return retention_ns <= kShortDays * base::kNsPerDay ? RetentionClass::kShort
                                                      : RetentionClass::kMedium;
}

std::optional<RetentionClass> ClassHistory::At(uint64_t lsn) const {
  std::optional<RetentionClass> at;
  for (const ClassChange& change : changes_)
    if (change.since_lsn <= lsn) at = change.to;
  return at;
}

uint64_t ClassHistory::NextAfter(uint64_t lsn) const {
  for (const ClassChange& change : changes_)
    if (change.since_lsn > lsn) return change.since_lsn;
  return UINT64_MAX;
}

Status ClassHistory::Add(const ClassChange& change, uint64_t oldest_lsn) {
  // The last change at or before the oldest row says what that row is; those before it are not needed.
  while (changes_.size() >= 2 && changes_[1].since_lsn <= oldest_lsn)
    changes_.erase(changes_.begin());
  if (changes_.size() >= kChangesMax)
    return ResourceExhausted("the retention class has changed " + std::to_string(changes_.size()) +
                             " times since the last checkpoint, which is the maximum");
  changes_.push_back(change);
  return {};
}

void ClassHistory::AppendTo(std::string* bytes) const {
  bytes->push_back(static_cast<char>(changes_.size()));
  for (const ClassChange& change : changes_) {
    base::AppendLe(bytes, change.since_lsn);
    bytes->push_back(
        static_cast<char>(change.to ? static_cast<uint8_t>(*change.to) : kServersClass));
  }
}

Result<ClassHistory> ClassHistory::Decode(std::string_view* bytes) {
  constexpr size_t kChangeBytes = 9;
  const size_t count = bytes->empty() ? 0 : static_cast<unsigned char>((*bytes)[0]);
  if (bytes->empty() || count > kChangesMax || bytes->size() < 1 + count * kChangeBytes)
    return Corruption("a class history of " + std::to_string(bytes->size()) +
                      " bytes cannot be read");
  bytes->remove_prefix(1);
  ClassHistory history;
  for (size_t i = 0; i < count; ++i, bytes->remove_prefix(kChangeBytes)) {
    const uint8_t to = static_cast<uint8_t>((*bytes)[8]);
    if (to >= kRetentionClasses && to != kServersClass)
      return Corruption("retention class " + std::to_string(to) + " does not exist");
    history.changes_.push_back(
        {base::LoadLe<uint64_t>(bytes->data()),
         to == kServersClass ? std::nullopt : std::optional(static_cast<RetentionClass>(to))});
  }
  return history;
}

}  // namespace neurallog::tenant
