// CSV (RFC 4180): a line of names, then the values as text. The columns are those of the `fields` pipe or of the table; else all that a
// record may have.
#include "query/row_writer.h"

#include "base/csv_text.h"
#include "base/time_format.h"
#include "filter/filter.h"
#include "query/block_plans.h"

namespace neurallog::query {
namespace {

class CsvWriter : public RowWriter {
 public:
  explicit CsvWriter(std::vector<std::string> record_names) : names_(std::move(record_names)) {}

  Status Prepare(Batch& batch) override {
    return columns_.Choose(batch, [&](auto* columns) { return ChooseColumns(batch, columns); });
  }

  void Write(uint32_t row, std::string* out) override {
    if (!has_header_) WriteHeader(out);
    const std::vector<ShownColumn>& columns = columns_.current();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i != 0) out->push_back(',');
      WriteValue(columns[i], row, out);
    }
    out->append("\r\n");
  }

 private:
  // One column for each of names_.
  Status ChooseColumns(Batch& batch, std::vector<ShownColumn>* columns) {
    NL_TRY(const std::vector<ShownColumn> shown, FindShownColumns(batch, /*with_stream=*/false));
    if (!has_names_) ChooseNames(batch, shown);
    columns->assign(names_.size(), {});
    for (const ShownColumn& column : shown) {
      const auto place = std::find(names_.begin(), names_.end(), NameOf(column));
      if (place != names_.end()) (*columns)[static_cast<size_t>(place - names_.begin())] = column;
    }
    return batch.rows->Charge();
  }

  static std::string NameOf(const ShownColumn& column) {
    if (!column.shown.empty()) return column.shown;
    return column.name == filter::kFieldTime ? "timestamp" : column.name;
  }

  // Rows go on to be records, or not, once the first ones are.
  void ChooseNames(const Batch& batch, const std::vector<ShownColumn>& shown) {
    const Projection* projection = batch.projection.get();
    const bool is_known = projection != nullptr && projection->ordered_fields() != nullptr;
    std::vector<std::string> names;
    if (is_known || batch.rows->is_table()) {
      for (const ShownColumn& column : shown) names.push_back(NameOf(column));
    } else {
      for (const std::string& name : names_)
        if (projection == nullptr || projection->Shows(name))
          names.push_back(NameOf({name, {}, nullptr}));
    }
    names_ = std::move(names);
    has_names_ = true;
  }

  void WriteHeader(std::string* out) {
    has_header_ = true;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (i != 0) out->push_back(',');
      base::AppendCsvCell(out, names_[i]);
    }
    out->append("\r\n");
  }

  static void WriteValue(const ShownColumn& shown, uint32_t row, std::string* out) {
    if (shown.column == nullptr || !shown.column->Has(row)) return;
    if (shown.is_time) return base::AppendRfc3339(out, shown.column->ints[row]);
    char scratch[24];
    base::AppendCsvCell(out, shown.column->TextAt(row, scratch));
  }

  std::vector<std::string> names_;  // stored names of records, until ChooseNames
  BlockPlans<std::vector<ShownColumn>> columns_;
  bool has_names_ = false;
  bool has_header_ = false;
};

}  // namespace

std::unique_ptr<RowWriter> MakeCsvWriter(std::vector<std::string> record_names) {
  return std::make_unique<CsvWriter>(std::move(record_names));
}

}  // namespace neurallog::query
