// The native form: typed values, dotted names nested again, as the client sent them.
//
// The names of a block make a tree, walked once into a plan of its lines. When a row has a value for `a`
// and one for `a.b`, the object `a` cannot exist, and `a.b` is written flat beside it: such members
// stand twice in the plan, nested for the rows without a value for `a`, and flat for those with one.
#include <list>

#include "block/bitmap.h"
#include "filter/filter.h"
#include "query/block_plans.h"
#include "query/line_plan.h"
#include "query/row_writer.h"

namespace neurallog::query {
namespace {

constexpr size_t kNestedMax = 32;  // deeper names keep their dots from there on

// What the plan refers to stays in place when this moves.
struct NativePlan {
  LinePlan line;
  std::list<std::vector<uint64_t>> rows;  // bitmaps
};

// The names of a block's columns as a tree, and the plan made of it.
class NameTree {
 public:
  explicit NameTree(NativePlan* plan) : plan_(*plan) {}

  void AddColumn(const ShownColumn& column, bool nests) {
    if (column.column == nullptr) return;
    const bool is_record_time = nests && column.shown.empty() && column.name == filter::kFieldTime;
    const std::string& name = column.shown.empty() ? column.name : column.shown;
    uint32_t node = 0;
    std::string_view rest = is_record_time ? kFieldTimestamp : std::string_view(name);
    for (size_t depth = 0; nests && depth < kNestedMax; ++depth) {
      const size_t dot = rest.find('.');
      if (dot == std::string_view::npos) break;
      node = Child(node, rest.substr(0, dot));
      rest.remove_prefix(dot + 1);
    }
    node = Child(node, rest);
    nodes_[node].column = column.column;
    nodes_[node].is_time = column.is_time;
  }

  void MakePlan() { AddNested(0, nullptr); }

 private:
  using RowSet = const std::vector<uint64_t>*;  // null: all

  struct Node {
    std::string name;
    std::vector<uint32_t> children{};  // in order of first appearance
    const block::Column* column = nullptr;
    bool is_time = false;
  };

  uint32_t Child(uint32_t parent, std::string_view segment) {
    for (const uint32_t child : nodes_[parent].children)
      if (nodes_[child].name == segment) return child;
    const auto added = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({std::string(segment)});
    nodes_[parent].children.push_back(added);
    return added;
  }

  void AddNested(uint32_t parent, RowSet rows) {
    for (const uint32_t child : nodes_[parent].children) {
      const Node& node = nodes_[child];
      AddMember(node, node.name, rows);
      if (node.children.empty()) continue;
      plan_.line.Open(node.name);
      AddNested(child, RowsWithout(node.column, rows));
      plan_.line.Close();
      if (node.column != nullptr) AddFlat(child, node.name + ".", RowsWith(*node.column, rows));
    }
  }

  void AddFlat(uint32_t parent, const std::string& prefix, RowSet rows) {
    for (const uint32_t child : nodes_[parent].children) {
      const std::string name = prefix + nodes_[child].name;
      AddMember(nodes_[child], name, rows);
      AddFlat(child, name + ".", rows);
    }
  }

  void AddMember(const Node& node, const std::string& name, RowSet rows) {
    if (node.column == nullptr) return;
    if (rows != nullptr) rows = RowsWith(*node.column, rows);
    plan_.line.Add(MemberPrinter(name, node.column, {.is_time = node.is_time, .rows = rows}));
  }

  RowSet RowsWith(const block::Column& column, RowSet rows) {
    return Keep([&](uint32_t row) { return column.Has(row); }, column.rows, rows);
  }
  RowSet RowsWithout(const block::Column* column, RowSet rows) {
    if (column == nullptr) return rows;
    return Keep([&](uint32_t row) { return !column->Has(row); }, column->rows, rows);
  }
  template <typename F>
  RowSet Keep(F is_kept, uint32_t count, RowSet rows) {
    std::vector<uint64_t>& kept = plan_.rows.emplace_back(block::BitmapWords(count));
    for (uint32_t row = 0; row < count; ++row)
      if (is_kept(row) && (rows == nullptr || ((*rows)[row / 64] >> (row % 64) & 1) != 0))
        block::SetBit(kept, row);
    return &kept;
  }

  NativePlan& plan_;
  std::vector<Node> nodes_{1};  // 0 is the record itself
};

class NativeWriter : public RowWriter {
 public:
  Status Prepare(Batch& batch) override {
    return plans_.Choose(batch, [&](NativePlan* plan) { return MakePlan(batch, plan); });
  }

  void Write(uint32_t row, std::string* out) override { WriteUntil(SIZE_MAX, {&row, 1}, out); }
  size_t WriteUntil(size_t size_max, std::span<const uint32_t> rows, std::string* out) override {
    LinePlan& plan = plans_.current().line;
    return WriteBuffered(size_max, rows, out, &lines_, [&plan](uint32_t row, base::Buffer* to) {
      plan.Print(row, to);
      to->Append("\n");
    });
  }

 private:
  static Status MakePlan(Batch& batch, NativePlan* plan) {
    NL_TRY(const std::vector<ShownColumn> columns, FindShownColumns(batch, /*with_stream=*/false));
    const bool nests = !batch.rows->is_table();
    NameTree names(plan);
    for (const ShownColumn& column : columns) names.AddColumn(column, nests);
    names.MakePlan();
    return batch.rows->Charge();
  }

  BlockPlans<NativePlan> plans_;
  base::Buffer lines_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeNativeWriter() { return std::make_unique<NativeWriter>(); }

}  // namespace neurallog::query
