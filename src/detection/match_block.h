// Matches that are stored as one value: some that were found one after the other, of one minute of the records' time.
//
//   MatchBlock block;
//   block.Add(match); ...
//   store.Put(keys.MatchKey(block.newest()), block.bytes());
//   Status read = VisitMatches(value, [&](const Match& match) { ... });
//
// What they have in common, such as the rule or the record, is there once. docs/formats/match.md. Not thread-safe.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "detection/match.h"
#include "neurallog/status.h"

namespace neurallog::detection {

class MatchBlock {
 public:
  static constexpr uint32_t kMatchesMax = 64;
  // One more match may come while there are fewer.
  static constexpr size_t kBytesMax = 16 << 10;

  MatchBlock();

  bool is_full() const { return matches_ == kMatchesMax || bytes_.size() >= kBytesMax; }
  // Of the same minute as the others; not when it is full.
  void Add(const Match& match);

  uint32_t matches() const { return matches_; }
  const MatchId& newest() const { return newest_; }
  // Valid until the next Add.
  std::string_view bytes() const { return bytes_; }
  std::string Take() && { return std::move(bytes_); }

 private:
  void AddText(std::string_view text);

  uint32_t matches_ = 0;
  MatchId oldest_, newest_;
  std::string bytes_;
  // Texts that are there already, by their hash; a later one takes the place of another.
  struct Text {
    uint32_t number = 0;  // from 1 on; 0: none
    uint32_t at = 0;
    uint32_t bytes = 0;
  };
  static constexpr size_t kPlaces = 256;
  std::array<Text, kPlaces> places_{};
  uint32_t texts_ = 0;
};

// What a block's value begins with.
struct MatchBlockHead {
  uint32_t matches = 0;
  MatchId oldest;
};
// Of the value that is stored under the key of `newest`. Corruption when it is none.
Result<MatchBlockHead> ReadMatchBlockHead(const MatchId& newest, std::string_view value);
// In the order in which they were found; what a match points to is valid until its visit ends. Corruption.
Status VisitMatches(const MatchId& newest, std::string_view value,
                    const std::function<void(const Match&)>& visit);

// The half-open minute of the records' time that a block with this one lies in; in nanoseconds.
TimeRange MinuteOf(int64_t time_ns);

}  // namespace neurallog::detection
