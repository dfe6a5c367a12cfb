#include "rules/row_sample.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"

namespace neurallog::rules {
namespace {

std::string Encode(const model::RecordBatch& batch, const char* row) {
  std::string bytes;
  model::RowReader reader(row);
  for (model::Field field; reader.Next(&field);) {
    const std::string_view name = batch.names()[field.name_id];
    if (bytes.size() + name.size() + field.value.size() + 16 > RowSample::kRowBytesMax) continue;
    base::AppendLengthPrefixed(&bytes, name);
    base::AppendLe(&bytes, static_cast<uint8_t>(field.type));
    base::AppendLengthPrefixed(&bytes, field.value);
  }
  return bytes;
}

}  // namespace

void RowSample::Add(const model::RecordBatch& batch, const char* row) {
  if (rows_.size() < kRowsMax) rows_.push_back(Encode(batch, row));
  else rows_[random_() % kRowsMax] = Encode(batch, row);
  ChooseNext();
}

// Li's algorithm L: the gaps between rows that are taken are drawn, not each row's fate.
void RowSample::ChooseNext() {
  ++next_;
  if (rows_.size() < kRowsMax) return;
  weight_ *= std::exp(std::log(Uniform()) / static_cast<double>(kRowsMax));
  const double gap = std::floor(std::log(Uniform()) / std::log1p(-weight_));
  next_ += static_cast<uint64_t>(std::min(gap, 1e15));
}

size_t RowSample::memory_bytes() const {
  size_t bytes = sizeof *this + rows_.capacity() * sizeof(std::string);
  for (const std::string& row : rows_) bytes += row.capacity();
  return bytes;
}

Statistics RowSample::MakeStatistics(const Pipeline& pipeline) const {
  Statistics statistics;
  for (const std::string& row : rows_) {
    if (!statistics.BeginRow()) break;
    base::ByteReader reader(row);
    while (!reader.empty()) {
      const std::string_view name = reader.ReadLengthPrefixed();
      const auto type = static_cast<ValueType>(reader.ReadLe<uint8_t>());
      statistics.AddField(name, type, reader.ReadLengthPrefixed(), pipeline);
    }
  }
  return statistics;
}

}  // namespace neurallog::rules
