#include "detection/explain.h"

#include <algorithm>

namespace neurallog::detection {
namespace {

using rules::Node;

constexpr uint32_t kNoPart = UINT32_MAX;

Node Scalar(std::string_view text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.text = text;
  return node;
}

Node Map(std::string_view key, Node value) {
  Node node;
  node.kind = Node::Kind::kMap;
  node.keys.push_back(Scalar(key));
  node.items.push_back(std::move(value));
  return node;
}

Node ListOf(const Node& value) {
  Node node;
  node.kind = Node::Kind::kList;
  node.items.push_back(value);
  return node;
}

// A detection of this selection alone.
Node DetectionOf(Node selection) {
  Node detection = Map("part", std::move(selection));
  detection.keys.push_back(Scalar("condition"));
  detection.items.push_back(Scalar("part"));
  return detection;
}

bool Holds(std::span<const uint32_t> matched, uint32_t part) {
  return std::binary_search(matched.begin(), matched.end(), part);
}

}  // namespace

// Makes the parts: the document with other detections.
class Explainer::Maker {
 public:
  Maker(const Node& document, const rules::Lists& lists) : document_(document) {
    options_.lists = &lists;
  }

  // The number of the part; kNoPart when it cannot stand alone.
  uint32_t Add(const Node& detection) {
    if (parts_.size() >= kPartsMax) return kNoPart;
    Node document = document_;
    for (size_t i = 0; i < document.keys.size(); ++i) {
      if (document.keys[i].text != "detection" && document.keys[i].text != "query") continue;
      document.keys[i].text = "detection";
      document.items[i] = detection;
    }
    return AddRule(document);
  }

  // The rule as it stands.
  uint32_t AddWhole() { return AddRule(document_); }

  uint32_t AddRule(const Node& document) {
    rules::Parsed parsed = rules::ParseRule(document, options_);
    if (!parsed.rule || parsed.state() != rules::Parsed::State::kReady) return kNoPart;
    parsed.rule->enabled = true;
    parts_.push_back(std::move(*parsed.rule));
    return static_cast<uint32_t>(parts_.size() - 1);
  }

  std::vector<Selection> AddSelections() {
    std::vector<Selection> selections;
    const Node* const detection = document_.Find("detection");
    for (size_t i = 0; detection != nullptr && i < detection->items.size(); ++i) {
      const std::string& name = detection->keys[i].text;
      if (name == "condition" || name == "timeframe") continue;
      Selection& selection = selections.emplace_back();
      selection.name = name;
      selection.part = Add(DetectionOf(detection->items[i]));
      AddItems(detection->items[i], &selection.items);
    }
    return selections;
  }

  std::shared_ptr<const rules::RuleSet> Compile() const {
    std::vector<const rules::Rule*> parts;
    for (const rules::Rule& part : parts_) parts.push_back(&part);
    rules::CompileOptions options;
    options.always_evaluated_max = parts.size();
    rules::CompileReport report;
    return rules::RuleSet::Compile(parts, {}, options, &report);
  }

 private:
  void AddItems(const Node& node, std::vector<Item>* items) {
    if (node.is_map()) {
      for (size_t i = 0; i < node.items.size(); ++i)
        items->push_back(MakeItem(node.keys[i].text, node.items[i]));
    } else if (node.is_list()) {
      for (const Node& child : node.items) AddItems(child, items);
    } else {
      const uint32_t part = Add(DetectionOf(ListOf(node)));
      items->push_back({"", part, {{node.text, part}}});
    }
  }

  Item MakeItem(const std::string& key, const Node& value) {
    Item item{key, Add(DetectionOf(Map(key, value))), {}};
    const std::vector<Node> one{value};
    for (const Node& each : value.is_list() ? value.items : one)
      if (each.is_scalar()) item.values.emplace_back(each.text, Add(DetectionOf(Map(key, each))));
    return item;
  }

  const Node& document_;
  rules::ParseOptions options_;
  std::vector<rules::Rule> parts_;
};

Result<Explainer> Explainer::Make(std::string_view text, const rules::Lists& lists) {
  const ReadRule read = ReadDocument(text, lists);
  if (read.info.state != RuleState::kReady) return InvalidArgument(read.info.reason);
  if (!read.parsed.rule) return InvalidArgument("a " + read.info.type + " matches no record");
  const rules::Documents documents = rules::ParseDocuments(text, {});
  const Node& document = documents.documents[0];
  if (document.Find("detection") == nullptr && document.Find("query") == nullptr)
    return InvalidArgument("a " + read.info.type + " matches no record by itself");
  Maker maker(document, lists);
  Explainer explainer;
  explainer.rule_ = maker.AddWhole();
  explainer.log_source_ = maker.Add(DetectionOf(Map("_time|exists", Scalar("true"))));
  explainer.selections_ = maker.AddSelections();
  explainer.matcher_ = std::make_unique<rules::Matcher>(maker.Compile());
  return explainer;
}

Explanation Explainer::Explain(const model::RecordBatch& batch, const char* row) {
  matcher_->Bind(batch);
  const auto matched = matcher_->Match(row);
  Explanation explanation;
  explanation.matched = Holds(matched, rule_);
  explanation.of_log_source = Holds(matched, log_source_);
  for (const Selection& selection : selections_) {
    auto& shown = explanation.selections.emplace_back();
    shown.name = selection.name;
    shown.holds = Holds(matched, selection.part);
    for (const Item& item : selection.items) {
      auto& shown_item = shown.items.emplace_back();
      shown_item.name = item.name;
      shown_item.holds = Holds(matched, item.part);
      for (const auto& [value, part] : item.values)
        if (Holds(matched, part)) shown_item.values.push_back(value);
    }
  }
  return explanation;
}

}  // namespace neurallog::detection
