// With AVX2 the low and the high half of a byte look up kinds, of which it has those that both
// allow. The classes are unions of such kinds: sixteen of them, in two tables.
#include "block/char_class.h"

#include <array>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>

#include "base/cpu.h"
#endif

namespace neurallog::block {
namespace {

constexpr uint8_t ClassOf(unsigned c) {
  if (c >= 0x80) return kClassBeyondAscii;
  if (c < 0x20 || c == 0x7f) return kClassControl;
  if (c >= '0' && c <= '9') return kClassDigit;
  if (c >= 'a' && c <= 'f') return kClassLowerHex;
  if (c >= 'g' && c <= 'z') return kClassLower;
  if (c >= 'A' && c <= 'F') return kClassUpperHex;
  if ((c >= 'G' && c <= 'Z') || c == '_') return kClassUpper;
  return kClassPrintable;
}

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) classes[c] = ClassOf(c);
  return classes;
}();

using base::HasAvx2;

}  // namespace

uint8_t ClassesOfScalar(std::string_view text) {
  uint8_t classes = 0;
  for (const char c : text) classes |= kClasses[static_cast<unsigned char>(c)];
  return classes;
}

uint8_t ClassesOf(std::string_view text) {
  return text.size() >= 32 ? ClassesOfAvx2(text) : ClassesOfScalar(text);
}

#if defined(__x86_64__)
namespace {

// Which of two tables and which bit stands for a byte: bytes of one kind are of one class and are
// all combinations of their halves.
constexpr unsigned KindOf(unsigned c) {
  const unsigned high = c >> 4;
  switch (ClassOf(c)) {
    case kClassDigit: return 0;
    case kClassLowerHex: return 1;
    case kClassLower: return high == 6 ? 2 : 3;
    case kClassUpperHex: return 4;
    case kClassUpper: return high == 4 ? 5 : c == '_' ? 7 : 6;
    case kClassControl: return c == 0x7f ? 9 : 8;
    case kClassBeyondAscii: return 10;
    default: break;
  }
  if (high == 2) return 11;
  if (high == 3) return 12;
  return (c & 15) == 0 ? 13 : 14;
}

struct Tables {
  alignas(32) std::array<std::array<uint8_t, 32>, 2> low;
  alignas(32) std::array<std::array<uint8_t, 32>, 2> high;
  std::array<uint8_t, 16> class_of_kind;
};

constexpr Tables kTables = [] {
  Tables tables{};
  for (unsigned c = 0; c < 256; ++c) {
    const unsigned kind = KindOf(c);
    tables.class_of_kind[kind] = ClassOf(c);
    for (unsigned lane = 0; lane < 32; lane += 16) {
      tables.low[kind / 8][lane + (c & 15)] |= static_cast<uint8_t>(1 << kind % 8);
      tables.high[kind / 8][lane + (c >> 4)] |= static_cast<uint8_t>(1 << kind % 8);
    }
  }
  return tables;
}();

constexpr bool TablesAreExact() {
  for (unsigned c = 0; c < 256; ++c)
    for (unsigned table = 0; table < 2; ++table)
      if ((kTables.low[table][c & 15] & kTables.high[table][c >> 4]) !=
          (KindOf(c) / 8 == table ? 1 << KindOf(c) % 8 : 0))
        return false;
  return true;
}
static_assert(TablesAreExact());

__attribute__((target("avx2"))) inline __m256i Load(const std::array<uint8_t, 32>& from) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(from.data()));
}

uint8_t ClassesOfKinds(const std::array<uint8_t, 32>& lanes, size_t table) {
  uint8_t kinds = 0;
  for (const uint8_t lane : lanes) kinds |= lane;
  uint8_t classes = 0;
  for (size_t bit = 0; bit < 8; ++bit)
    if ((kinds >> bit & 1) != 0) classes |= kTables.class_of_kind[table * 8 + bit];
  return classes;
}

}  // namespace

__attribute__((target("avx2"))) uint8_t ClassesOfAvx2(std::string_view text) {
  if (!HasAvx2()) return ClassesOfScalar(text);
  const __m256i half = _mm256_set1_epi8(15);
  __m256i first = _mm256_setzero_si256();
  __m256i second = _mm256_setzero_si256();
  for (; text.size() >= 32; text.remove_prefix(32)) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data()));
    const __m256i low = _mm256_and_si256(bytes, half);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
    first =
        _mm256_or_si256(first, _mm256_and_si256(_mm256_shuffle_epi8(Load(kTables.low[0]), low),
                                                _mm256_shuffle_epi8(Load(kTables.high[0]), high)));
    second =
        _mm256_or_si256(second, _mm256_and_si256(_mm256_shuffle_epi8(Load(kTables.low[1]), low),
                                                 _mm256_shuffle_epi8(Load(kTables.high[1]), high)));
  }
  alignas(32) std::array<uint8_t, 32> lanes;
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes.data()), first);
  uint8_t classes = ClassesOfScalar(text) | ClassesOfKinds(lanes, 0);
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes.data()), second);
  return classes | ClassesOfKinds(lanes, 1);
}

#else

uint8_t ClassesOfAvx2(std::string_view text) { return ClassesOfScalar(text); }

#endif

}  // namespace neurallog::block
