// Ranges of bytes are tested with one signed comparison: x - low - 128 < high - low + 1 - 128, since
// SSE2 compares signed bytes only.
#include "index/token_scan.h"

#include "index/token.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace neurallog::index {

namespace {

template <typename Scanned>
void ScanScalar(const char* from, Scanned* to) {
  using Words = decltype(to->words);
  to->words = 0;
  for (size_t i = 0; i < Scanned::kBytes; ++i) {
    const char c = from[i];
    to->words |= static_cast<Words>(IsWordByte(c)) << i;
    to->lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
}

}  // namespace

void ScanWindowScalar(const char* from, ScannedWindow* to) { ScanScalar(from, to); }
void ScanShortScalar(const char* from, ScannedShort* to) { ScanScalar(from, to); }

#if defined(__x86_64__)

namespace {

__m128i InRange(__m128i bytes, char low, char high) {
  const __m128i shifted = _mm_add_epi8(bytes, _mm_set1_epi8(static_cast<char>(-128 - low)));
  return _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(high - low + 1 - 128)), shifted);
}

inline uint32_t Scan16(const char* from, char* lower) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const __m128i case_bit = _mm_and_si128(InRange(bytes, 'A', 'Z'), _mm_set1_epi8(0x20));
  const __m128i lowered = _mm_or_si128(bytes, case_bit);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(lower), lowered);
  __m128i word = _mm_or_si128(InRange(lowered, 'a', 'z'), InRange(bytes, '0', '9'));
  word = _mm_or_si128(word, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')));
  word = _mm_or_si128(word, bytes);  // the sign bit marks bytes from 0x80 on
  return static_cast<uint32_t>(_mm_movemask_epi8(word));
}

__attribute__((target("avx2"), always_inline)) inline __m256i InRange256(__m256i bytes, char low,
                                                                         char high) {
  const __m256i shifted = _mm256_add_epi8(bytes, _mm256_set1_epi8(static_cast<char>(-128 - low)));
  return _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(high - low + 1 - 128)), shifted);
}

__attribute__((target("avx2"), always_inline)) inline uint64_t Scan32(const char* from,
                                                                      char* lower) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  const __m256i case_bit =
      _mm256_and_si256(InRange256(bytes, 'A', 'Z'), _mm256_set1_epi8(0x20));
  const __m256i lowered = _mm256_or_si256(bytes, case_bit);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lower), lowered);
  __m256i word = _mm256_or_si256(InRange256(lowered, 'a', 'z'), InRange256(bytes, '0', '9'));
  word = _mm256_or_si256(word, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('_')));
  word = _mm256_or_si256(word, bytes);
  return static_cast<uint32_t>(_mm256_movemask_epi8(word));
}

__attribute__((target("avx2"))) void ScanAvx2(const char* from, ScannedWindow* to) {
  to->words = Scan32(from, to->lower) | Scan32(from + 32, to->lower + 32) << 32;
}

}  // namespace

void ScanWindowSse2(const char* from, ScannedWindow* to) {
  to->words = 0;
  for (size_t at = 0; at < ScannedWindow::kBytes; at += 16)
    to->words |= uint64_t{Scan16(from + at, to->lower + at)} << at;
}

void ScanShort(const char* from, ScannedShort* to) { to->words = Scan16(from, to->lower); }

void ScanWindowAvx2(const char* from, ScannedWindow* to) {
  __builtin_cpu_supports("avx2") ? ScanAvx2(from, to) : ScanWindowSse2(from, to);
}

ScanFunction ScanWindow() {
  return __builtin_cpu_supports("avx2") ? ScanAvx2 : ScanWindowSse2;
}

#else

void ScanWindowSse2(const char* from, ScannedWindow* to) { ScanWindowScalar(from, to); }
void ScanWindowAvx2(const char* from, ScannedWindow* to) { ScanWindowScalar(from, to); }
ScanFunction ScanWindow() { return ScanWindowScalar; }
void ScanShort(const char* from, ScannedShort* to) { ScanShortScalar(from, to); }

#endif

}  // namespace neurallog::index
