// Text goes through windows of 64 bytes: one scan gives the word bytes as a bit mask, whose runs of
// ones are the tokens. A run that reaches the end of its window begins the next window; one that
// fills a whole window is a long token, which is hashed piece by piece.
//
// Slots are found with a multiplier that is random per process: the hash function is public, and
// nobody shall choose tokens that all meet in one slot.
#include "index/token_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#include <utility>

#include "index/token_hash.h"

namespace neurallog::index {
namespace {

constexpr size_t kWindow = ScannedWindow::kBytes;
constexpr size_t kSlotsMin = 1 << 12;
constexpr size_t kTokensPerWindowMax = kWindow / 2;

uint32_t RandomOdd() {
  static const uint32_t value = std::random_device()() | 1;
  return value;
}

// One pass of a least-significant-digit radix sort.
void RadixPass(std::span<const TokenHash> from, std::span<TokenHash> to, int shift) {
  constexpr size_t kDigits = 1 << 11;
  std::array<uint32_t, kDigits> ends{};
  for (TokenHash hash : from) ++ends[hash >> shift & (kDigits - 1)];
  uint32_t at = 0;
  for (uint32_t& end : ends) at += std::exchange(end, at);
  for (TokenHash hash : from) to[ends[hash >> shift & (kDigits - 1)]++] = hash;
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

TokenSet::TokenSet(ScanFunction scan) : scan_(scan), multiplier_(RandomOdd()) { Clear(); }

void TokenSet::Clear() {
  if (slots_.empty() || slots_.size() > kKeptSlots) {
    slots_ = std::vector<TokenHash>(kSlotsMin);
    sorted_ = scratch_ = {};
  } else {
    std::fill(slots_.begin(), slots_.end(), 0);
  }
  shift_ = 32 - std::countr_zero(slots_.size());
  size_ = 0;
}

void TokenSet::Add(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::array<TokenHash, kTokensPerWindowMax> hashes;
  while (at < end) {
    const auto left = static_cast<size_t>(end - at);
    scan_(at, &window_);
    uint64_t words = window_.words;
    if (left < kWindow) words &= (uint64_t{1} << left) - 1;
    const char* next = at + std::min(left, kWindow);
    size_t count = 0;
    while (words != 0) {
      const int begin = std::countr_zero(words);
      const int size = std::countr_one(words >> begin);
      if (begin + size == kWindow && left > kWindow) {
        next = begin > 0 ? at + begin : AddLongToken(at, end);
        break;
      }
      TokenHasher hasher;
      hasher.UpdateAll(window_.lower + begin, static_cast<size_t>(size));
      hashes[count++] = hasher.Finish();
      words &= words + (uint64_t{1} << begin);  // clears the lowest run
    }
    InsertAll({hashes.data(), count});
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

void TokenSet::AddHash(TokenHash hash) { InsertAll({&hash, 1}); }

void TokenSet::InsertAll(std::span<const TokenHash> hashes) {
  if (size_ + hashes.size() > slots_.size() / 3) Grow();
  TokenHash* const slots = slots_.data();
  const size_t mask = slots_.size() - 1;
  const uint32_t multiplier = multiplier_;
  const int shift = shift_;
  size_t added = 0;
  for (TokenHash hash : hashes) {
    size_t slot = hash * multiplier >> shift;
    // New or not is hard to predict, so that both take the same way; another token's slot is rare.
    while (!((slots[slot] == hash) | (slots[slot] == 0))) slot = (slot + 1) & mask;
    added += slots[slot] == 0;
    slots[slot] = hash;
  }
  size_ += added;
}

void TokenSet::Grow() {
  std::vector<TokenHash> old(slots_.size() * 2);
  old.swap(slots_);
  shift_ = 32 - std::countr_zero(slots_.size());
  size_ = 0;
  std::erase(old, 0);
  InsertAll(old);
}

std::span<const TokenHash> TokenSet::SortedHashes() {
  sorted_.resize(size_ + 1);  // one more, where the loop puts what it does not keep
  size_t count = 0;
  for (TokenHash hash : slots_) {
    sorted_[count] = hash;
    count += hash != 0;
  }
  sorted_.resize(size_);
  scratch_.resize(size_);
  RadixPass(sorted_, scratch_, 0);
  RadixPass(scratch_, sorted_, 11);
  RadixPass(sorted_, scratch_, 22);
  return scratch_;
}

}  // namespace neurallog::index
