// Most pipes let rows through as they are; then all rows go through in one batch, and the rows that
// come out say themselves which they were. Rows that a pipe made anew do not, so that such pipes get
// one row at a time.
#include "query/row_pipeline.h"

#include <algorithm>

#include "query/pipe.h"
#include "query/row_writer.h"

namespace neurallog::query {
namespace {

class Collector : public Stage {
 public:
  Collector() : Stage(nullptr) {}
  Status Push(Batch batch) override {
    if (batch.count > 0) batches_.push_back(std::move(batch));
    return {};
  }
  Status Finish() override { return {}; }
  bool wants_more() const override { return true; }
  std::vector<Batch>& batches() { return batches_; }

 private:
  std::vector<Batch> batches_;
};

// The pipes, started once and with their own end.
class Running {
 public:
  Running(const Query& query, OutputFormat format)
      : interrupt_(options_),
        budget_(SIZE_MAX),
        writer_(format == OutputFormat::kNative ? MakeNativeWriter() : MakeVictoriaLogsWriter()) {
    const StageContext context{&budget_, &interrupt_, &stages_};
    first_ = &end_;
    for (auto pipe = query.pipes.rbegin(); pipe != query.pipes.rend(); ++pipe)
      first_ = (*pipe)->Start(context, first_);
  }

  // What comes out for these rows.
  Result<std::vector<Batch>> Push(const std::shared_ptr<Rows>& rows, std::vector<uint32_t> list) {
    end_.batches().clear();
    Batch batch;
    batch.rows = rows;
    batch.SetList(std::move(list));
    NL_RETURN_IF_ERROR(first_->Push(std::move(batch)));
    return std::exchange(end_.batches(), {});
  }

  // Calls take(row) behind each line that was appended to *lines.
  template <typename F>
  Status Write(Batch* batch, std::string* lines, F take) {
    NL_RETURN_IF_ERROR(writer_->Prepare(*batch));
    for (const uint32_t row : batch->List()) {
      writer_->Write(row, lines);
      take(row);
    }
    return {};
  }

 private:
  const ExecuteOptions options_;
  const Interrupt interrupt_;
  MemoryBudget budget_;
  Collector end_;
  std::vector<std::unique_ptr<Stage>> stages_;
  Stage* first_;
  std::unique_ptr<RowWriter> writer_;
};

Status RunOneByOne(Running* running, const std::shared_ptr<Rows>& rows,
                   const std::vector<uint32_t>& list, const RowPipeline::Take& take) {
  std::string lines;
  for (const uint32_t row : list) {
    NL_TRY(std::vector<Batch> made, running->Push(rows, {row}));
    lines.clear();
    for (Batch& batch : made) NL_RETURN_IF_ERROR(running->Write(&batch, &lines, [](uint32_t) {}));
    if (!lines.empty()) take(row, lines);
  }
  return {};
}

}  // namespace

Status RowPipeline::Check(const Query& query) {
  if (!query.nested.empty())
    return InvalidArgument("a live tail cannot have a query inside of it");
  for (const auto& pipe : query.pipes) {
    if (pipe->is_row_by_row()) continue;
    std::string text;
    pipe->Print(&text);
    return InvalidArgument("pipe \"" + text.substr(0, text.find(' ')) +
                           "\" needs all rows, and a live tail has no last one");
  }
  return {};
}

Status RowPipeline::Run(const std::shared_ptr<Rows>& rows, const std::vector<uint32_t>& list,
                        const Take& take) const {
  Running running(*query_, format_);
  NL_TRY(std::vector<Batch> batches, running.Push(rows, list));
  const bool kept = std::all_of(batches.begin(), batches.end(),
                                [&](const Batch& batch) { return batch.rows == rows; });
  if (!kept) return RunOneByOne(&running, rows, list, take);
  std::string line;
  for (Batch& batch : batches)
    NL_RETURN_IF_ERROR(running.Write(&batch, &line, [&](uint32_t row) {
      take(row, line);
      line.clear();
    }));
  return {};
}

}  // namespace neurallog::query
