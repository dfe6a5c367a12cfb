#include "detection/backtest.h"

#include <algorithm>

#include "rules/query_condition.h"

namespace neurallog::detection {
namespace {

// As of which a time at or before it falls into the bucket.
int64_t BucketOf(int64_t time_ns, int64_t step_ns) {
  const int64_t rest = time_ns % step_ns;
  return time_ns - (rest < 0 ? rest + step_ns : rest);
}

constexpr size_t kSearchBytesMax = 16 << 10;  // a longer one saves no reading

// Finds each record for which a condition of the rules holds.
std::string SearchOf(const CompiledRules& rules) {
  std::string search;
  for (const rules::Rule* const input : rules.plan()->inputs()) {
    const auto part = rules::SearchOf(input->condition);
    if (!part || search.size() + part->size() > kSearchBytesMax) return "*";
    search.append(search.empty() ? "(" : " or (").append(*part).append(")");
  }
  return search.empty() ? "*" : search;
}

}  // namespace

// What stands in for a record's stream in queries is not in the record.
Result<query::Query> BacktestQuery(const CompiledRules& rules, std::string_view also) {
  std::string text = SearchOf(rules);
  if (!also.empty()) text = "(" + text + ") " + std::string(also);
  return query::ParseQuery(text.append(" | delete _stream, _stream_id"), {});
}

Backtest::Backtest(TenantId tenant, BacktestRules rules, const BacktestOptions& options,
                   const base::Clock* clock)
    : tenant_(tenant),
      rules_(std::move(rules.compiled)),
      options_(options),
      clock_(clock),
      replay_(rules_,
              [this](const rules::Firing& firing, const MatchRow& row) { Note(firing, row); }),
      batcher_([this](const model::RecordBatch& batch) { Evaluate(batch); }) {
  base::MutexLock lock(mutex_);
  for (const std::string& id : rules.ids) report_.rules.emplace_back().rule = *rules_->Find(id);
  for (uint32_t rule = 0; rule < rules_->plan()->rules().size(); ++rule) {
    const auto asked = std::find(rules.ids.begin(), rules.ids.end(), rules_->of_firing(rule).id) -
                       rules.ids.begin();
    const auto place = static_cast<uint32_t>(asked);
    place_of_.push_back(place < rules.ids.size() ? std::optional(place) : std::nullopt);
  }
}

void Backtest::Evaluate(const model::RecordBatch& batch) {
  const int64_t begin_ns = clock_->MonotonicNs();
  replay_.Tell(batch);
  memory_bytes_ = replay_.state().memory_bytes() + batcher_.memory_bytes();
  base::MutexLock lock(mutex_);
  report_.rows += batch.rows();
  report_.evaluation_ns += clock_->MonotonicNs() - begin_ns;
}

void Backtest::Finish() {
  batcher_.Finish();
  replay_.AdvanceTo(std::min(options_.range.end_ns, clock_->WallNs()));
  base::MutexLock lock(mutex_);
  for (uint32_t rule = 0; rule < place_of_.size(); ++rule)
    if (place_of_[rule])
      report_.rules[*place_of_[rule]].suppressed = replay_.state().counts(rule).suppressed;
}

void Backtest::Note(const rules::Firing& firing, const MatchRow& row) {
  if (!place_of_[firing.rule]) return;
  base::MutexLock lock(mutex_);
  BacktestReport::OfRule& of = report_.rules[*place_of_[firing.rule]];
  ++report_.matches;
  ++of.matches;
  ++of.buckets[BucketOf(firing.at_ns, options_.step_ns)];
  if (of.samples.size() < options_.samples_max) AddSample(firing, row, &of);
}

void Backtest::AddSample(const rules::Firing& firing, const MatchRow& row,
                         BacktestReport::OfRule* to) {
  if (samples_bytes_ >= options_.samples_bytes_max) return;
  const MatchId id = MakeMatchId(tenant_, to->rule, firing.at_ns, firing.id);
  to->samples.push_back(MatchJson(id, to->rule, firing, rules_->plan()->group_fields(firing.rule),
                                  row, clock_->WallNs()));
  samples_bytes_ += to->samples.back().size();
}

BacktestReport Backtest::Report() const {
  base::MutexLock lock(mutex_);
  return report_;
}

std::pair<uint64_t, int64_t> Backtest::effort() const {
  base::MutexLock lock(mutex_);
  return {report_.rows, report_.evaluation_ns};
}

}  // namespace neurallog::detection
