#include "rules/gram_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "rules/case_fold.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/cpu.h"
#endif

namespace neurallog::rules {
namespace {

constexpr size_t kBitmapBitsMin = 1 << 13;
constexpr size_t kBitmapBitsMax = 1 << 24;
constexpr size_t kBitsPerLiteral = 32;
constexpr size_t kBitsOfFewLiterals =
    1 << 16;  // while these suffice a literal has four times as many
// Of a long literal only the grams of its beginning are looked at.
constexpr size_t kGramsLookedAt = 256;
constexpr uint32_t kOneByte = 1 << 16;

uint32_t LoadGram(const char* at) {
  uint32_t gram;
  std::memcpy(&gram, at, 4);
  return gram;
}

// Letters and spaces are common in logs, other bytes less.
double Commonness(const char* gram) {
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = gram[i];
    const bool is_common = std::string_view(" etaoinsrl").find(c) != std::string_view::npos;
    sum += is_common ? 0.004 : (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? 0.002 : 0.001;
  }
  return sum;
}

size_t FirstDigit(std::string_view text) {
  return std::min(text.find_first_of("0123456789"), text.size());
}

using base::HasAvx2;

}  // namespace

void GramIndex::Add(uint32_t literal, Where where, const LiteralTable& table) {
  const std::string_view text = table.text(literal);
  shortest_ = std::min(shortest_, text.size());
  if (text.size() >= 4) {
    entries_.push_back({0, literal, 0, where});
    return;
  }
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const uint32_t key = text.size() == 1 ? kOneByte | byte(0) : byte(0) | byte(1) << 8;
  shorts_.push_back({key, literal, where});
}

void GramIndex::Build(const LiteralTable& table, const Statistics& statistics, bool with_digits) {
  ChooseGrams(table, statistics, with_digits);
  FillTables();
  scan_ = !HasAvx2() ? ScanScalar : has_few_grams() ? ScanFewAvx2 : ScanAvx2;
}

// A gram's cost is how often it stands in logs, times the literals to compare there. Grams that
// many literals hold are taken for common: rules speak the language of their logs.
void GramIndex::ChooseGrams(const LiteralTable& table, const Statistics& statistics,
                            bool with_digits) {
  struct Use {
    uint32_t held = 0;    // by so many literals
    uint32_t chosen = 0;  // for so many
  };
  std::unordered_map<uint32_t, Use> uses;
  const auto first_gram = [&](const Entry& entry) -> size_t {
    return with_digits ? std::max<size_t>(FirstDigit(table.text(entry.literal)), 3) - 3 : 0;
  };
  const auto end_of_grams = [&](const Entry& entry) {
    return std::min(table.text(entry.literal).size() - 3, first_gram(entry) + kGramsLookedAt);
  };
  for (const Entry& entry : entries_)
    for (size_t i = first_gram(entry); i < end_of_grams(entry); ++i)
      ++uses[LoadGram(table.text(entry.literal).data() + i)].held;
  for (Entry& entry : entries_) {
    const char* const text = table.text(entry.literal).data();
    double least = 1e300;
    Use* best = nullptr;
    for (size_t i = first_gram(entry); i < end_of_grams(entry); ++i) {
      if (with_digits && !HasDigit({text + i, 4})) continue;
      Use& use = uses[LoadGram(text + i)];
      const double frequency =
          statistics.GramsPerRow(text + i) + Commonness(text + i) + 0.002 * (use.held - use.chosen);
      const double cost = frequency * (1 + use.chosen);
      if (cost >= least) continue;
      least = cost;
      best = &use;
      entry.offset = static_cast<uint16_t>(i);
    }
    ++best->chosen;
    entry.gram = LoadGram(text + entry.offset);
  }
}

void GramIndex::FillTables() {
  if (empty()) return;
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.gram != b.gram ? a.gram < b.gram : a.literal < b.literal;
  });
  const size_t bits_min = std::bit_ceil(entries_.size() * kBitsPerLiteral);
  const size_t bits = std::clamp(std::max(bits_min, std::min(bits_min * 4, kBitsOfFewLiterals)),
                                 kBitmapBitsMin, kBitmapBitsMax);
  bitmap_.assign(bits / 32, 0);
  bitmap_shift_ = 32 - std::countr_zero(bits);
  const size_t slots = std::bit_ceil(entries_.size() * 2 + 2);
  slots_.assign(slots, {});
  slot_shift_ = 32 - std::countr_zero(slots);
  for (size_t i = 0; i < entries_.size();) {
    const uint32_t gram = entries_[i].gram;
    size_t end = i + 1;
    while (end < entries_.size() && entries_[end].gram == gram) ++end;
    size_t slot = SlotOf(gram);
    while (slots_[slot].count != 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = {gram, static_cast<uint32_t>(i), static_cast<uint32_t>(end - i)};
    bitmap_[BitOf(gram) >> 5] |= 1u << (BitOf(gram) & 31);
    ++grams_;
    i = end;
  }
  if (has_few_grams()) BuildMasks();
  std::sort(shorts_.begin(), shorts_.end(), [](const Short& a, const Short& b) {
    return a.key != b.key ? a.key < b.key : a.literal < b.literal;
  });
  for (const Short& one : shorts_) {
    ShortByte& first = short_bytes_[one.key & 0xff];
    const bool is_one_byte = (one.key & kOneByte) != 0;
    (is_one_byte ? first.is_key : first.begins_keys) = true;
    if (is_one_byte) continue;
    short_bitmap_.resize(1024);
    short_bitmap_[one.key >> 6] |= uint64_t{1} << (one.key & 63);
  }
}

