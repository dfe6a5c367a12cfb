// The first-and-last-byte method with a choice of bytes: a needle such as "timeout" begins and ends
// with common letters, so the two probes are its rarest bytes by a rough table of how often bytes
// occur in logs. A probe whose case is ignored has 0x20 set on both sides.
#include "filter/substring.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/cpu.h"
#include "filter/lexer.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace neurallog::filter {
namespace {

// How common a byte is in logs: a higher number is more common.
constexpr std::array<uint8_t, 256> MakeFrequencyTable() {
  std::array<uint8_t, 256> table{};
  for (size_t c = 0; c < 256; ++c) table[c] = c >= 0x80 ? 12 : 10;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = 30;
  for (char c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = 120;
  uint8_t rank = 255;
  for (char c : std::string_view(" etaoinsrldcpumhgfbvwykxjqz"))
    table[static_cast<unsigned char>(c)] = (rank = static_cast<uint8_t>(rank - 7));
  for (char c : std::string_view("=./-_:,")) table[static_cast<unsigned char>(c)] = 140;
  return table;
}
constexpr std::array<uint8_t, 256> kFrequency = MakeFrequencyTable();

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
uint8_t FrequencyOf(char c) { return kFrequency[static_cast<unsigned char>(c)]; }

using base::HasAvx2;

}  // namespace

Finder::Finder(std::string_view needle, bool ignore_case)
    : needle_(ignore_case ? AsciiLower(needle) : std::string(needle)),
      ignore_case_(ignore_case),
      find_(HasAvx2() ? FindAvx2 : FindSse2) {
  for (size_t i = 1; i < needle_.size(); ++i)
    if (FrequencyOf(needle_[i]) < FrequencyOf(needle_[first_])) first_ = i;
  second_ = first_ == 0 ? needle_.size() - 1 : 0;
  for (size_t i = 0; i < needle_.size(); ++i)
    if (i != first_ && FrequencyOf(needle_[i]) < FrequencyOf(needle_[second_])) second_ = i;
  if (first_ > second_) std::swap(first_, second_);
  if (ignore_case && IsLetter(needle_[first_])) fold_first_ = 0x20;
  if (ignore_case && IsLetter(needle_[second_])) fold_second_ = 0x20;
}

bool Finder::EqualAt(const char* at) const {
  if (!ignore_case_) return std::memcmp(at, needle_.data(), needle_.size()) == 0;
  return EqualsIgnoreCase({at, needle_.size()}, needle_);
}

const char* Finder::FindScalar(const Finder& finder, const char* begin, const char* end) {
  const size_t size = finder.needle_.size();
  if (static_cast<size_t>(end - begin) < size) return end;
  const auto probe = static_cast<unsigned char>(finder.needle_[finder.first_]);
  for (const char* at = begin; at + size <= end; ++at)
    if ((static_cast<unsigned char>(at[finder.first_]) | finder.fold_first_) ==
            (probe | finder.fold_first_) &&
        finder.EqualAt(at))
      return at;
  return end;
}

#if defined(__x86_64__)

const char* Finder::FindSse2(const Finder& finder, const char* begin, const char* end) {
  const __m128i first = _mm_set1_epi8(finder.needle_[finder.first_]);
  const __m128i second = _mm_set1_epi8(finder.needle_[finder.second_]);
  const __m128i fold_first = _mm_set1_epi8(static_cast<char>(finder.fold_first_));
  const __m128i fold_second = _mm_set1_epi8(static_cast<char>(finder.fold_second_));
  const size_t reach = finder.needle_.size() + 15;  // bytes that one step may touch
  const char* at = begin;
  for (; static_cast<size_t>(end - at) >= reach; at += 16) {
    const __m128i a = _mm_or_si128(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + finder.first_)), fold_first);
    const __m128i b = _mm_or_si128(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + finder.second_)), fold_second);
    auto mask = static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, second))));
    for (; mask != 0; mask &= mask - 1)
      if (finder.EqualAt(at + std::countr_zero(mask))) return at + std::countr_zero(mask);
  }
  return FindScalar(finder, at, end);
}

__attribute__((target("avx2"))) static const char* Step32(const char* at, const char* end,
                                                          size_t reach, size_t first_at,
                                                          size_t second_at, __m256i first,
                                                          __m256i second, __m256i fold_first,
                                                          __m256i fold_second, uint32_t* mask) {
  for (; static_cast<size_t>(end - at) >= reach; at += 32) {
    const __m256i a = _mm256_or_si256(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + first_at)), fold_first);
    const __m256i b = _mm256_or_si256(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + second_at)), fold_second);
    *mask = static_cast<uint32_t>(_mm256_movemask_epi8(
        _mm256_and_si256(_mm256_cmpeq_epi8(a, first), _mm256_cmpeq_epi8(b, second))));
    if (*mask != 0) return at;
  }
  return at;
}

__attribute__((target("avx2"))) const char* Finder::FindAvx2(const Finder& finder,
                                                             const char* begin, const char* end) {
  if (!HasAvx2()) return FindSse2(finder, begin, end);
  const __m256i first = _mm256_set1_epi8(finder.needle_[finder.first_]);
  const __m256i second = _mm256_set1_epi8(finder.needle_[finder.second_]);
  const __m256i fold_first = _mm256_set1_epi8(static_cast<char>(finder.fold_first_));
  const __m256i fold_second = _mm256_set1_epi8(static_cast<char>(finder.fold_second_));
  const size_t reach = finder.needle_.size() + 31;
  const char* at = begin;
  while (static_cast<size_t>(end - at) >= reach) {
    uint32_t mask = 0;
    at = Step32(at, end, reach, finder.first_, finder.second_, first, second, fold_first,
                fold_second, &mask);
    if (mask == 0) break;
    for (; mask != 0; mask &= mask - 1)
      if (finder.EqualAt(at + std::countr_zero(mask))) return at + std::countr_zero(mask);
    at += 32;
  }
  return FindSse2(finder, at, end);
}

#else

const char* Finder::FindSse2(const Finder& finder, const char* begin, const char* end) {
  return FindScalar(finder, begin, end);
}
const char* Finder::FindAvx2(const Finder& finder, const char* begin, const char* end) {
  return FindScalar(finder, begin, end);
}

#endif

}  // namespace neurallog::filter
