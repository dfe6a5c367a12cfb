// `field_names [as name]`: the names of the fields that have a value, and in how many rows.
#include <map>

#include "query/rewrite_pipe.h"
#include "query/table_builder.h"

namespace neurallog::query {
namespace {

class FieldNamesStage : public Stage {
 public:
  FieldNamesStage(const std::string& name, const StageContext& context, Stage* next)
      : Stage(next), name_(name), budget_(context.budget), interrupt_(*context.interrupt) {}
  ~FieldNamesStage() override { budget_->Release(&charged_); }

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    for (const FieldRef& field : batch.Fields()) {
      NL_TRY(const uint64_t hits, Count(field, &batch));
      if (hits == 0) continue;
      const auto [at, is_new] = hits_.try_emplace(field.name);
      at->second += hits;
      constexpr size_t kNodeBytes = 80;
      if (is_new) bytes_ += field.name.size() + kNodeBytes;
    }
    NL_RETURN_IF_ERROR(batch.rows->Charge());
    return budget_->Charge(&charged_, bytes_).Annotate("field_names");
  }

  Status Finish() override {
    TableBuilder table({name_, "hits"});
    for (const auto& [name, hits] : hits_) {
      table.Add(name == kFieldMessage ? "_msg" : name);
      table.Add(hits);
    }
    if (!hits_.empty()) NL_RETURN_IF_ERROR(next_->Push(table.Finish(budget_)));
    return next_->Finish();
  }
  bool wants_more() const override { return true; }

 private:
  // Whether each row has a value stands in the header as a rule.
  static Result<uint64_t> Count(const FieldRef& field, Batch* batch) {
    const block::ColumnMeta* meta = batch->rows->columns().Meta(field.name);
    const bool is_everywhere = meta != nullptr && meta->chunk_bytes != 0 && meta->length_min > 0 &&
                               meta->present_rows == batch->rows->columns().rows();
    if (is_everywhere) return uint64_t{batch->count};
    NL_TRY(FieldReader reader, FieldReader::Open(*batch, field.name));
    uint64_t hits = 0;
    for (const uint32_t row : batch->List()) hits += reader.Text(row).empty() ? 0 : 1;
    return hits;
  }

  const std::string& name_;
  MemoryBudget* const budget_;
  const Interrupt& interrupt_;
  std::map<std::string, uint64_t> hits_;
  size_t bytes_ = 0;
  size_t charged_ = 0;
};

class FieldNamesPipe : public Pipe {
 public:
  explicit FieldNamesPipe(FieldPattern name) : name_(std::move(name)) {}
  void Print(std::string* to) const override {
    to->append("field_names as ");
    PrintFieldList(to, {name_});
  }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<FieldNamesStage>(name_.name, context, next);
  }
  bool aggregates() const override { return true; }

 private:
  const FieldPattern name_;
};

}  // namespace

PipeResult ParsePipeFieldNames(const PipeParse& parse) {
  FieldPattern name{"name", "name", false};
  if (parse.lexer->IsText()) {
    NL_TRY(name, ParseResultName(parse.lexer));
  }
  return std::unique_ptr<Pipe>(std::make_unique<FieldNamesPipe>(std::move(name)));
}

}  // namespace neurallog::query
