// The base of printers whose first line names the columns: they hold rows until these are known.
#pragma once

#include <string>
#include <vector>

#include "cli/row.h"
#include "cli/row_printer.h"

namespace neurallog::cli {

class ColumnPrinter : public RowPrinter {
 protected:
  // To find columns and widths; what comes later must fit them.
  static constexpr size_t kRowsHeldMax = 1000;

  using RowPrinter::RowPrinter;
  bool TakeLine(std::string_view line) final;
  bool ShowRest() override { return Begin(); }
  void StopHolding() final { rows_held_max_ = 1; }

  virtual bool ShowHead(const std::vector<Row>& first_rows) = 0;
  virtual bool ShowRow(const Row& row) = 0;

  std::vector<std::string> columns_;

 private:
  bool Begin();

  size_t rows_held_max_ = kRowsHeldMax;
  bool has_begun_ = false;
  std::vector<Row> held_;
};

}  // namespace neurallog::cli
