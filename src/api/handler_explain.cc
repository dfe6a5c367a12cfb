// What a query means and costs: planned (/v1/query/explain), or run without showing its rows (explain=analyze).
#include "api/answer.h"
#include "api/json_members.h"
#include "base/time_format.h"
#include "filter/filter.h"
#include "query/pipe.h"

namespace neurallog::api {
namespace {

// Counts and forgets.
class NullVisitor : public query::RowVisitor {
 public:
  void Clear() override {}
  void OnColumns(std::span<const std::string_view>) override {}
  void OnRow(std::span<const Value>) override {}
};

class ExplainAnswer : public Answer {
 public:
  ExplainAnswer(const Api& api, bool analyze) : api_(api), analyze_(analyze) {}

  bool needs_query() const override { return false; }
  bool only_plans() const override { return !analyze_; }
  query::RowVisitor* visitor() override { return &visitor_; }

  Status Prepare(const Context&, Search* search) override {
    NL_TRY(const uint64_t limit, ReadCount(search->params, "limit", 0));
    if (limit > 0) search->options.limit = limit;
    json_ = "{\"query\":";
    base::AppendJsonString(&json_, query::ToText(search->query));
    AppendText(&json_, "filter", filter::ToText(*search->query.filter));
    json_ += ",\"pipes\":[";
    for (const auto& pipe : search->query.pipes) AppendPipe(*pipe);
    json_ += "]";
    AppendRange(*search);
    begin_ns_ = search->options.clock->MonotonicNs();
    clock_ = search->options.clock;
    return {};
  }

  std::string FinishPlan(const query::ExecutePlan& plan) override {
    AppendBlocks(plan.blocks_total, plan.blocks_pruned_by_time, plan.blocks_pruned_by_index,
                 plan.blocks_pruned_by_header, plan.index_pages_read);
    json_ += ",\"estimate\":{\"blocks\":" + std::to_string(plan.blocks_left);
    AppendNumber(&json_, "blocks_matching_whole", plan.blocks_matching_whole);
    AppendNumber(&json_, "rows_at_most", plan.rows_left);
    AppendNumber(&json_, "bytes_at_most", plan.bytes_left);
    const double ns_per_row = api_.ns_per_row();
    if (ns_per_row > 0)
      AppendNumber(&json_, "work_us",
                   static_cast<uint64_t>(ns_per_row * static_cast<double>(plan.rows_left) / 1e3));
    return json_ + "}}\n";
  }

  Result<std::string> Finish(const query::ExecuteStats& stats) override {
    AppendBlocks(stats.blocks_total, stats.blocks_pruned_by_time, stats.blocks_pruned_by_index,
                 stats.blocks_pruned - stats.blocks_pruned_by_time, stats.index_pages_read);
    json_ += ",\"run\":{\"blocks_scanned\":" + std::to_string(stats.blocks_scanned);
    AppendNumber(&json_, "blocks_damaged", stats.blocks_damaged);
    AppendNumber(&json_, "rows_scanned", stats.rows_scanned);
    AppendNumber(&json_, "rows_matched", stats.rows_matched);
    AppendNumber(&json_, "rows_returned", stats.rows_returned);
    AppendNumber(&json_, "bytes_scanned", stats.bytes_scanned);
    AppendNumber(&json_, "memory_bytes_peak", stats.memory_bytes_peak);
    json_ += ",\"time_us\":{\"total\":" + Micros(clock_->MonotonicNs() - begin_ns_);
    json_ += ",\"index\":" + Micros(stats.index_ns) + ",\"filter\":" + Micros(stats.filter_ns);
    json_ += ",\"pipes\":" + Micros(stats.pipes_ns) + ",\"rows\":" + Micros(stats.write_ns);
    return json_ + "}}}\n";
  }

 private:
  static std::string Micros(int64_t ns) { return std::to_string(ns / 1'000); }

  void AppendPipe(const query::Pipe& pipe) {
    std::string text;
    pipe.Print(&text);
    if (json_.back() != '[') json_ += ",";
    base::AppendJsonString(&json_, text);
  }

  void AppendRange(const Search& search) {
    const TimeRange all;
    const TimeRange& of_query = search.query.time_range();
    const int64_t start_ns = std::max(of_query.start_ns, search.options.range.start_ns);
    const int64_t end_ns = std::min(of_query.end_ns, search.options.range.end_ns);
    if (start_ns != all.start_ns) AppendText(&json_, "start", base::FormatRfc3339(start_ns));
    if (end_ns != all.end_ns) AppendText(&json_, "end", base::FormatRfc3339(end_ns));
  }

  void AppendBlocks(uint64_t total, uint64_t by_time, uint64_t by_index, uint64_t by_header,
                    uint64_t pages) {
    json_ += ",\"blocks\":{\"total\":" + std::to_string(total);
    AppendNumber(&json_, "pruned_by_time", by_time);
    AppendNumber(&json_, "pruned_by_index", by_index);
    AppendNumber(&json_, "pruned_by_header", by_header);
    AppendNumber(&json_, "index_pages_read", pages);
    json_ += "}";
  }

  const Api& api_;
  const bool analyze_;
  NullVisitor visitor_;
  std::string json_;
  const base::Clock* clock_ = nullptr;
  int64_t begin_ns_ = 0;
};

}  // namespace

void HandleExplain(Context context) {
  const bool analyze = ReadFlag(http::QueryParams(context.request.query()), "analyze");
  auto answer = std::make_unique<ExplainAnswer>(context.api, analyze);
  StartSearch(std::move(context), std::move(answer));
}

bool AnalyzeInstead(Context* context) {
  const http::QueryParams params(context->request.query());
  if (params.Find("explain") != "analyze") return false;
  auto answer = std::make_unique<ExplainAnswer>(context->api, /*analyze=*/true);
  StartSearch(std::move(*context), std::move(answer));
  return true;
}

}  // namespace neurallog::api