void GramIndex::BuildMasks() {
  std::vector<uint32_t> grams;
  for (const Entry& entry : entries_) grams.push_back(entry.gram);
  masks_.Build(std::move(grams));
}

size_t GramIndex::longest_list() const {
  size_t longest = 0;
  for (const Slot& slot : slots_) longest = std::max<size_t>(longest, slot.count);
  return longest;
}

void GramIndex::CheckOne(std::string_view text, size_t begin, uint32_t literal, Where where,
                         const LiteralTable& table, TriggerSink* sink) const {
  const std::string_view wanted = table.text(literal);
  if (begin > text.size() || text.size() - begin < wanted.size()) return;
  if (where == Where::kStart && begin != 0) return;
  if (where == Where::kEnd && begin + wanted.size() != text.size()) return;
  if (std::memcmp(text.data() + begin, wanted.data(), wanted.size()) == 0)
    table.Fire(literal, sink);
}

void GramIndex::Check(std::string_view text, size_t at, uint32_t gram, const LiteralTable& table,
                      TriggerSink* sink) const {
  size_t slot = SlotOf(gram);
  while (slots_[slot].count != 0 && slots_[slot].gram != gram)
    slot = (slot + 1) & (slots_.size() - 1);
  const Slot& found = slots_[slot];
  for (uint32_t i = found.first; i < found.first + found.count; ++i) {
    const Entry& entry = entries_[i];
    if (at >= entry.offset)
      CheckOne(text, at - entry.offset, entry.literal, entry.where, table, sink);
  }
}

void GramIndex::ScanScalar(const GramIndex& index, std::string_view text, const LiteralTable& table,
                           TriggerSink* sink) {
  for (size_t at = 0; at + 4 <= text.size(); ++at) {
    const uint32_t gram = LoadGram(text.data() + at);
    if (index.MayHold(gram)) index.Check(text, at, gram, table, sink);
  }
}

#if defined(__x86_64__)

