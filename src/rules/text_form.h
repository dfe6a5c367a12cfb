// The form of a text: what it has in common with texts that differ from it in their numbers only.
//
//   TextForm form;
//   form.Set("took 17 ms, try 3");     // at most kBytesMax bytes
//   form.text()                        // "took 0 ms, try 0"
//
// Each run of digits is one "0" there. So a literal without digits stands in a text as often as in its form, with
// the same kind of character before and behind it: what is asked about such literals has one answer for all texts of a
// form. That goes for folded texts (case_fold.h) too. Uses SSE2 and BMI2. Not thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace neurallog::rules {

class TextForm {
 public:
  static constexpr size_t kBytesMax = 1024;

  void Set(std::string_view text);
  // The plain version, for the test that compares both.
  void SetScalar(std::string_view text);

  std::string_view text() const { return {form_.data(), bytes_}; }
  bool has_digits() const { return has_digits_; }
  // Calls f(place) for each place of the text where a digit is among the next four bytes.
  template <typename F>
  void ForEachNear(F f) const {
    for (size_t word = 0; word < words_; ++word) {
      const uint64_t low = digits_[word], high = digits_[word + 1];
      uint64_t near = low | low >> 1 | low >> 2 | low >> 3 | high << 63 | high << 62 | high << 61;
      for (; near != 0; near &= near - 1)
        f(word * 64 + static_cast<size_t>(std::countr_zero(near)));
    }
  }

 private:
  static constexpr size_t kWords = kBytesMax / 64;

  void SetBmi2(std::string_view text);

  std::array<char, kBytesMax + 64> form_;
  size_t bytes_ = 0;
  std::array<uint64_t, kWords + 1> digits_{};  // bits, by place in the text; 0 behind it
  size_t words_ = 0;
  bool has_digits_ = false;
};

bool HasDigit(std::string_view text);

}  // namespace neurallog::rules
