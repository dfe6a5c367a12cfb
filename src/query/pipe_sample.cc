// `sample N`: each row with a probability of 1/N.
#include <cmath>
#include <random>

#include "query/pipe.h"

namespace neurallog::query {
namespace {

class SampleStage : public Stage {
 public:
  SampleStage(uint64_t one_in, Stage* next)
      : Stage(next), random_(std::random_device{}()), pick_(0, one_in - 1) {}

  Status Push(Batch batch) override {
    std::vector<uint32_t> rows;
    for (const uint32_t row : batch.List())
      if (pick_(random_) == 0) rows.push_back(row);
    batch.SetList(std::move(rows));
    return batch.count == 0 ? Status() : next_->Push(std::move(batch));
  }
  TimeRange needed() const override { return next_->needed(); }
  Status Advance(int64_t ns) override { return next_->Advance(ns); }

 private:
  std::mt19937_64 random_;
  std::uniform_int_distribution<uint64_t> pick_;
};

class SamplePipe : public Pipe {
 public:
  explicit SamplePipe(uint64_t one_in) : one_in_(one_in) {}
  void Print(std::string* to) const override { to->append("sample " + std::to_string(one_in_)); }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<SampleStage>(one_in_, next);
  }
  bool keeps_rows() const override { return true; }
  bool is_filter() const override { return true; }

 private:
  const uint64_t one_in_;
};

}  // namespace

PipeResult ParsePipeSample(const PipeParse& parse) {
  const size_t begin = parse.lexer->token().begin;
  NL_TRY(const uint64_t one_in, ParseCount(parse.lexer, "a number after 'sample'"));
  if (one_in == 0) return parse.lexer->ErrorAt(begin, "expected a number above 0 after 'sample'");
  return std::unique_ptr<Pipe>(std::make_unique<SamplePipe>(one_in));
}

}  // namespace neurallog::query
