#include "query/row_writer.h"

#include "filter/filter.h"

namespace neurallog::query {
namespace {

Result<ShownColumn> Find(Batch& batch, std::string name, std::string shown) {
  ShownColumn found{std::move(name), std::move(shown), nullptr};
  NL_TRY(found.column, batch.Get(found.name));
  found.is_time = found.column != nullptr && found.name == filter::kFieldTime &&
                  found.column->encoding == block::Encoding::kInts;
  return found;
}

}  // namespace

std::unique_ptr<RowWriter> MakeRowWriter(OutputFormat format) {
  return format == OutputFormat::kNative ? MakeNativeWriter() : MakeVictoriaLogsWriter();
}

Result<std::vector<ShownColumn>> FindShownColumns(Batch& batch, bool with_stream) {
  std::vector<ShownColumn> columns;
  const std::vector<FieldPattern>* ordered =
      batch.projection == nullptr ? nullptr : batch.projection->ordered_fields();
  if (ordered != nullptr) {
    for (const FieldPattern& field : *ordered) {
      NL_TRY(ShownColumn column, Find(batch, field.name, field.shown));
      const bool is_there_already =
          std::any_of(columns.begin(), columns.end(),
                      [&](const ShownColumn& other) { return other.shown == column.shown; });
      if (!is_there_already) columns.push_back(std::move(column));
    }
    return columns;
  }
  for (FieldRef& field : batch.Fields()) {
    NL_TRY(ShownColumn column, Find(batch, std::move(field.name), std::move(field.shown)));
    // Only what the record itself holds, not what stands in for it in queries.
    if (field.is_implied && !with_stream) {
      const int index = batch.rows->columns().header().FindColumn(column.name);
      column.column = nullptr;
      if (index >= 0) {
        NL_TRY(column.column, batch.rows->GetOwn(static_cast<size_t>(index)));
      }
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace neurallog::query
