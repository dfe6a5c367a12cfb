#include "rules/steady_names.h"

#include <algorithm>

#include "base/hash.h"

namespace neurallog::rules {
namespace {

constexpr size_t kLearningMax = 256;  // names at once; more vary

}  // namespace

void SteadyNames::Add(bool is_of_use, bool is_forced) {
  uses_.push_back(!is_of_use ? Use::kNone : is_forced ? Use::kSteady : Use::kVaried);
  Seen& seen = seen_.emplace_back();
  seen.is_forced = is_forced;
  if (uses_.back() != Use::kVaried || learning_ >= kLearningMax) return;
  seen.recent = std::make_unique<std::array<uint32_t, kRecent>>();
  ++learning_;
}

void SteadyNames::Clear() {
  uses_.clear();
  seen_.clear();
  learning_ = 0;
}

bool SteadyNames::Learn(uint32_t name, std::string_view value) {
  Seen& seen = seen_[name];
  if (seen.recent == nullptr) return false;
  const auto hash = static_cast<uint32_t>(base::Hash64(value) >> 32) | 1;
  uint32_t* const set = &(*seen.recent)[(hash >> 1) % (kRecent / 4) * 4];
  if (std::find(set, set + 4, hash) == set + 4) set[seen.fresh++ % 4] = hash;
  if (value.size() <= kValueBytesMax && ++seen.values < kLearned) return false;
  seen.recent.reset();
  --learning_;
  return value.size() <= kValueBytesMax && seen.fresh <= kLearned / 8;
}

uint32_t SteadyNames::most_varied() const {
  uint32_t found = kNoName;
  for (uint32_t name = 0; name < uses_.size(); ++name) {
    if (uses_[name] != Use::kSteady || seen_[name].is_forced) continue;
    if (found == kNoName || seen_[name].fresh > seen_[found].fresh) found = name;
  }
  return found;
}

}  // namespace neurallog::rules
