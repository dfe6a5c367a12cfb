// `field_values field [limit N]`: the values of a field, in order, and how many rows have each.
#include "query/rewrite_pipe.h"
#include "query/stats_pipe.h"

namespace neurallog::query {
namespace {

class FieldValuesPipe : public Pipe {
 public:
  FieldValuesPipe(StatsSpec stats, std::optional<uint64_t> limit)
      : stats_(std::move(stats)), limit_(limit) {
    if (limit) limit_pipe_ = MakePipeLimit(*limit);
  }
  void Print(std::string* to) const override {
    to->append("field_values ");
    PrintFieldList(to, {stats_.by[0].field});
    if (limit_) to->append(" limit " + std::to_string(*limit_));
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return StartStats(stats_, context, limit_pipe_ ? limit_pipe_->Start(context, next) : next);
  }
  bool aggregates() const override { return true; }

 private:
  const StatsSpec stats_;
  const std::optional<uint64_t> limit_;
  std::unique_ptr<Pipe> limit_pipe_;
};

}  // namespace

PipeResult ParsePipeFieldValues(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  StatsSpec stats;
  GroupField& group = stats.by.emplace_back();
  const bool has_parenthesis = lexer->TakeSymbol('(');
  NL_TRY(group.field, ParseFieldName(lexer, "the name of a field after 'field_values'"));
  if (has_parenthesis && !lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ')', found " + lexer->Found());
  group.is_time = group.field.name == filter::kFieldTime;
  stats.calls.push_back({MakeStatsCount(), {}, group.field.name == "hits" ? "hits_" : "hits"});
  std::optional<uint64_t> limit;
  if (lexer->TakeKeyword("limit")) {
    NL_TRY(limit, ParseCount(lexer, "a number of values after 'limit'"));
    if (*limit == 0) limit.reset();
  }
  return std::unique_ptr<Pipe>(std::make_unique<FieldValuesPipe>(std::move(stats), limit));
}

}  // namespace neurallog::query
