// `filter level:error`, `where hits:>10`: another filter, on the rows as they are at this place.
#include "filter/parser.h"
#include "filter/program.h"
#include "query/condition.h"
#include "query/pipe.h"
#include "query/query.h"

namespace neurallog::query {
namespace {

class FilterStage : public Stage {
 public:
  FilterStage(const filter::Program& program, const Interrupt* interrupt, Stage* next)
      : Stage(next), program_(program), interrupt_(*interrupt) {}

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    filter::Bitmap matched;
    NL_RETURN_IF_ERROR(MatchRows(program_, &batch, &matched));
    Keep(std::move(matched), &batch);
    NL_RETURN_IF_ERROR(batch.rows->Charge());
    return batch.count == 0 ? Status() : next_->Push(std::move(batch));
  }
  TimeRange needed() const override { return next_->needed(); }
  Status Advance(int64_t ns) override { return next_->Advance(ns); }

 private:
  static void Keep(filter::Bitmap matched, Batch* batch) {
    if (batch->is_listed) {
      std::erase_if(batch->list, [&](uint32_t row) { return !matched.Test(row); });
      batch->count = static_cast<uint32_t>(batch->list.size());
    } else {
      batch->count = matched.Count();
      batch->matched = std::move(matched);
    }
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
