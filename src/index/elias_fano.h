// Ascending distinct 32-bit numbers in about 2 + log2(range / count) bits each, searched where they
// lie (Elias-Fano code).
//
// A number minus the base has an upper part, which names its bucket, and `low_bits` lower bits. The
// upper bits are one bitmap: per bucket a one for each of its numbers and a zero. The lower bits
// stand packed. One sample per 256 buckets tells where in the bitmap they begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "neurallog/status.h"

namespace neurallog::index {

// `base` is not above the first number.
void AppendEliasFano(std::span<const uint32_t> values, uint32_t base, std::string* to);
// The size of what this would append, within a few bytes.
size_t EliasFanoBits(size_t count, uint64_t range);

// Points into the encoded bytes, which must outlive it. Immutable, thread-safe.
class EliasFano {
 public:
  // Takes the code from the front of `from`. Trusts no byte: what is accepted is searched safely.
  static Result<EliasFano> Decode(uint32_t base, base::ByteReader* from);

  size_t size() const { return count_; }
  // The place of `value` among the numbers.
  std::optional<size_t> Find(uint32_t value) const;
  std::vector<uint32_t> ToVector() const;

  // Walks the numbers in order. Not thread-safe.
  class Cursor {
   public:
    explicit Cursor(const EliasFano& code) : code_(&code) { Load(); }
    bool done() const { return index_ == code_->count_; }
    uint32_t value() const { return value_; }
    void Next() {
      ++index_;
      Load();
    }

   private:
    void Load();

    const EliasFano* code_;
    size_t index_ = 0;
    size_t bit_ = 0;  // behind the one of the current number
    uint32_t value_ = 0;
  };

 private:
  uint32_t ValueAt(size_t index, size_t bucket) const;
  Status CheckBitmap() const;
  // The bit where a bucket begins.
  size_t BucketBegin(size_t bucket) const;

  uint32_t base_ = 0;
  size_t count_ = 0;
  size_t buckets_ = 0;
  int low_bits_ = 0;
  std::string_view samples_;
  std::string_view upper_;
  std::string_view lower_;
};

}  // namespace neurallog::index
