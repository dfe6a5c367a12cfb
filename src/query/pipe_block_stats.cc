// `block_stats`: how each column of the blocks that have rows that match is stored.
#include "query/pipe.h"
#include "query/table_builder.h"

namespace neurallog::query {
namespace {

std::string_view TypeName(const block::ColumnMeta& meta) {
  switch (meta.encoding) {
    case block::Encoding::kConst: return "const";
    case block::Encoding::kDict: return "dict";
    case block::Encoding::kInts: return "int";
    case block::Encoding::kStrings: return "string";
    case block::Encoding::kTemplates: return "template";
    case block::Encoding::kHex: return "hex";
    case block::Encoding::kIpv4: return "ipv4";
    case block::Encoding::kDecimal: return "decimal";
  }
  return "string";
}

class BlockStatsStage : public Stage {
 public:
  BlockStatsStage(MemoryBudget* budget, Stage* next) : Stage(next), budget_(budget) {}
  Status Push(Batch batch) override {
    if (batch.count == 0) return {};
    TableBuilder table({"field", "type", "rows", "values_bytes", "dict_items", "dict_bytes"});
    filter::Columns& columns = batch.rows->columns();
    for (size_t i = 0; i < columns.header().columns.size(); ++i) {
      const block::ColumnMeta& meta = columns.header().columns[i];
      const bool has_dict = meta.encoding == block::Encoding::kDict;
      const block::Column* column = nullptr;
      if (has_dict) {
        NL_TRY(column, columns.GetAt(i));
      }
      size_t dict_bytes = 0;
      if (has_dict)
        for (const std::string_view entry : column->entries) dict_bytes += entry.size();
      table.Add(meta.name == kFieldMessage ? "_msg" : meta.name);
      table.Add(TypeName(meta));
      table.Add(meta.present_rows);
      table.Add(meta.chunk_bytes);
      table.Add(has_dict ? column->entries.size() : 0);
      table.Add(dict_bytes);
    }
    return next_->Push(table.Finish(budget_));
  }

 private:
  MemoryBudget* const budget_;
};

class BlockStatsPipe : public Pipe {
 public:
  void Print(std::string* to) const override { to->append("block_stats"); }
  Stage* Start(const StageContext& context, Stage* next) const override {
    return context.Add<BlockStatsStage>(context.budget, next);
  }
  bool aggregates() const override { return true; }
};

}  // namespace

PipeResult ParsePipeBlockStats(const PipeParse&) {
  return std::unique_ptr<Pipe>(std::make_unique<BlockStatsPipe>());
}

}  // namespace neurallog::query
