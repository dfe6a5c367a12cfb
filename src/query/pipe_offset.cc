// `offset 10`, `skip 10`: all but the first rows in the order in which they come.
#include "query/pipe.h"

namespace neurallog::query {
namespace {

class OffsetStage : public Stage {
 public:
  OffsetStage(uint64_t offset, Stage* next) : Stage(next), left_(offset) {}

  Status Push(Batch batch) override {
    if (left_ >= batch.count) {
      left_ -= batch.count;
      return {};
    }
    if (left_ > 0) {
      const std::vector<uint32_t>& rows = batch.List();
      batch.SetList({rows.begin() + static_cast<ptrdiff_t>(left_), rows.end()});
      left_ = 0;
    }
    return next_->Push(std::move(batch));
  }

 private:
  uint64_t left_;
};

class OffsetPipe : public Pipe {
 public:
  explicit OffsetPipe(uint64_t offset) : offset_(offset) {}
  void Print(std::string* to) const override { to->append("offset " + std::to_string(offset_)); }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<OffsetStage>(offset_, next);
  }
  BlockOrder block_order() const override { return BlockOrder::kAsAsked; }

 private:
  const uint64_t offset_;
};

}  // namespace

std::unique_ptr<Pipe> MakePipeOffset(uint64_t offset) {
  return std::make_unique<OffsetPipe>(offset);
}

PipeResult ParsePipeOffset(const PipeParse& parse) {
  NL_TRY(const uint64_t offset,
         ParseCount(parse.lexer, "a number of rows after '" + std::string(parse.name) + "'"));
  return MakePipeOffset(offset);
}

}  // namespace neurallog::query
