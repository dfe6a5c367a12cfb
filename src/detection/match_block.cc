#include "detection/match_block.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"

namespace neurallog::detection {
namespace {

constexpr uint8_t kBlockFormat = 2;
constexpr uint8_t kSingleFormat = 1;  // of before there were blocks
constexpr int64_t kMinuteNs = 60 * base::kNsPerSecond;
constexpr size_t kMatchesAt = 1;
constexpr size_t kOldestAt = 2;
constexpr size_t kHeadBytes = kOldestAt + 16;

Status Damaged() { return Corruption("stored matches are damaged"); }

class BlockReader {
 public:
  BlockReader(uint32_t matches, std::string_view rest) : matches_(matches), reader_(rest) {}

  Status Visit(const std::function<void(const Match&)>& visit) {
    for (uint32_t i = 0; i < matches_; ++i) {
      Match match;
      match.id.time_ns = reader_.ReadLe<int64_t>();
      match.id.hash = reader_.ReadLe<uint64_t>();
      match.matched_ns = reader_.ReadLe<int64_t>();
      match.severity = static_cast<rules::Severity>(reader_.ReadLe<uint8_t>());
      match.rule_id = ReadText();
      match.rule_json = ReadText();
      match.detail_json = ReadText();
      match.record_json = ReadText();
      if (!reader_.ok() || !are_texts_ok_) return Damaged();
      visit(match);
    }
    return reader_.empty() ? Status() : Damaged();
  }

 private:
  std::string_view ReadText() {
    const uint64_t number = reader_.ReadVarint();
    if (number > texts_.size()) are_texts_ok_ = false;
    else if (number > 0) return texts_[number - 1];
    texts_.push_back(reader_.ReadLengthPrefixed());
    return texts_.back();
  }

  const uint32_t matches_;
  base::ByteReader reader_;
  std::vector<std::string_view> texts_;
  bool are_texts_ok_ = true;
};

Status VisitSingle(const MatchId& id, base::ByteReader reader,
                   const std::function<void(const Match&)>& visit) {
  Match match;
  match.id = id;
  match.severity = static_cast<rules::Severity>(reader.ReadLe<uint8_t>());
  match.rule_id = reader.ReadLengthPrefixed();
  match.whole_json = reader.ReadBytes(reader.remaining());
  if (!reader.ok()) return Damaged();
  visit(match);
  return {};
}

}  // namespace

MatchBlock::MatchBlock() { bytes_.assign(kHeadBytes, '\0'); }

void MatchBlock::Add(const Match& match) {
  if (matches_ == 0) oldest_ = newest_ = match.id;
  oldest_ = std::min(oldest_, match.id);
  newest_ = std::max(newest_, match.id);
  bytes_[0] = static_cast<char>(kBlockFormat);
  bytes_[kMatchesAt] = static_cast<char>(++matches_);
  base::StoreLe(bytes_.data() + kOldestAt, oldest_.time_ns);
  base::StoreLe(bytes_.data() + kOldestAt + 8, oldest_.hash);
  base::AppendLe(&bytes_, match.id.time_ns);
  base::AppendLe(&bytes_, match.id.hash);
  base::AppendLe(&bytes_, match.matched_ns);
  base::AppendLe(&bytes_, static_cast<uint8_t>(match.severity));
  for (const std::string_view text :
       {match.rule_id, match.rule_json, match.detail_json, match.record_json})
    AddText(text);
}

void MatchBlock::AddText(std::string_view text) {
  Text& place = places_[base::Hash64(text) % kPlaces];
  if (place.number > 0 && std::string_view(bytes_).substr(place.at, place.bytes) == text)
    return base::AppendVarint(&bytes_, place.number);
  bytes_.push_back('\0');
  base::AppendLengthPrefixed(&bytes_, text);
  place = {++texts_, static_cast<uint32_t>(bytes_.size() - text.size()),
           static_cast<uint32_t>(text.size())};
}

Result<MatchBlockHead> ReadMatchBlockHead(const MatchId& newest, std::string_view value) {
  base::ByteReader reader(value);
  const auto format = reader.ReadLe<uint8_t>();
  if (reader.ok() && format == kSingleFormat) return MatchBlockHead{1, newest};
  MatchBlockHead head;
  head.matches = reader.ReadLe<uint8_t>();
  head.oldest.time_ns = reader.ReadLe<int64_t>();
  head.oldest.hash = reader.ReadLe<uint64_t>();
  if (!reader.ok() || format != kBlockFormat) return Damaged();
  return head;
}

Status VisitMatches(const MatchId& newest, std::string_view value,
                    const std::function<void(const Match&)>& visit) {
  NL_TRY(const MatchBlockHead head, ReadMatchBlockHead(newest, value));
  if (value[0] == kSingleFormat)
    return VisitSingle(newest, base::ByteReader(value.substr(1)), visit);
  return BlockReader(head.matches, value.substr(kHeadBytes)).Visit(visit);
}

TimeRange MinuteOf(int64_t time_ns) {
  const int64_t minute = time_ns / kMinuteNs - (time_ns % kMinuteNs < 0 ? 1 : 0);
  constexpr int64_t kLast = INT64_MAX / kMinuteNs, kFirst = INT64_MIN / kMinuteNs;
  TimeRange range;
  if (minute >= kFirst) range.start_ns = minute * kMinuteNs;
  if (minute < kLast) range.end_ns = (minute + 1) * kMinuteNs;
  return range;
}

}  // namespace neurallog::detection
