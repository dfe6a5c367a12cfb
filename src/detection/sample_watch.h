// Says when a tenant's rules are to be compiled again for what its stream is like now.
//
//   SampleWatch watch(seed);
//   watch.Show(batch, row);                                       // each row
//   if (auto sample = watch.EndBatch(matcher.evaluated())) ...    // compile with it
//
// The first rows that come make the first sample, the first kWindowRows a better one. From then on nothing is
// sampled until rows cost twice as many evaluations of rules as they did after the last compilation: then the stream
// has changed, and is sampled anew. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "rules/row_sample.h"

namespace neurallog::detection {

class SampleWatch {
 public:
  static constexpr uint64_t kWindowRows = 100'000;

  explicit SampleWatch(uint64_t seed) : seed_(seed) { Begin(rules::RowSample::kRowsMax); }

  void Show(const model::RecordBatch& batch, const char* row) {
    ++rows_;
    if (sample_ && sample_->Wants()) sample_->Add(batch, row);
  }
  // `evaluated`: how often rules were evaluated so far, counted from 0 after RulesChanged.
  std::shared_ptr<const rules::RowSample> EndBatch(uint64_t evaluated);
  // Others are at work now, or the same compiled in another way.
  void RulesChanged() {
    rows_ = evaluated_ = 0;
    per_row_.reset();
  }

 private:
  static constexpr uint64_t kChangedRows = 20'000;  // of a stream that has changed

  void Begin(uint64_t rows) {
    sample_ = std::make_unique<rules::RowSample>(++seed_);
    wanted_ = rows;
  }
  // Whether a window is over that cost much more than the first one.
  bool HasChanged(uint64_t evaluated);

  uint64_t seed_;
  std::unique_ptr<rules::RowSample> sample_;  // none: nothing is sampled
  uint64_t wanted_ = 0;                       // rows that the sample is to be of
  uint64_t rows_ = 0;                         // of the window
  uint64_t evaluated_ = 0;                    // before the window
  std::optional<double> per_row_;             // evaluations, in the first window of these rules
};

}  // namespace neurallog::detection
