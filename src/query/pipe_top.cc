// `top 10 by (a, b)`: the groups with most rows, as stats by (a, b) count() hits | sort by (hits
// desc, a, b) limit 10.
#include "query/query.h"
#include "query/rewrite_pipe.h"
#include "query/stats_pipe.h"

namespace neurallog::query {
namespace {

class TopPipe : public Pipe {
 public:
  TopPipe(StatsSpec stats, uint64_t limit, std::string rank, std::unique_ptr<Pipe> sort)
      : stats_(std::move(stats)), limit_(limit), rank_(std::move(rank)), sort_(std::move(sort)) {}

  void Print(std::string* to) const override {
    to->append("top " + std::to_string(limit_) + " by ");
    PrintGroupFields(to, stats_.by);
    to->append(" hits as ");
    filter::AppendQuoted(to, stats_.calls[0].name);
    if (rank_.empty()) return;
    to->append(" rank as ");
    filter::AppendQuoted(to, rank_);
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return StartStats(stats_, context, sort_->Start(context, next));
  }
  bool aggregates() const override { return true; }

 private:
  const StatsSpec stats_;
  const uint64_t limit_;
  const std::string rank_;  // empty: none
  const std::unique_ptr<Pipe> sort_;
};

// Through the sort pipe's own parser, so that its grammar stays the only way to describe a sort.
PipeResult MakeSort(const StatsSpec& stats, uint64_t limit, const std::string& rank,
                    const ParseOptions& options) {
  std::string text = "by (";
  filter::AppendQuoted(&text, stats.calls[0].name);
  text += " desc";
  for (const GroupField& field : stats.by) {
    text += ", ";
    filter::AppendQuoted(&text, field.field.name);
  }
  text += ") limit " + std::to_string(limit);
  if (!rank.empty()) {
    text += " rank as ";
    filter::AppendQuoted(&text, rank);
  }
  filter::Lexer lexer(text);
  return ParsePipeSort({&lexer, options, "sort"});
}

}  // namespace

std::string HitsName(const std::vector<GroupField>& by) {
  std::string name = "hits";
  for (size_t i = 0; i < by.size(); ++i)
    for (const GroupField& field : by)
      if (field.field.name == name) name += "s";
  return name;
}

PipeResult ParsePipeTop(const PipeParse& parse) {
  filter::Lexer* lexer = parse.lexer;
  uint64_t limit = 10;
  const std::string& first = lexer->token().text;
  if (lexer->IsText() && !first.empty() && first[0] >= '0' && first[0] <= '9') {
    NL_TRY(limit, ParseCount(lexer, "a number of groups or 'by' after 'top'"));
  }
  StatsSpec stats;
  const size_t begin = lexer->token().begin;
  NL_TRY(stats.by, ParseGroupList(lexer, "'by' and a list of fields"));
  if (stats.by.empty()) return lexer->ErrorAt(begin, "expected at least one field after 'by'");
  stats.calls.push_back({MakeStatsCount(), {}, HitsName(stats.by)});
  if (lexer->TakeKeyword("hits")) {
    lexer->TakeKeyword("as");
    if (!lexer->IsText())
      return lexer->ErrorHere("expected a name after 'hits as', found " + lexer->Found());
    stats.calls[0].name = lexer->token().text;
    lexer->Next();
  }
  lexer->TakeKeyword("with");
  std::string rank;
  if (lexer->TakeKeyword("rank")) {
    rank = "rank";
    if (lexer->IsText()) {
      NL_TRY(const FieldPattern name, ParseResultName(lexer));
      rank = name.name;
    }
  }
  NL_TRY(std::unique_ptr<Pipe> sort, MakeSort(stats, limit, rank, parse.options));
  return std::unique_ptr<Pipe>(
      std::make_unique<TopPipe>(std::move(stats), limit, std::move(rank), std::move(sort)));
}

}  // namespace neurallog::query
