// Where in a text one of a few four-byte grams may stand: a first look at 32 places at once.
//
//   GramMasks masks;
//   masks.Build(grams);                       // at most kGramsMax
//   if (masks.AnyPlace(text, [&](size_t place) { ... })) ...
//
// The grams are dealt to eight buckets. A byte of a bucket's grams is known by its halves: a shuffle finds the buckets of 32 of
// them. A place passes when some bucket has all its eight halves, so that each gram's place does, whatever the case of its
// letters, and few others: one or two in a hundred with 40 grams. Uses AVX2, which the caller knows to be there. Immutable
// after Build; thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace neurallog::rules {

class GramMasks {
 public:
  static constexpr size_t kGramsMax = 48;  // with more too many places pass

  // `grams`, folded, as they are loaded from a text.
  void Build(std::vector<uint32_t> grams);

#if defined(__x86_64__)
  // Calls f(place) for all places that pass, some twice, until it says true; four bytes follow each. Whether it said so, or a
  // byte of the text is not of ASCII: then case is another matter.
  template <typename F>
  __attribute__((target("avx2"))) bool AnyPlace(std::string_view text, F f) const {
    if (text.size() < kHalf) return AnyPlaceOfFew(text, f);
    const Shuffles shuffles(*this);
    __m256i seen = _mm256_setzero_si256();
    if (text.size() < kWindow) {
      const char* const second = text.data() + text.size() - kHalf;
      const uint32_t places = shuffles.Look(text.data(), second, &seen);
      return AnyOf(places & 0xffff, 0, f) || AnyOf(places >> 16, text.size() - kHalf, f) ||
             _mm256_movemask_epi8(seen) != 0;
    }
    size_t at = 0;
    while (at + kWindow <= text.size()) {
      uint32_t places = 0;
      // A loop without a call, so that the masks stay in registers.
      for (; places == 0 && at + kWindow <= text.size(); at += kPlaces)
        places = shuffles.Look(text.data() + at, &seen);
      if (AnyOf(places, at - kPlaces, f)) return true;
    }
    const size_t last = text.size() - kWindow;
    return AnyOf(shuffles.Look(text.data() + last, &seen), last, f) ||
           _mm256_movemask_epi8(seen) != 0;
  }
#endif

 private:
  static constexpr size_t kPlaces = 32;           // that are looked at together
  static constexpr size_t kWindow = kPlaces + 3;  // the bytes of their grams
  static constexpr size_t kHalf = kPlaces / 2 + 3;
  using Mask = std::array<uint8_t, 16>;  // buckets, by half of a byte

  // Of a text that is shorter than half a window.
  template <typename F>
  static bool AnyPlaceOfFew(std::string_view text, F f) {
    for (size_t at = 0; at + 4 <= text.size(); ++at)
      if (f(at)) return true;
    return std::any_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
  }

  template <typename F>
  static bool AnyOf(uint32_t places, size_t from, F f) {
    for (; places != 0; places &= places - 1)
      if (f(from + static_cast<size_t>(std::countr_zero(places)))) return true;
    return false;
  }

#if defined(__x86_64__)
  // The masks, loaded once for a text.
  struct Shuffles {
    __attribute__((target("avx2"), always_inline)) explicit Shuffles(const GramMasks& masks) {
      for (size_t i = 0; i < 4; ++i) {
        low[i] = Load(masks.low_[i]);
        high[i] = Load(masks.high_[i]);
      }
    }
    __attribute__((target("avx2"), always_inline)) static __m256i Load(const Mask& mask) {
      return _mm256_broadcastsi128_si256(
          _mm_load_si128(reinterpret_cast<const __m128i*>(mask.data())));
    }
    // Buckets that have these bytes for their i-th.
    __attribute__((target("avx2"), always_inline)) __m256i Of(__m256i bytes, size_t i) const {
      const __m256i half = _mm256_set1_epi8(15);
      return _mm256_and_si256(
          _mm256_shuffle_epi8(low[i], _mm256_and_si256(bytes, half)),
          _mm256_shuffle_epi8(high[i], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half)));
    }
    // Bits of places that pass, of the window; its bytes are added to `seen`.
    __attribute__((target("avx2"), always_inline)) uint32_t Look(const char* window,
                                                                 __m256i* seen) const {
      const auto load = [&](size_t i) __attribute__((target("avx2"), always_inline)) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(window + i));
      };
      return Look(load(0), load(1), load(2), load(3), seen);
    }
    // The same of two halves, which stand somewhere.
    __attribute__((target("avx2"), always_inline)) uint32_t Look(const char* first,
                                                                 const char* second,
                                                                 __m256i* seen) const {
      const auto load = [&](size_t i) __attribute__((target("avx2"), always_inline)) {
        return _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(second + i),
                                   reinterpret_cast<const __m128i*>(first + i));
      };
      return Look(load(0), load(1), load(2), load(3), seen);
    }
    // Of bytes 0, 1, 2 and 3 of all places.
    __attribute__((target("avx2"), always_inline)) uint32_t Look(__m256i a, __m256i b, __m256i c,
                                                                 __m256i d, __m256i* seen) const {
      *seen = _mm256_or_si256(*seen, _mm256_or_si256(a, d));
      const __m256i buckets = _mm256_and_si256(_mm256_and_si256(Of(a, 0), Of(b, 1)),
                                               _mm256_and_si256(Of(c, 2), Of(d, 3)));
      const __m256i none = _mm256_cmpeq_epi8(buckets, _mm256_setzero_si256());
      return ~static_cast<uint32_t>(_mm256_movemask_epi8(none));
    }

    __m256i low[4];
    __m256i high[4];
  };
#endif

  alignas(16) std::array<Mask, 4> low_{};  // by byte of a gram
  alignas(16) std::array<Mask, 4> high_{};
};

}  // namespace neurallog::rules
