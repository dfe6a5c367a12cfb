// `uniq by (a, b) [with hits] [limit N]`: each combination of values once, in order.
#include "query/stats_pipe.h"

namespace neurallog::query {
namespace {

class UniqPipe : public Pipe {
 public:
  UniqPipe(StatsSpec stats, std::optional<uint64_t> limit)
      : stats_(std::move(stats)), limit_(limit) {
    if (limit) limit_pipe_ = MakePipeLimit(*limit);
  }

  void Print(std::string* to) const override {
    to->append("uniq by ");
    PrintGroupFields(to, stats_.by);
    if (!stats_.calls.empty()) to->append(" with hits");
    if (limit_) to->append(" limit " + std::to_string(*limit_));
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return StartStats(stats_, context, limit_pipe_ ? limit_pipe_->Start(context, next) : next);
  }
  bool aggregates() const override { return true; }
  std::string_view only_field() const override {
    const bool is_one = stats_.by.size() == 1 && stats_.calls.empty();
    return is_one ? std::string_view(stats_.by[0].field.shown) : std::string_view();
  }

 private:
  const StatsSpec stats_;
  const std::optional<uint64_t> limit_;
  std::unique_ptr<Pipe> limit_pipe_;
};

}  // namespace

PipeResult ParsePipeUniq(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  const size_t begin = lexer->token().begin;
  StatsSpec stats;
  NL_TRY(stats.by, ParseGroupList(lexer, "'by' and a list of fields after 'uniq'"));
  if (stats.by.empty()) return lexer->ErrorAt(begin, "expected at least one field after 'by'");
  if (lexer->TakeKeyword("with")) {
    if (!lexer->IsKeyword("hits"))
      return lexer->ErrorHere("expected 'hits' after 'with', found " + lexer->Found());
  }
  if (lexer->TakeKeyword("hits")) stats.calls.push_back({MakeStatsCount(), {}, HitsName(stats.by)});
  std::optional<uint64_t> limit;
  if (lexer->TakeKeyword("limit")) {
    NL_TRY(limit, ParseCount(lexer, "a number of groups after 'limit'"));
  }
  return std::unique_ptr<Pipe>(std::make_unique<UniqPipe>(std::move(stats), limit));
}

}  // namespace neurallog::query
