#include "rules/window_values.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>

namespace neurallog::rules {
namespace {

std::optional<double> NumberIn(const Observation& o) {
  double number = 0;
  const char* const end = o.value.data() + o.value.size();
  const auto [at, error] = std::from_chars(o.value.data(), end, number);
  const bool is_number = o.has_value && error == std::errc() && at == end && std::isfinite(number);
  return is_number ? std::optional(number) : std::nullopt;
}

void AppendDouble(std::string* to, double number) {
  base::AppendLe(to, std::bit_cast<uint64_t>(number));
}
double ReadDouble(base::ByteReader* from) {
  return std::bit_cast<double>(from->ReadLe<uint64_t>());
}

}  // namespace

void MetricValues::Cell::Merge(const Cell& other) {
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = count == 0 ? other.max : std::max(max, other.max);
  sum += other.sum;
  count += other.count;
}

bool MetricValues::Counts(const Observation& o) { return NumberIn(o).has_value(); }

void MetricValues::Add(uint64_t piece, int64_t, const Observation& o) {
  const double number = *NumberIn(o);
  ring_.at(piece).Merge({1, number, number, number});
}

MetricValues::Cell MetricValues::Total() const {
  Cell total;
  for (const Cell& cell : ring_.cells()) total.Merge(cell);
  return total;
}

double MetricValues::Value(const Stateful& rule, uint64_t) const {
  const Cell total = Total();
  switch (rule.aggregate) {
    case Aggregate::kSum: return total.sum;
    case Aggregate::kAverage:
      return total.count == 0 ? 0 : total.sum / static_cast<double>(total.count);
    case Aggregate::kMin: return total.min;
    case Aggregate::kMax: return total.max;
    case Aggregate::kPercentile: break;
  }
  return 0;
}

bool MetricValues::Holds(const Stateful& rule, uint64_t newest) const {
  return Total().count > 0 && HoldAll(rule.bounds, Value(rule, newest));
}

void MetricValues::Encode(std::string* to) const {
  for (const Cell& cell : ring_.cells()) {
    base::AppendVarint(to, cell.count);
    if (cell.count == 0) continue;
    AppendDouble(to, cell.sum);
    AppendDouble(to, cell.min);
    AppendDouble(to, cell.max);
  }
}

bool MetricValues::Decode(base::ByteReader* from) {
  for (Cell& cell : ring_.cells()) {
    cell.count = from->ReadVarint();
    if (cell.count == 0) continue;
    cell.sum = ReadDouble(from);
    cell.min = ReadDouble(from);
    cell.max = ReadDouble(from);
  }
  return from->ok();
}

bool QuantileValues::Counts(const Observation& o) { return NumberIn(o).has_value(); }

void QuantileValues::Add(uint64_t piece, int64_t, const Observation& o) {
  ring_.at(piece).Add(*NumberIn(o));
}

double QuantileValues::Value(const Stateful& rule, uint64_t) const {
  base::QuantileSketch total;
  for (const base::QuantileSketch& cell : ring_.cells()) total.Merge(cell);
  return total.Quantile(rule.percentile / 100);
}

bool QuantileValues::Holds(const Stateful& rule, uint64_t newest) const {
  const auto has_numbers = [](const auto& cell) { return cell.count() > 0; };
  return std::any_of(ring_.cells().begin(), ring_.cells().end(), has_numbers) &&
         HoldAll(rule.bounds, Value(rule, newest));
}

void QuantileValues::Encode(std::string* to) const {
  for (const base::QuantileSketch& cell : ring_.cells()) {
    base::AppendVarint(to, cell.buckets().size());
    for (const auto& [bucket, count] : cell.buckets()) {
      base::AppendVarint(to, base::ZigZag(bucket));
      base::AppendVarint(to, count);
    }
  }
}

bool QuantileValues::Decode(base::ByteReader* from) {
  for (base::QuantileSketch& cell : ring_.cells()) {
    const uint64_t buckets = from->ReadVarint();
    for (uint64_t i = 0; i < buckets && from->ok(); ++i) {
      const int64_t bucket = base::UnZigZag(from->ReadVarint());
      const uint64_t count = from->ReadVarint();
      if (!cell.AddBucket(bucket, count)) return false;
    }
  }
  return from->ok();
}

size_t QuantileValues::memory_bytes() const {
  size_t bytes = 0;
  for (const base::QuantileSketch& cell : ring_.cells())
    bytes += cell.memory_bytes() - sizeof(cell);
  return bytes;
}

void ShareValues::Add(uint64_t piece, int64_t, const Observation& o) {
  Cell& cell = ring_.at(piece);
  ++cell.all;
  cell.part += o.steps >> 1 & 1;
}

ShareValues::Cell ShareValues::Total() const {
  Cell total;
  for (const Cell& cell : ring_.cells()) {
    total.all += cell.all;
    total.part += cell.part;
  }
  return total;
}

double ShareValues::Value(const Stateful&, uint64_t) const {
  const Cell total = Total();
  if (total.all == 0) return 0;
  return 100 * static_cast<double>(total.part) / static_cast<double>(total.all);
}

bool ShareValues::Holds(const Stateful& rule, uint64_t newest) const {
  return Total().all >= std::max<uint64_t>(rule.min_count, 1) &&
         HoldAll(rule.bounds, Value(rule, newest));
}

void ShareValues::Encode(std::string* to) const {
  for (const Cell& cell : ring_.cells()) {
    base::AppendVarint(to, cell.all);
    base::AppendVarint(to, cell.part);
  }
}

bool ShareValues::Decode(base::ByteReader* from) {
  for (Cell& cell : ring_.cells()) {
    cell.all = from->ReadVarint();
    cell.part = from->ReadVarint();
    if (cell.part > cell.all || cell.all > UINT64_MAX / 128) return false;
  }
  return from->ok();
}

uint64_t SpikeValues::CountUpTo(uint64_t piece) const {
  uint64_t count = 0;
  for (size_t i = 0; i < kWindowPieces; ++i) count += ring_.at(piece + kPieces - i);
  return count;
}

double SpikeValues::Value(const Stateful&, uint64_t newest) const {
  const uint64_t before = CountUpTo(newest + kWindowPieces);
  if (before == 0) return 0;
  return static_cast<double>(CountUpTo(newest)) / static_cast<double>(before);
}

bool SpikeValues::Holds(const Stateful& rule, uint64_t newest) const {
  return CountUpTo(newest + kWindowPieces) >= std::max<uint64_t>(rule.min_count, 1) &&
         CountUpTo(newest) >= rule.min_current && HoldAll(rule.bounds, Value(rule, newest));
}

void SpikeValues::Encode(std::string* to) const {
  for (const uint64_t count : ring_.cells()) base::AppendVarint(to, count);
}

bool SpikeValues::Decode(base::ByteReader* from) {
  for (uint64_t& count : ring_.cells()) {
    count = from->ReadVarint();
    if (count > UINT64_MAX / 128) return false;
  }
  return from->ok();
}

void ChangeValues::Add(uint64_t, int64_t time, const Observation& o) {
  has_changed_ = false;
  if (time < time_ns_) return;
  const uint64_t value = base::Hash64(o.value);
  has_changed_ = time_ns_ >= 0 && value != value_;
  value_ = value;
  time_ns_ = time;
}

void ChangeValues::Encode(std::string* to) const {
  base::AppendLe(to, value_);
  base::AppendLe(to, time_ns_);
}

bool ChangeValues::Decode(base::ByteReader* from) {
  value_ = from->ReadLe<uint64_t>();
  time_ns_ = from->ReadLe<int64_t>();
  return from->ok() && time_ns_ >= -1;
}

}  // namespace neurallog::rules
