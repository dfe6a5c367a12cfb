// `blocks_count [as name]`: how many blocks have rows that match.
#include "query/rewrite_pipe.h"
#include "query/table_builder.h"

namespace neurallog::query {
namespace {

class BlocksCountStage : public Stage {
 public:
  BlocksCountStage(const std::string& name, MemoryBudget* budget, Stage* next)
      : Stage(next), name_(name), budget_(budget) {}
  Status Push(Batch batch) override {
    blocks_ += batch.count > 0 ? 1 : 0;
    return {};
  }
  Status Finish() override {
    TableBuilder table({name_});
    table.Add(blocks_);
    NL_RETURN_IF_ERROR(next_->Push(table.Finish(budget_)));
    return next_->Finish();
  }
  bool wants_more() const override { return true; }

 private:
  const std::string& name_;
  MemoryBudget* const budget_;
  uint64_t blocks_ = 0;
};

class BlocksCountPipe : public Pipe {
 public:
  explicit BlocksCountPipe(FieldPattern name) : name_(std::move(name)) {}
  void Print(std::string* to) const override {
    to->append("blocks_count as ");
    PrintFieldList(to, {name_});
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<BlocksCountStage>(name_.name, context.budget, next);
  }
  bool aggregates() const override { return true; }

 private:
  const FieldPattern name_;
};

}  // namespace

PipeResult ParsePipeBlocksCount(const PipeParse& parse) {
  FieldPattern name{"blocks_count", "blocks_count", false};
  if (parse.lexer->IsText()) {
    NL_TRY(name, ParseResultName(parse.lexer));
  }
  return std::unique_ptr<Pipe>(std::make_unique<BlocksCountPipe>(std::move(name)));
}

}  // namespace neurallog::query
