// Text goes through windows of 64 bytes, short text through one of 16: a scan gives the word bytes as
// a bit mask, whose runs of ones are the tokens. A run that reaches the end of its window begins the
// next window; one that fills a whole window is a long token, which is hashed piece by piece.
//
// Hashes are collected and sorted at the end, not looked up: a table of a block's tokens is larger
// than the second-level cache, a radix sort reads and writes in order. What was seen lately is left
// out on the way, which is most of what repeats.
#include "index/token_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "index/token_hash.h"

namespace neurallog::index {
namespace {

constexpr size_t kWindow = ScannedWindow::kBytes;
constexpr size_t kTokensPerWindowMax = kWindow / 2;
constexpr int kDigitBits = 11;  // three digits make a hash
constexpr size_t kDigits = 1 << kDigitBits;

size_t DigitOf(TokenHash hash, int digit) { return hash >> (digit * kDigitBits) & (kDigits - 1); }

// One pass of a least-significant-digit radix sort.
void RadixPass(std::span<const TokenHash> from, std::span<TokenHash> to, int digit) {
  std::array<uint32_t, kDigits> ends{};
  for (TokenHash hash : from) ++ends[DigitOf(hash, digit)];
  uint32_t at = 0;
  for (uint32_t& end : ends) at += std::exchange(end, at);
  for (TokenHash hash : from) to[ends[DigitOf(hash, digit)]++] = hash;
}

}  // namespace

TokenHash HashToken(std::string_view token) {
  TokenHasher hasher;
  for (size_t at = 0; at < token.size(); at += TokenHasher::kChunkBytes) {
    char chunk[TokenHasher::kChunkBytes] = {};
    const size_t size = token.copy(chunk, sizeof(chunk), at);
    for (char& c : chunk) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    hasher.Update(chunk, size);
  }
  return hasher.Finish();
}

TokenSet::TokenSet(ScanFunction scan) : scan_(scan) { Clear(); }

void TokenSet::Clear() {
  recent_.fill(0);
  count_ = 0;
  if (!hashes_.empty() && hashes_.size() <= kKeptHashes) return;
  hashes_ = std::vector<TokenHash>(kHashesMin);
  scratch_ = std::vector<TokenHash>(kHashesMin);
}

void TokenSet::Add(std::string_view text) {
  text.size() <= ScannedShort::kBytes ? AddShort(text) : AddLong(text);
}

void TokenSet::AddShort(std::string_view text) {
  if (text.empty()) return;
  MakeRoom(ScannedShort::kBytes / 2);
  ScanShort(text.data(), &short_);
  uint32_t words = short_.words & ((uint32_t{1} << text.size()) - 1);
  while (words != 0) {
    const int begin = std::countr_zero(words);
    TokenHasher hasher;
    hasher.Update(short_.lower + begin, static_cast<size_t>(std::countr_one(words >> begin)));
    Put(hasher.Finish());
    words &= words + (uint32_t{1} << begin);  // clears the lowest run
  }
}

void TokenSet::AddLong(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    MakeRoom(kTokensPerWindowMax);
    const auto left = static_cast<size_t>(end - at);
    scan_(at, &window_);
    uint64_t words = window_.words;
    if (left < kWindow) words &= (uint64_t{1} << left) - 1;
    const char* next = at + std::min(left, kWindow);
    while (words != 0) {
      const int begin = std::countr_zero(words);
      const int size = std::countr_one(words >> begin);
      if (begin + size == kWindow && left > kWindow) {
        next = begin > 0 ? at + begin : AddLongToken(at, end);
        break;
      }
      TokenHasher hasher;
      hasher.UpdateAll(window_.lower + begin, static_cast<size_t>(size));
      Put(hasher.Finish());
      words &= words + (uint64_t{1} << begin);
    }
    at = next;
  }
}

const char* TokenSet::AddLongToken(const char* at, const char* end) {
  TokenHasher hasher;
  while (at < end) {
    scan_(at, &window_);
    const auto run = static_cast<size_t>(std::countr_one(window_.words));
    const size_t size = std::min(run, static_cast<size_t>(end - at));
    if (size > 0) hasher.UpdateAll(window_.lower, size);
    at += size;
    if (size < kWindow) break;
  }
  AddHash(hasher.Finish());
  return at;
}

void TokenSet::AddHash(TokenHash hash) {
  MakeRoom(1);
  Put(hash);
}

// Lately seen or not is hard to predict, so that both take the same way.
inline void TokenSet::Put(TokenHash hash) {
  TokenHash& recent = recent_[hash >> (32 - kRecentBits)];
  hashes_[count_] = hash;
  count_ += recent != hash;
  recent = hash;
}

inline void TokenSet::MakeRoom(size_t hashes) {
  if (count_ + hashes <= hashes_.size()) [[likely]]
    return;
  SortAndUnique();
  if (count_ > hashes_.size() / 2) {
    hashes_.resize(2 * hashes_.size());
    scratch_.resize(hashes_.size());
  }
}

void TokenSet::SortAndUnique() {
  const std::span<TokenHash> hashes = std::span(hashes_).first(count_);
  const std::span<TokenHash> scratch = std::span(scratch_).first(count_);
  RadixPass(hashes, scratch, 0);
  RadixPass(scratch, hashes, 1);
  RadixPass(hashes, scratch, 2);
  count_ = static_cast<size_t>(std::unique_copy(scratch.begin(), scratch.end(), hashes.begin()) -
                               hashes.begin());
}

std::span<const TokenHash> TokenSet::SortedHashes() {
  SortAndUnique();
  return std::span(hashes_).first(count_);
}

}  // namespace neurallog::index
