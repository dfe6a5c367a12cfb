// The kinds are bits of a byte. With AVX2 the low and the high half of a byte each look up the kinds
// that they allow, and a byte has those that both allow.
#include "block/template_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <bit>

#include "base/cpu.h"
#endif

namespace neurallog::block {
namespace {

// The kinds from kDigit on are word bytes.
enum Kind : uint8_t {
  kColon = 1,
  kDot = 2,
  kDash = 4,
  kHexLetter = 8,
  kDigit = 16,
  kLetterAtoO = 32,    // the columns of the ASCII table that begin with @ and `
  kLetterPtoDel = 64,  // those that begin with P and p, and of the rest _ and DEL
  kBeyondAscii = 128,
};

constexpr uint8_t KindsOf(unsigned c) {
  if (c >= 0x80) return kBeyondAscii;
  if (c >= '0' && c <= '9') return kDigit;
  if (c == ':') return kColon;
  if (c == '.') return kDot;
  if (c == '-') return kDash;
  if (c == '_' || c == 0x7f) return kLetterPtoDel;
  const unsigned upper = c & ~0x20u;
  if (upper < 'A' || upper > 'Z') return 0;
  const bool is_hex = c >= 'a' && c <= 'f';
  return static_cast<uint8_t>((upper < 'P' ? kLetterAtoO : kLetterPtoDel) |
                              (is_hex ? kHexLetter : 0));
}

constexpr std::array<uint8_t, 256> kKinds = [] {
  std::array<uint8_t, 256> kinds{};
  for (unsigned c = 0; c < 256; ++c) kinds[c] = KindsOf(c);
  return kinds;
}();

using base::HasAvx2;

void Clear(TextMasks* masks, size_t word) {
  masks->word[word] = masks->digit[word] = masks->hex[word] = 0;
  masks->dot[word] = masks->dash[word] = masks->colon[word] = 0;
}

void Begin(TextMasks* masks) {
  Clear(masks, 0);
  masks->joint = masks->marks = 0;
}

}  // namespace

void ScanTextScalar(const char* text, size_t size, TextMasks* masks) {
  Begin(masks);
  const size_t words = (size + 63) / 64;
  for (size_t w = 1; w <= words + 1; ++w) Clear(masks, w);
  for (size_t i = 0; i < size; ++i) {
    const uint8_t kinds = kKinds[static_cast<unsigned char>(text[i])];
    const size_t w = 1 + i / 64;
    const uint64_t bit = uint64_t{1} << i % 64;
    if (kinds >= kDigit) masks->word[w] |= bit;
    if ((kinds & kDigit) != 0) masks->digit[w] |= bit;
    if ((kinds & (kDigit | kHexLetter)) != 0) masks->hex[w] |= bit;
    if ((kinds & kDot) != 0) masks->dot[w] |= bit;
    if ((kinds & kDash) != 0) masks->dash[w] |= bit;
    if ((kinds & kColon) != 0) masks->colon[w] |= bit;
    masks->joint |= kinds & (kDot | kDash | kColon);
    masks->marks |= static_cast<unsigned char>(text[i]) <= 1 ? 1 : 0;
  }
}

#if defined(__x86_64__)
namespace {

struct HalfTables {
  alignas(32) std::array<uint8_t, 32> low;
  alignas(32) std::array<uint8_t, 32> high;
};

// Valid because the bytes of each kind are all combinations of their low and high halves.
constexpr HalfTables kHalves = [] {
  HalfTables tables{};
  for (unsigned c = 0; c < 256; ++c) {
    tables.low[c & 15] |= kKinds[c];
    tables.high[c >> 4] |= kKinds[c];
  }
  for (size_t i = 0; i < 16; ++i) {
    tables.low[i + 16] = tables.low[i];
    tables.high[i + 16] = tables.high[i];
  }
  return tables;
}();

constexpr bool HalvesAreExact() {
  for (unsigned c = 0; c < 256; ++c)
    if ((kHalves.low[c & 15] & kHalves.high[c >> 4]) != kKinds[c]) return false;
  return true;
}
static_assert(HalvesAreExact());

__attribute__((target("avx2"))) inline __m256i KindsOf32(__m256i bytes) {
  const __m256i half = _mm256_set1_epi8(15);
  const __m256i low = _mm256_load_si256(reinterpret_cast<const __m256i*>(kHalves.low.data()));
  const __m256i high = _mm256_load_si256(reinterpret_cast<const __m256i*>(kHalves.high.data()));
  return _mm256_and_si256(
      _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half)),
      _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half)));
}

// The highest bits of 64 bytes.
__attribute__((target("avx2"))) inline uint64_t TopBits(__m256i first, __m256i second) {
  return uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(second))} << 32 |
         static_cast<uint32_t>(_mm256_movemask_epi8(first));
}

template <int kBit>
__attribute__((target("avx2"))) inline uint64_t MaskOf(__m256i first, __m256i second) {
  constexpr int kShift = 7 - std::countr_zero(static_cast<unsigned>(kBit));
  return TopBits(_mm256_slli_epi16(first, kShift), _mm256_slli_epi16(second, kShift));
}

__attribute__((target("avx2"))) inline __m256i AtLeast(__m256i bytes, int least) {
  return _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, _mm256_set1_epi8(static_cast<char>(least))),
                           bytes);
}

__attribute__((target("avx2"))) void ScanAvx2(const char* text, size_t size, TextMasks* masks) {
  Begin(masks);
  size_t w = 1;
  for (size_t left = size; left > 0; text += 64, ++w) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32));
    const __m256i kinds_a = KindsOf32(a);
    const __m256i kinds_b = KindsOf32(b);
    const uint64_t inside = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
    masks->word[w] = TopBits(AtLeast(kinds_a, kDigit), AtLeast(kinds_b, kDigit)) & inside;
    masks->digit[w] = MaskOf<kDigit>(kinds_a, kinds_b) & inside;
    masks->hex[w] = masks->digit[w] | (MaskOf<kHexLetter>(kinds_a, kinds_b) & inside);
    masks->dot[w] = MaskOf<kDot>(kinds_a, kinds_b) & inside;
    masks->dash[w] = MaskOf<kDash>(kinds_a, kinds_b) & inside;
    masks->colon[w] = MaskOf<kColon>(kinds_a, kinds_b) & inside;
    masks->joint |= masks->dot[w] | masks->dash[w] | masks->colon[w];
    masks->marks |= ~TopBits(AtLeast(a, 2), AtLeast(b, 2)) & inside;
    left -= left < 64 ? left : 64;
  }
  Clear(masks, w);
}

}  // namespace

void ScanTextAvx2(const char* text, size_t size, TextMasks* masks) {
  HasAvx2() ? ScanAvx2(text, size, masks) : ScanTextScalar(text, size, masks);
}

ScanTextFunction ScanText() { return HasAvx2() ? ScanAvx2 : ScanTextScalar; }

#else

void ScanTextAvx2(const char* text, size_t size, TextMasks* masks) {
  ScanTextScalar(text, size, masks);
}

ScanTextFunction ScanText() { return ScanTextScalar; }

#endif

}  // namespace neurallog::block
