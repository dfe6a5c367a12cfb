#include "rules/text_form.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace neurallog::rules {
namespace {

bool IsDecimal(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool HasDigit(std::string_view text) { return std::any_of(text.begin(), text.end(), IsDecimal); }

void TextForm::SetScalar(std::string_view text) {
  words_ = (text.size() + 63) / 64;
  std::fill_n(digits_.begin(), words_ + 1, 0);
  char* to = form_.data();
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = IsDecimal(text[i]);
    digits_[i / 64] |= uint64_t{is_digit} << i % 64;
    if (!is_digit) *to++ = text[i];
    else if (i == 0 || !IsDecimal(text[i - 1])) *to++ = '0';
  }
  bytes_ = static_cast<size_t>(to - form_.data());
  has_digits_ = std::any_of(digits_.begin(), digits_.begin() + static_cast<ptrdiff_t>(words_),
                            [](uint64_t digits) { return digits != 0; });
}

#if defined(__x86_64__)

namespace {

[[gnu::always_inline]] inline uint64_t DigitsOf(const char* bytes) {
  uint64_t digits = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * i));
    const __m128i found = _mm_and_si128(_mm_cmpgt_epi8(part, _mm_set1_epi8('0' - 1)),
                                        _mm_cmplt_epi8(part, _mm_set1_epi8('9' + 1)));
    digits |= static_cast<uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(found))) << 16 * i;
  }
  return digits;
}

// Bits to bytes of 0 or 255.
__attribute__((target("bmi2"))) uint64_t Spread(uint64_t bits) {
  return _pdep_u64(bits, 0x0101010101010101) * 255;
}

// Appends the bytes of which a bit is set in `kept`; digits among them become "0".
__attribute__((target("bmi2,popcnt"))) char* Squeeze(const char* bytes, uint64_t kept,
                                                     uint64_t digits, char* to) {
  for (int i = 0; i < 64; i += 8, kept >>= 8, digits >>= 8) {
    uint64_t eight;
    std::memcpy(&eight, bytes + i, 8);
    const uint64_t zeros = Spread(digits & 255);
    eight = (eight & ~zeros) | (0x3030303030303030 & zeros);
    eight = _pext_u64(eight, Spread(kept & 255));
    std::memcpy(to, &eight, 8);
    to += std::popcount(kept & 255);
  }
  return to;
}

}  // namespace

// 64 bytes at a time, without a branch for what they are.
__attribute__((target("bmi2,popcnt"))) void TextForm::SetBmi2(std::string_view text) {
  words_ = (text.size() + 63) / 64;
  uint64_t before = 0, any = 0;  // 1: the last byte was a digit
  char* to = form_.data();
  for (size_t word = 0; word < words_; ++word) {
    char rest[64];
    const char* bytes = text.data() + word * 64;
    const size_t count = std::min<size_t>(text.size() - word * 64, 64);
    if (count < 64) {
      std::memset(rest, 0, sizeof rest);
      std::memcpy(rest, bytes, count);
      bytes = rest;
    }
    const uint64_t digits = DigitsOf(bytes);
    const uint64_t follows = digits & (digits << 1 | before);
    const uint64_t present = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
    to = Squeeze(bytes, present & ~follows, digits, to);
    before = digits >> 63;
    any |= digits;
    digits_[word] = digits;
  }
  digits_[words_] = 0;
  bytes_ = static_cast<size_t>(to - form_.data());
  has_digits_ = any != 0;
}

void TextForm::Set(std::string_view text) {
  if (__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) SetBmi2(text);
  else SetScalar(text);
}

#else

void TextForm::SetBmi2(std::string_view text) { SetScalar(text); }
void TextForm::Set(std::string_view text) { SetScalar(text); }

#endif

}  // namespace neurallog::rules
