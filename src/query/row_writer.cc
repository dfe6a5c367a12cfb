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

// What the record itself holds, not what stands in for it in queries.
Result<ShownColumn> FindOwn(Batch& batch, std::string name, std::string shown) {
  const int index = batch.rows->columns().header().FindColumn(name);
  ShownColumn found{std::move(name), std::move(shown), nullptr};
  if (index >= 0) {
    NL_TRY(found.column, batch.rows->GetOwn(static_cast<size_t>(index)));
  }
  return found;
}

class PageWriter : public RowWriter {
 public:
  PageWriter(std::unique_ptr<RowWriter> writer, Page* page)
      : writer_(std::move(writer)), page_(page) {
    page_->rows = 0;
  }

  Status Prepare(Batch& batch) override {
    NL_TRY(times_, batch.rows->columns().Times());  // also when _time is not shown
    return writer_->Prepare(batch);
  }
  void Write(uint32_t row, std::string* out) override {
    page_->is_full = page_->rows >= page_->rows_wanted && TimeOf(row) != page_->last_ns;
    if (page_->is_full) return;
    writer_->Write(row, out);
    Count(1, row);
  }
  // Row by row at the page's end.
  size_t WriteUntil(size_t size_max, std::span<const uint32_t> rows, std::string* out) override {
    const uint64_t left = page_->rows_wanted - std::min(page_->rows, page_->rows_wanted);
    if (left > 0) rows = rows.first(std::min<uint64_t>(rows.size(), left));
    if (left > 0) {
      const size_t written = writer_->WriteUntil(size_max, rows, out);
      if (written > 0) Count(written, rows[written - 1]);
      return written;
    }
    size_t written = 0;
    for (; written < rows.size() && out->size() < size_max; ++written) {
      Write(rows[written], out);
      if (page_->is_full) break;
    }
    return written;
  }

 private:
  int64_t TimeOf(uint32_t row) const { return times_.empty() ? 0 : times_[row]; }
  void Count(size_t rows, uint32_t last_row) {
    page_->rows += rows;
    page_->last_ns = TimeOf(last_row);
  }

  const std::unique_ptr<RowWriter> writer_;
  Page* const page_;
  std::span<const int64_t> times_;
};

}  // namespace

size_t RowWriter::WriteUntil(size_t size_max, std::span<const uint32_t> rows, std::string* out) {
  size_t written = 0;
  while (written < rows.size() && out->size() < size_max) Write(rows[written++], out);
  return written;
}

std::unique_ptr<RowWriter> MakePageWriter(std::unique_ptr<RowWriter> writer, Page* page) {
  return std::make_unique<PageWriter>(std::move(writer), page);
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
    const bool only_own = field.is_implied && !with_stream;
    NL_TRY(ShownColumn column, only_own
                                   ? FindOwn(batch, std::move(field.name), std::move(field.shown))
                                   : Find(batch, std::move(field.name), std::move(field.shown)));
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace neurallog::query
