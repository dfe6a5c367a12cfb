// VictoriaLogs' form: every value a string, names with dots; fields without a value are left out, and
// so are rows without any.
#include <algorithm>

#include "query/block_plans.h"
#include "query/line_plan.h"
#include "query/row_writer.h"

namespace neurallog::query {
namespace {

class VictoriaLogsWriter : public RowWriter {
 public:
  Status Prepare(Batch& batch) override {
    return plans_.Choose(batch, [&](LinePlan* plan) { return MakePlan(batch, plan); });
  }

  void Write(uint32_t row, std::string* out) override { WriteUntil(SIZE_MAX, {&row, 1}, out); }
  size_t WriteUntil(size_t size_max, std::span<const uint32_t> rows, std::string* out) override {
    LinePlan& plan = plans_.current();
    return WriteBuffered(size_max, rows, out, &lines_, [&plan](uint32_t row, base::Buffer* to) {
      const size_t begin = to->size();
      if (plan.Print(row, to)) {
        to->Append("\n");
      } else {
        to->Resize(begin);
      }
    });
  }

 private:
  static Status MakePlan(Batch& batch, LinePlan* plan) {
    NL_TRY(std::vector<ShownColumn> columns, FindShownColumns(batch, /*with_stream=*/true));
    MoveMessageForward(&columns);
    for (const ShownColumn& column : columns) {
      if (column.column == nullptr) continue;
      plan->Add(
          MemberPrinter(NameOf(column), column.column,
                        {.form = MemberPrinter::Form::kTextsOnly, .is_time = column.is_time}));
    }
    return batch.rows->Charge();
  }

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

  static std::string_view NameOf(const ShownColumn& column) {
    if (!column.shown.empty()) return column.shown;
    return column.name == kFieldMessage ? std::string_view("_msg") : column.name;
  }

  BlockPlans<LinePlan> plans_;
  base::Buffer lines_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeVictoriaLogsWriter() {
  return std::make_unique<VictoriaLogsWriter>();
}

}  // namespace neurallog::query
