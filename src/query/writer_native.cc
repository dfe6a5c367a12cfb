// The native form: typed values, dotted names nested again, as the client sent them.
//
// The names of a block make a tree, walked once into a list of leaves with their paths. A row is
// written leaf by leaf; objects are opened and closed where the paths of neighbouring leaves part.
// When a row has a value for `a` and one for `a.b`, the object `a` cannot exist, and `a.b` is
// written flat beside it.
#include "base/json_text.h"
#include "base/time_format.h"
#include "filter/filter.h"
#include "query/row_writer.h"

namespace neurallog::query {
namespace {

constexpr size_t kDepthMax = 32;  // deeper names keep their dots from there on

std::string JsonKey(std::string_view name) {
  std::string key;
  base::AppendJsonString(&key, name);
  key.push_back(':');
  return key;
}

class NativeWriter : public RowWriter {
 public:
  Status Prepare(Batch& batch) override {
    if (rows_ == batch.rows && projection_ == batch.projection) return {};
    rows_ = batch.rows;
    projection_ = batch.projection;
    nodes_.assign(1, Node{});
    leaves_.clear();
    NL_TRY(std::vector<ShownColumn> columns, FindShownColumns(batch, /*with_stream=*/false));
    const bool nests = !batch.rows->is_table();
    for (ShownColumn& column : columns) AddColumn(std::move(column), nests);
    AddLeaves();
    return rows_->Charge();
  }

  void Write(uint32_t row, std::string* out) override {
    out->push_back('{');
    open_.clear();
    bool needs_comma = false;
    for (Leaf& leaf : leaves_) {
      const block::Column& column = *leaf.column;
      if (!column.Has(row)) continue;
      const size_t depth = DepthIn(leaf, row);
      needs_comma = MoveTo(leaf, depth, needs_comma, out);
      if (needs_comma) out->push_back(',');
      needs_comma = true;
      WriteLeaf(&leaf, depth, row, out);
    }
    out->append(open_.size(), '}');
    out->append("}\n");
  }

 private:
  struct Node {
    std::string key;                 // of an object: "name": with quotes and colon
    std::vector<uint32_t> children;  // in order of first appearance
    const block::Column* column = nullptr;
    bool is_time = false;
    std::string name;  // of a column: what it is called
  };
  struct Leaf {
    const block::Column* column;
    bool is_time;
    std::vector<uint32_t> path;  // object nodes from the top, without the leaf
    std::vector<std::string>
        keys;  // keys[d]: the leaf's key when only d objects of its path are open
    std::vector<std::pair<size_t, const block::Column*>>
        rivals;                         // path[first] is also the name of a column
    std::vector<std::string> rendered;  // key and value at full depth, per entry of a dictionary;
                                        // empty: not rendered yet
  };

  void AddColumn(ShownColumn column, bool nests) {
    if (column.column == nullptr) return;
    const bool is_record_time = nests && column.shown.empty() && column.name == filter::kFieldTime;
    std::string name = !column.shown.empty() ? column.shown
                       : is_record_time      ? std::string(kFieldTimestamp)
                                             : column.name;
    uint32_t node = 0;
    std::string_view rest = name;
    for (size_t depth = 0; nests && depth < kDepthMax; ++depth) {
      const size_t dot = rest.find('.');
      if (dot == std::string_view::npos) break;
      node = Child(node, rest.substr(0, dot));
      rest.remove_prefix(dot + 1);
    }
    node = Child(node, rest);
    nodes_[node].column = column.column;
    nodes_[node].is_time = column.is_time;
  }

  uint32_t Child(uint32_t parent, std::string_view segment) {
    for (const uint32_t child : nodes_[parent].children)
      if (nodes_[child].name == segment) return child;
    const auto added = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
    nodes_.back().name = segment;
    nodes_.back().key = JsonKey(segment);
    nodes_[parent].children.push_back(added);
    return added;
  }

