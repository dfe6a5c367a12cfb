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
  std::vector<std::string> names;
  const bool adds_stream = with_stream && !batch.rows->is_table();
  for (const block::ColumnMeta& meta : batch.rows->columns().header().columns) {
    const bool is_stream = meta.name == filter::kFieldStream || meta.name == filter::kFieldStreamId;
    if (!adds_stream || !is_stream) names.push_back(meta.name);
    if (adds_stream && meta.name == filter::kFieldTime)
      names.insert(names.end(),
                   {std::string(filter::kFieldStreamId), std::string(filter::kFieldStream)});
  }
  for (std::string& name : names) {
    if (batch.projection != nullptr && !batch.projection->Shows(name)) continue;
    NL_TRY(ShownColumn column, Find(batch, std::move(name), {}));
    // Only what the record itself holds, not what stands in for it in queries.
    const bool is_stream =
        column.name == filter::kFieldStream || column.name == filter::kFieldStreamId;
    if (is_stream && !with_stream) {
      const int index = batch.rows->columns().header().FindColumn(column.name);
      NL_TRY(column.column, batch.rows->columns().GetAt(static_cast<size_t>(index)));
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace neurallog::query
