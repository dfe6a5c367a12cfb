// `union (query)`: the rows, and behind them those of another query.
#include "query/collected_rows.h"

namespace neurallog::query {
namespace {

class UnionStage : public Stage {
 public:
  UnionStage(const CollectedRows& others, const StageContext& context, Stage* next)
      : Stage(next), others_(others), budget_(context.budget), interrupt_(*context.interrupt) {}

  Status Push(Batch batch) override { return next_->Push(std::move(batch)); }
  Status Finish() override {
    for (size_t part = 0; part < others_.parts() && next_->wants_more(); ++part) {
      NL_RETURN_IF_ERROR(interrupt_.Check());
      NL_RETURN_IF_ERROR(next_->Push(others_.MakeBatch(part, budget_)));
    }
    return next_->Finish();
  }

 private:
  const CollectedRows& others_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
};

class UnionPipe : public Pipe {
 public:
  explicit UnionPipe(std::shared_ptr<const CollectedRows> others) : others_(std::move(others)) {}
  void Print(std::string* to) const override {
    to->append("union (").append(others_->text()).append(")");
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<UnionStage>(*others_, context, next);
  }

 private:
  const std::shared_ptr<const CollectedRows> others_;
};

}  // namespace

PipeResult ParsePipeUnion(const PipeParse& parse) {
  NL_TRY(auto others, ParseCollectedRows(parse, "'union'"));
  return std::unique_ptr<Pipe>(std::make_unique<UnionPipe>(std::move(others)));
}

}  // namespace neurallog::query