  // Depth first, without recursion: names may have many dots.
  void AddLeaves() {
    struct Step {
      uint32_t node;
      size_t next_child;
    };
    std::vector<Step> steps = {{0, 0}};
    while (!steps.empty()) {
      Step& step = steps.back();
      if (step.next_child == 0 && step.node != 0 && nodes_[step.node].column != nullptr) {
        std::vector<uint32_t> path;
        for (size_t i = 1; i + 1 < steps.size(); ++i) path.push_back(steps[i].node);
        AddLeaf(step.node, std::move(path));
      }
      if (step.next_child == nodes_[step.node].children.size()) {
        steps.pop_back();
      } else {
        const uint32_t child = nodes_[step.node].children[step.next_child++];
        steps.push_back({child, 0});
      }
    }
  }

  void AddLeaf(uint32_t node, std::vector<uint32_t> path) {
    Leaf leaf{nodes_[node].column, nodes_[node].is_time, std::move(path), {}, {}, {}};
    std::string name = nodes_[node].name;
    leaf.keys.resize(leaf.path.size() + 1);
    leaf.keys.back() = JsonKey(name);
    for (size_t depth = leaf.path.size(); depth-- > 0;) {
      const Node& object = nodes_[leaf.path[depth]];
      name = object.name + "." + name;
      leaf.keys[depth] = JsonKey(name);
      if (object.column != nullptr) leaf.rivals.emplace_back(depth, object.column);
    }
    leaf.rendered.resize(leaf.column->entries.size());
    leaves_.push_back(std::move(leaf));
  }

  // How many objects of the leaf's path this row can have: up to the first whose name is a value.
  static size_t DepthIn(const Leaf& leaf, uint32_t row) {
    size_t depth = leaf.path.size();
    for (const auto& [at, column] : leaf.rivals)
      if (column->Has(row)) depth = at;
    return depth;
  }

  // Closes and opens objects until the first `depth` ones of the leaf's path are open. Returns
  // whether a comma must come next.
  bool MoveTo(const Leaf& leaf, size_t depth, bool needs_comma, std::string* out) {
    size_t common = 0;
    while (common < depth && common < open_.size() && open_[common] == leaf.path[common]) ++common;
    if (open_.size() > common) {
      out->append(open_.size() - common, '}');
      open_.resize(common);
      needs_comma = true;
    }
    for (; common < depth; ++common) {
      if (needs_comma) out->push_back(',');
      out->append(nodes_[leaf.path[common]].key).push_back('{');
      open_.push_back(leaf.path[common]);
      needs_comma = false;
    }
    return needs_comma;
  }

  static void WriteLeaf(Leaf* leaf, size_t depth, uint32_t row, std::string* out) {
    const block::Column& column = *leaf->column;
    const bool is_rendered = !leaf->rendered.empty() && depth == leaf->path.size();
    if (!is_rendered) {
      out->append(leaf->keys[depth]);
      return WriteValue(column, leaf->is_time, row, out);
    }
    std::string& rendered =
        leaf->rendered[column.encoding == block::Encoding::kDict ? column.codes[row] : 0];
    if (rendered.empty()) {
      rendered = leaf->keys[depth];
      WriteValue(column, leaf->is_time, row, &rendered);
    }
    out->append(rendered);
  }

  static void WriteValue(const block::Column& column, bool is_time, uint32_t row,
                         std::string* out) {
    if (is_time) {
      out->push_back('"');
      base::AppendRfc3339(out, column.ints[row]);
      return out->push_back('"');
    }
    char scratch[24];
    const std::string_view text = column.TextAt(row, scratch);
    switch (column.TypeAt(row)) {
      case ValueType::kString: return base::AppendJsonString(out, text);
      case ValueType::kNull: out->append("null"); return;
      case ValueType::kNumber:
      case ValueType::kBool:
      case ValueType::kArray:
      case ValueType::kObject: out->append(text); return;
    }
  }

  std::shared_ptr<Rows> rows_;
  std::shared_ptr<const Projection> projection_;
  std::vector<Node> nodes_;  // 0 is the record itself
  std::vector<Leaf> leaves_;
  std::vector<uint32_t> open_;  // objects that are open in the line being written
};

}  // namespace

std::unique_ptr<RowWriter> MakeNativeWriter() { return std::make_unique<NativeWriter>(); }

}  // namespace neurallog::query
