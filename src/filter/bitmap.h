// A set of the rows of one block. Bits past rows() are always zero. Not thread-safe.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace neurallog::filter {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(uint32_t rows, bool value = false) { Reset(rows, value); }

  void Reset(uint32_t rows, bool value) {
    rows_ = rows;
    words_.assign((rows + 63) / 64, value ? ~uint64_t{0} : 0);
    ClearTail();
  }

  uint32_t rows() const { return rows_; }
  std::vector<uint64_t>& words() { return words_; }
  const std::vector<uint64_t>& words() const { return words_; }

  bool Test(uint32_t row) const { return (words_[row >> 6] >> (row & 63) & 1) != 0; }
  void Set(uint32_t row) { words_[row >> 6] |= uint64_t{1} << (row & 63); }
  void Clear(uint32_t row) { words_[row >> 6] &= ~(uint64_t{1} << (row & 63)); }
  void ClearAll() { words_.assign(words_.size(), 0); }

  bool Any() const {
    for (uint64_t word : words_)
      if (word != 0) return true;
    return false;
  }
  uint32_t Count() const;

  void And(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  void AndNot(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  void Or(const Bitmap& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  // Takes the rows out whose bits are set; fewer words than the bitmap's leave the rest.
  void AndNot(std::span<const uint64_t> bits) {
    for (size_t i = 0; i < words_.size() && i < bits.size(); ++i) words_[i] &= ~bits[i];
  }
  // Keeps only rows in [begin, end).
  void KeepRange(uint32_t begin, uint32_t end);

  // Calls f(row) for every row in the set, in ascending order.
  template <typename F>
  void ForEach(F f) const {
    for (size_t i = 0; i < words_.size(); ++i)
      for (uint64_t word = words_[i]; word != 0; word &= word - 1)
        f(static_cast<uint32_t>(i * 64 + static_cast<size_t>(std::countr_zero(word))));
  }

  bool operator==(const Bitmap&) const = default;

 private:
  void ClearTail() {
    if (rows_ % 64 != 0) words_.back() &= (uint64_t{1} << (rows_ % 64)) - 1;
  }

  uint32_t rows_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace neurallog::filter
