// `limit 10`, `head 10`: the first rows in the order in which they come.
#include "query/pipe.h"

namespace neurallog::query {
namespace {

class LimitStage : public Stage {
 public:
  LimitStage(uint64_t limit, Stage* next) : Stage(next), left_(limit) {}

  Status Push(Batch batch) override {
    if (left_ == 0) return {};
    if (batch.count > left_) {
      std::vector<uint32_t> rows = batch.List();
      rows.resize(left_);
      batch.SetList(std::move(rows));
    }
    left_ -= batch.count;
    return next_->Push(std::move(batch));
  }
  bool wants_more() const override { return left_ > 0 && next_->wants_more(); }

 private:
  uint64_t left_;
};

class LimitPipe : public Pipe {
 public:
  explicit LimitPipe(uint64_t limit) : limit_(limit) {}
  void Print(std::string* to) const override { to->append("limit " + std::to_string(limit_)); }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<LimitStage>(limit_, next);
  }
  BlockOrder block_order() const override { return BlockOrder::kAsAsked; }

 private:
  const uint64_t limit_;
};

}  // namespace

std::unique_ptr<Pipe> MakePipeLimit(uint64_t limit) { return std::make_unique<LimitPipe>(limit); }

PipeResult ParsePipeLimit(const PipeParse& parse) {
  constexpr uint64_t kDefaultLimit = 10;
  const filter::Lexer& lexer = *parse.lexer;
  if (lexer.AtEnd() || lexer.IsSymbol('|') || lexer.IsSymbol(')'))
    return MakePipeLimit(kDefaultLimit);
  NL_TRY(const uint64_t limit,
         ParseCount(parse.lexer, "a number of rows after '" + std::string(parse.name) + "'"));
  return MakePipeLimit(limit);
}

}  // namespace neurallog::query
