#include "index/elias_fano.h"

#include <fmt/format.h>

#include <bit>

#include "index/bit_stream.h"

namespace neurallog::index {
namespace {

constexpr size_t kBucketsPerSample = 256;

int LowBits(size_t count, uint64_t range) {
  return count == 0 || range <= count ? 0 : std::bit_width(range / count) - 1;
}

// The place behind the n-th zero (n >= 1) of a word that has that many.
int BehindZero(uint64_t word, size_t n) {
  uint64_t zeros = ~word;
  for (; n > 1; --n) zeros &= zeros - 1;
  return std::countr_zero(zeros) + 1;
}

}  // namespace

size_t EliasFanoBits(size_t count, uint64_t range) {
  const int low_bits = LowBits(count, range);
  return count * static_cast<size_t>(low_bits + 1) + (range >> low_bits);
}

void AppendEliasFano(std::span<const uint32_t> values, uint32_t base, std::string* to) {
  const uint64_t range = values.empty() ? 0 : uint64_t{values.back()} - base + 1;
  const int low_bits = LowBits(values.size(), range);
  const uint64_t buckets = values.empty() ? 0 : ((values.back() - base) >> low_bits) + 1;
  base::AppendVarint(to, values.size());
  base::AppendVarint(to, buckets);
  to->push_back(static_cast<char>(low_bits));
  std::string upper(BytesOfBits(values.size() + buckets), '\0');
  uint64_t sampled = kBucketsPerSample;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t bucket = (values[i] - base) >> low_bits;
    for (; sampled <= bucket; sampled += kBucketsPerSample)
      base::AppendLe<uint32_t>(to, static_cast<uint32_t>(i));
    const uint64_t bit = bucket + i;
    upper[bit / 8] = static_cast<char>(upper[bit / 8] | 1 << bit % 8);
  }
  to->append(upper);
  BitWriter lower_bits(to);
  const uint32_t low_mask = static_cast<uint32_t>((uint64_t{1} << low_bits) - 1);
  for (uint32_t value : values) lower_bits.Write((value - base) & low_mask, low_bits);
  lower_bits.Finish();
}

Result<EliasFano> EliasFano::Decode(uint32_t base, base::ByteReader* from) {
  EliasFano code;
  code.base_ = base;
  const uint64_t count = from->ReadVarint();
  const uint64_t buckets = from->ReadVarint();
  const auto low_bits = from->ReadLe<uint8_t>();
  const uint64_t bits_max = uint64_t{from->remaining()} * 8;
  if (!from->ok() || count > bits_max || buckets > bits_max || low_bits > 32 ||
      (count == 0) != (buckets == 0))
    return Corruption(
        fmt::format("hashes: {} in {} buckets of {} bits", count, buckets, low_bits));
  code.count_ = count;
  code.buckets_ = buckets;
  code.low_bits_ = low_bits;
  const size_t samples = buckets == 0 ? 0 : (buckets - 1) / kBucketsPerSample;
  code.samples_ = from->ReadBytes(samples * sizeof(uint32_t));
  code.upper_ = from->ReadBytes(BytesOfBits(count + buckets));
  code.lower_ = from->ReadBytes(BytesOfBits(count * low_bits));
  if (!from->ok()) return Corruption(fmt::format("hashes: {} are cut off", count));
  NL_RETURN_IF_ERROR(code.CheckBitmap());
  return code;
}

// As many ones as numbers, and each sample where it should be: all that Find relies on.
Status EliasFano::CheckBitmap() const {
  const Status bad = Corruption("hashes: the bitmap does not fit their count");
  if (CountOnes(upper_, 0, count_ + buckets_) != count_) return bad;
  if (buckets_ > 0 && ReadBits(upper_, count_ + buckets_ - 1, 1) != 0) return bad;
  size_t checked = 0;
  for (size_t bucket = kBucketsPerSample; bucket < buckets_; bucket += kBucketsPerSample) {
    const size_t bit = BucketBegin(bucket);
    if (bit > count_ + buckets_ || bit < checked + kBucketsPerSample) return bad;
    if (bit - checked - CountOnes(upper_, checked, bit) != kBucketsPerSample) return bad;
    if (ReadBits(upper_, bit - 1, 1) != 0) return bad;
    checked = bit;
  }
  return Status::Ok();
}

size_t EliasFano::BucketBegin(size_t bucket) const {
  const size_t sample = bucket / kBucketsPerSample;
  size_t bit = sample * kBucketsPerSample;
  if (sample > 0) bit += base::LoadLe<uint32_t>(samples_.data() + (sample - 1) * sizeof(uint32_t));
  size_t zeros = bucket % kBucketsPerSample;
  if (zeros == 0) return bit;
  for (;; bit += 57) {
    const uint64_t word = LoadBits(upper_, bit) | uint64_t{0x7f} << 57;
    const auto here = static_cast<size_t>(std::popcount(~word));
    if (here >= zeros) return bit + static_cast<size_t>(BehindZero(word, zeros));
    zeros -= here;
  }
}

uint32_t EliasFano::ValueAt(size_t index, size_t bucket) const {
  const uint32_t low = ReadBits(lower_, index * static_cast<size_t>(low_bits_), low_bits_);
  return static_cast<uint32_t>(base_ + (uint64_t{bucket} << low_bits_ | low));
}

std::optional<size_t> EliasFano::Find(uint32_t value) const {
  if (value < base_) return std::nullopt;
  const uint64_t offset = value - base_;
  const uint64_t bucket = offset >> low_bits_;
  if (bucket >= buckets_) return std::nullopt;
  size_t bit = BucketBegin(bucket);
  for (size_t index = bit - bucket; ReadBits(upper_, bit, 1) != 0; ++index, ++bit)
    if (ValueAt(index, bucket) == value) return index;
  return std::nullopt;
}

std::vector<uint32_t> EliasFano::ToVector() const {
  std::vector<uint32_t> values;
  values.reserve(count_);
  for (Cursor cursor(*this); !cursor.done(); cursor.Next()) values.push_back(cursor.value());
  return values;
}

void EliasFano::Cursor::Load() {
  if (done()) return;
  uint64_t bits = LoadBits(code_->upper_, bit_);
  while ((bits & ((uint64_t{1} << 57) - 1)) == 0) bits = LoadBits(code_->upper_, bit_ += 57);
  bit_ += static_cast<size_t>(std::countr_zero(bits)) + 1;
  value_ = code_->ValueAt(index_, bit_ - 1 - index_);
}

}  // namespace neurallog::index
