// `fields a, b, c*` and `delete a, b`: which fields go on. Rows are not touched; the batch carries
// what it still shows.
#include "query/pipe.h"

namespace neurallog::query {
namespace {

class ProjectStage : public Stage {
 public:
  ProjectStage(const Projection::Step& step, Stage* next) : Stage(next), step_(step) {}

  Status Push(Batch batch) override {
    if (projection_ == nullptr || batch.projection != before_) {
      auto projection = std::make_shared<Projection>();
      if (batch.projection != nullptr) *projection = *batch.projection;
      projection->steps.push_back(step_);
      before_ = batch.projection;
      projection_ = std::move(projection);
    }
    batch.projection = projection_;
    return next_->Push(std::move(batch));
  }
  TimeRange needed() const override { return next_->needed(); }
  Status Advance(int64_t ns) override { return next_->Advance(ns); }

 private:
  const Projection::Step& step_;
  std::shared_ptr<const Projection> before_;
  std::shared_ptr<const Projection> projection_;  // before_ and then step_; shared by all batches
};

class ProjectPipe : public Pipe {
 public:
  explicit ProjectPipe(Projection::Step step) : step_(std::move(step)) {}
  void Print(std::string* to) const override {
    to->append(step_.keeps ? "fields " : "delete ");
    PrintFieldList(to, step_.fields);
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<ProjectStage>(step_, next);
  }
  bool keeps_rows() const override { return true; }
  Status ChangeLabels(std::vector<std::string>* labels) const override {
    for (const std::string& label : *labels)
      if (!Projection{{step_}}.Shows(label))
        NL_RETURN_IF_ERROR(CheckNoLabel(*labels, label, step_.keeps ? "fields" : "delete"));
    return {};
  }
  std::string_view only_field() const override {
    const bool is_one = step_.keeps && step_.fields.size() == 1 && !step_.fields[0].is_prefix;
    return is_one ? std::string_view(step_.fields[0].shown) : std::string_view();
  }

 private:
  const Projection::Step step_;
};

PipeResult ParseProject(const PipeParse& parse, bool keeps) {
  const std::string expected = "the names of fields after '" + std::string(parse.name) + "'";
  Projection::Step step;
  step.keeps = keeps;
  if (parse.lexer->IsSymbol('(')) {
    NL_TRY(step.fields, ParseFieldListInParentheses(parse.lexer, expected));
  } else {
    NL_TRY(step.fields, ParseFieldList(parse.lexer, expected));
  }
  return std::unique_ptr<Pipe>(std::make_unique<ProjectPipe>(std::move(step)));
}

}  // namespace

PipeResult ParsePipeFields(const PipeParse& parse) { return ParseProject(parse, /*keeps=*/true); }
PipeResult ParsePipeDelete(const PipeParse& parse) { return ParseProject(parse, /*keeps=*/false); }

}  // namespace neurallog::query