// Eight places at once: their grams by one shuffle, their bits by one gather.
__attribute__((target("avx2"))) void GramIndex::ScanAvx2(const GramIndex& index,
                                                         std::string_view text,
                                                         const LiteralTable& table,
                                                         TriggerSink* sink) {
  if (!HasAvx2()) return ScanScalar(index, text, table, sink);
  const __m256i spread = _mm256_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6,
                                          7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10);
  const __m256i factor = _mm256_set1_epi32(static_cast<int>(0x9e3779b1u));
  const __m128i shift = _mm_cvtsi32_si128(index.bitmap_shift_);
  const __m256i low_bits = _mm256_set1_epi32(31);
  const int* const bitmap = reinterpret_cast<const int*>(index.bitmap_.data());
  size_t at = 0;
  for (; at + 16 <= text.size(); at += 8) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m256i grams = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), spread);
    const __m256i bits = _mm256_srl_epi32(_mm256_mullo_epi32(grams, factor), shift);
    const __m256i words = _mm256_i32gather_epi32(bitmap, _mm256_srli_epi32(bits, 5), 4);
    const __m256i found = _mm256_srlv_epi32(words, _mm256_and_si256(bits, low_bits));
    auto hits = static_cast<unsigned>(
        _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(found, 31))));
    for (; hits != 0; hits &= hits - 1) {
      const size_t place = at + static_cast<size_t>(std::countr_zero(hits));
      index.Check(text, place, LoadGram(text.data() + place), table, sink);
    }
  }
  for (; at + 4 <= text.size(); ++at) {
    const uint32_t gram = LoadGram(text.data() + at);
    if (index.MayHold(gram)) index.Check(text, at, gram, table, sink);
  }
}

__attribute__((target("avx2"))) void GramIndex::ScanFewAvx2(const GramIndex& index,
                                                            std::string_view text,
                                                            const LiteralTable& table,
                                                            TriggerSink* sink) {
  if (!HasAvx2() || !index.has_few_grams()) return ScanAvx2(index, text, table, sink);
  index.masks_.AnyPlace(text, [&](size_t at) {
    const uint32_t gram = LoadGram(text.data() + at);
    if (index.MayHold(gram)) index.Check(text, at, gram, table, sink);
    return false;
  });
}

bool GramIndex::MayHoldAny(std::string_view raw) const {
  if (raw.size() < shortest_) return false;
  return !is_fast() || masks_.AnyPlace(raw, [&](size_t at) {
    return MayHold(static_cast<uint32_t>(FoldWord(LoadGram(raw.data() + at))));
  });
}

#else

void GramIndex::ScanAvx2(const GramIndex& index, std::string_view text, const LiteralTable& table,
                         TriggerSink* sink) {
  ScanScalar(index, text, table, sink);
}

void GramIndex::ScanFewAvx2(const GramIndex& index, std::string_view text,
                            const LiteralTable& table, TriggerSink* sink) {
  ScanScalar(index, text, table, sink);
}

bool GramIndex::MayHoldAny(std::string_view) const { return true; }

#endif

void GramIndex::ScanNear(std::string_view text, const TextForm& form, const LiteralTable& table,
                         TriggerSink* sink) const {
  form.ForEachNear([&](size_t at) {
    if (!entries_.empty() && at + 4 <= text.size()) {
      const uint32_t gram = LoadGram(text.data() + at);
      if (MayHold(gram)) Check(text, at, gram, table, sink);
    }
    if (!shorts_.empty()) ScanShortsAt(text, at, table, sink);
  });
}

void GramIndex::ScanShorts(std::string_view text, const LiteralTable& table,
                           TriggerSink* sink) const {
  for (size_t at = 0; at < text.size(); ++at) ScanShortsAt(text, at, table, sink);
}

void GramIndex::ScanShortsAt(std::string_view text, size_t at, const LiteralTable& table,
                             TriggerSink* sink) const {
  const auto first = static_cast<unsigned char>(text[at]);
  if (short_bytes_[first].is_key) CheckShorts(text, at, kOneByte | first, table, sink);
  if (!short_bytes_[first].begins_keys || at + 1 == text.size()) return;
  const uint32_t key = first | static_cast<uint32_t>(static_cast<unsigned char>(text[at + 1])) << 8;
  if ((short_bitmap_[key >> 6] >> (key & 63) & 1) != 0) CheckShorts(text, at, key, table, sink);
}

void GramIndex::CheckShorts(std::string_view text, size_t at, uint32_t key,
                            const LiteralTable& table, TriggerSink* sink) const {
  auto one = std::lower_bound(shorts_.begin(), shorts_.end(), key,
                              [](const Short& a, uint32_t wanted) { return a.key < wanted; });
  for (; one != shorts_.end() && one->key == key; ++one)
    CheckOne(text, at, one->literal, one->where, table, sink);
}

}  // namespace neurallog::rules
