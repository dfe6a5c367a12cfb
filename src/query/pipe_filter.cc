// `filter level:error`, `where hits:>10`: another filter, on the rows as they are at this place.
#include "filter/parser.h"
#include "filter/program.h"
#include "query/pipe.h"
#include "query/query.h"

namespace neurallog::query {
namespace {

// A row of a batch of which some fields are hidden.
class HiddenFieldsRecord : public filter::RecordView {
 public:
  explicit HiddenFieldsRecord(Batch* batch) : batch_(batch) {}
  void MoveTo(uint32_t row, int64_t timestamp_ns) {
    row_ = row;
    timestamp_ns_ = timestamp_ns;
  }
  int64_t timestamp_ns() const override { return timestamp_ns_; }
  std::string_view Get(std::string_view name) const override {
    const auto column = batch_->Get(name);
    if (!column.ok()) status_ = column.status();
    if (!column.ok() || *column == nullptr) return {};
    if ((*column)->encoding != block::Encoding::kInts) return (*column)->TextAt(row_, nullptr);
    char scratch[24];
    digits_ = (*column)->TextAt(row_, scratch);
    return digits_;
  }
  const Status& status() const { return status_; }

 private:
  Batch* const batch_;
  uint32_t row_ = 0;
  int64_t timestamp_ns_ = 0;
  mutable std::string digits_;
  mutable Status status_;
};

class FilterStage : public Stage {
 public:
  FilterStage(const filter::Program& program, const Interrupt* interrupt, Stage* next)
      : Stage(next), program_(program), interrupt_(*interrupt) {}

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    if (batch.projection != nullptr) {
      NL_RETURN_IF_ERROR(FilterRows(&batch));
    } else {
      NL_RETURN_IF_ERROR(FilterBlock(&batch));
    }
    if (batch.count == 0) return {};
    return next_->Push(std::move(batch));
  }
  TimeRange needed() const override { return next_->needed(); }
  Status Advance(int64_t ns) override { return next_->Advance(ns); }

 private:
  Status FilterBlock(Batch* batch) {
    filter::Bitmap matched = batch->matched;
    if (batch->is_listed) {
      matched.Reset(batch->rows->columns().rows(), false);
      for (const uint32_t row : batch->list) matched.Set(row);
    }
    NL_RETURN_IF_ERROR(program_.Refine(batch->rows->columns(), &matched));
    if (batch->is_listed) {
      std::erase_if(batch->list, [&](uint32_t row) { return !matched.Test(row); });
      batch->count = static_cast<uint32_t>(batch->list.size());
    } else {
      batch->count = matched.Count();
      batch->matched = std::move(matched);
    }
    return batch->rows->Charge();
  }

  Status FilterRows(Batch* batch) {
    NL_TRY(const std::span<const int64_t> times, batch->Times());
    HiddenFieldsRecord record(batch);
    std::vector<uint32_t> kept;
    for (const uint32_t row : batch->List()) {
      record.MoveTo(row, times.empty() ? std::numeric_limits<int64_t>::min() : times[row]);
      if (program_.MatchRecord(record)) kept.push_back(row);
    }
    batch->SetList(std::move(kept));
    NL_RETURN_IF_ERROR(record.status());
    return batch->rows->Charge();
  }

  const filter::Program& program_;
  const Interrupt& interrupt_;
};

class FilterPipe : public Pipe {
 public:
  FilterPipe(std::unique_ptr<filter::Filter> filter, std::shared_ptr<const filter::Program> program)
      : filter_(std::move(filter)), program_(std::move(program)) {}
  void Print(std::string* to) const override {
    to->append("filter ").append(filter::ToText(*filter_));
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<FilterStage>(*program_, context.interrupt, next);
  }
  bool keeps_rows() const override { return true; }
  bool is_filter() const override { return true; }

 private:
  const std::unique_ptr<filter::Filter> filter_;
  const std::shared_ptr<const filter::Program> program_;
};

}  // namespace

PipeResult ParsePipeFilter(const PipeParse& parse) {
  NL_TRY(auto filter, filter::ParseFilter(parse.lexer));
  NL_TRY(auto program, filter::Program::Compile(*filter, {.now_ns = parse.options.now_ns}));
  return std::unique_ptr<Pipe>(std::make_unique<FilterPipe>(std::move(filter), std::move(program)));
}

}  // namespace neurallog::query
