// `drop_empty_fields`: without fields that have no value, and without rows that have none at all.
#include "query/rewrite_pipe.h"

namespace neurallog::query {
namespace {

class DropEmptyStage : public Stage {
 public:
  DropEmptyStage(const Interrupt* interrupt, Stage* next) : Stage(next), interrupt_(*interrupt) {}

  Status Push(Batch batch) override {
    NL_RETURN_IF_ERROR(interrupt_.Check());
    if (batch.count == 0) return {};
    Compact(&batch);
    FieldSet fields(batch);
    const uint32_t rows = batch.rows->columns().rows();
    filter::Bitmap has_value(rows);
    for (const FieldRef& field : batch.Fields()) {
      NL_TRY(FieldReader reader, FieldReader::Open(batch, field.name));
      bool has_gaps = false;
      for (uint32_t row = 0; row < rows; ++row) {
        const bool is_empty = reader.Text(row).empty();
        has_gaps |= is_empty && reader.column()->Has(row);
        if (!is_empty) has_value.Set(row);
      }
      if (has_gaps) NL_RETURN_IF_ERROR(DropGaps(&reader, field.name, batch, &fields));
    }
    batch = Derive(batch, std::move(fields), /*is_table=*/false);
    std::vector<uint32_t> kept;
    for (const uint32_t row : batch.List())
      if (has_value.Test(row)) kept.push_back(row);
    batch.SetList(std::move(kept));
    NL_RETURN_IF_ERROR(batch.rows->Charge().Annotate("drop_empty_fields"));
    return batch.count == 0 ? Status() : next_->Push(std::move(batch));
  }
  TimeRange needed() const override { return next_->needed(); }
  Status Advance(int64_t ns) override { return next_->Advance(ns); }

 private:
  static Status DropGaps(FieldReader* reader, const std::string& name, Batch& batch,
                         FieldSet* fields) {
    ColumnMaker maker(batch.rows->budget());
    for (uint32_t row = 0; row < batch.rows->columns().rows(); ++row)
      NL_RETURN_IF_ERROR(maker.Add(reader->Text(row), reader->Type(row)));
    fields->Set(name, maker.Finish());
    return {};
  }

  const Interrupt& interrupt_;
};

class DropEmptyPipe : public Pipe {
 public:
  void Print(std::string* to) const override { to->append("drop_empty_fields"); }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<DropEmptyStage>(context.interrupt, next);
  }
  // Rows that have no value at all go, as by a filter.
  bool keeps_rows() const override { return true; }
  bool is_filter() const override { return true; }
};

}  // namespace

PipeResult ParsePipeDropEmptyFields(const PipeParse&) {
  return std::unique_ptr<Pipe>(std::make_unique<DropEmptyPipe>());
}

}  // namespace neurallog::query
