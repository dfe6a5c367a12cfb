// VictoriaLogs' form: every value a string, names with dots; fields without a value are left out, and
// so are rows without any.
#include "base/json_text.h"
#include "base/time_format.h"
#include "filter/filter.h"
#include "query/row_writer.h"

namespace neurallog::query {
namespace {

class VictoriaLogsWriter : public RowWriter {
 public:
  Status Prepare(Batch& batch) override {
    if (rows_ == batch.rows && projection_ == batch.projection) return {};
    rows_ = batch.rows;
    projection_ = batch.projection;
    fields_.clear();
    NL_TRY(std::vector<ShownColumn> columns, FindShownColumns(batch, /*with_stream=*/true));
    MoveMessageForward(&columns);
    for (const ShownColumn& column : columns) AddField(column);
    return rows_->Charge();
  }

  void Write(uint32_t row, std::string* out) override {
    const size_t begin = out->size();
    out->push_back('{');
    bool is_first = true;
    for (PlannedField& field : fields_) {
      const size_t before = out->size();
      if (!is_first) out->push_back(',');
      if (WriteField(&field, row, out)) {
        is_first = false;
      } else {
        out->resize(before);
      }
    }
    if (is_first) return out->resize(begin);
    out->append("}\n");
  }

 private:
  struct PlannedField {
    std::string key;  // "name": with quotes and colon
    const block::Column* column;
    bool is_time;
    std::vector<std::string>
        rendered;  // key and value, per entry of a dictionary; empty: not rendered yet
  };

  static void MoveMessageForward(std::vector<ShownColumn>* columns) {
    const auto is_message = [](const ShownColumn& column) {
      return column.shown.empty() && column.name == kFieldMessage;
    };
    const auto message = std::find_if(columns->begin(), columns->end(), is_message);
    const auto first_other =
        std::find_if(columns->begin(), columns->end(),
                     [](const ShownColumn& column) { return column.name[0] != '_'; });
    if (message != columns->end() && first_other < message)
      std::rotate(first_other, message, message + 1);
  }

  void AddField(const ShownColumn& column) {
    PlannedField field{{}, column.column, column.is_time, {}};
    const std::string_view name = !column.shown.empty()          ? std::string_view(column.shown)
                                  : column.name == kFieldMessage ? "_msg"
                                                                 : std::string_view(column.name);
    base::AppendJsonString(&field.key, name);
    field.key.push_back(':');
    if (column.column != nullptr) field.rendered.resize(column.column->entries.size());
    fields_.push_back(std::move(field));
  }

  // False when the field has no value and is to be left out.
  static bool WriteField(PlannedField* field, uint32_t row, std::string* out) {
    const block::Column* column = field->column;
    if (column == nullptr || !column->Has(row)) return false;
    if (field->is_time) {
      out->append(field->key).push_back('"');
      base::AppendRfc3339(out, column->ints[row]);
      out->push_back('"');
      return true;
    }
    if (!field->rendered.empty())
      return WriteEntry(field, column->encoding == block::Encoding::kDict ? column->codes[row] : 0,
                        out);
    char scratch[24];
    const std::string_view text = column->TextAt(row, scratch);
    if (text.empty()) return false;
    out->append(field->key);
    base::AppendJsonString(out, text);
    return true;
  }

  static bool WriteEntry(PlannedField* field, size_t entry, std::string* out) {
    const std::string_view text = field->column->entries[entry];
    if (text.empty()) return false;
    std::string& rendered = field->rendered[entry];
    if (rendered.empty()) {
      rendered = field->key;
      base::AppendJsonString(&rendered, text);
    }
    out->append(rendered);
    return true;
  }

  std::shared_ptr<Rows> rows_;
  std::shared_ptr<const Projection> projection_;
  std::vector<PlannedField> fields_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeVictoriaLogsWriter() {
  return std::make_unique<VictoriaLogsWriter>();
}

}  // namespace neurallog::query
