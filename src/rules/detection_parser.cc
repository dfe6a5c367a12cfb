#include "rules/detection_parser.h"

#include <fmt/format.h>

#include "rules/condition_parser.h"
#include "rules/item_parser.h"
#include "rules/query_condition.h"

namespace neurallog::rules {
namespace {

bool IsSelectionKey(const std::string& key) { return key != "condition" && key != "timeframe"; }

class DetectionParser {
 public:
  explicit DetectionParser(const DetectionContext& context) : context_(context) {}

  Selections ParseSelections(const Node& detection) {
    Selections selections;
    for (size_t i = 0; i < detection.items.size(); ++i) {
      const Node& key = detection.keys[i];
      if (!IsSelectionKey(key.text)) continue;
      auto selection = ParseSelection(detection.items[i], key.at);
      selections.push_back({key.text, selection ? std::move(*selection) : Expression()});
    }
    return selections;
  }

  std::optional<Expression> ParseConditions(const Node& detection, const Selections& selections) {
    const Node* condition = detection.Find("condition");
    if (condition == nullptr || condition->is_null())
      return Fail(condition ? condition->at : detection.at, "no condition");
    if (condition->is_map()) return Fail(condition->at, "expected a condition, got a map");
    const std::vector<Node> one{*condition};
    std::vector<Expression> any;
    for (const Node& text : condition->is_list() ? condition->items : one) {
      if (!text.is_scalar())
        Fail(text.at, fmt::format("expected a condition, got {}", text.KindName()));
      else if (auto parsed = ParseCondition(text, selections, context_))
        any.push_back(std::move(*parsed));
    }
    if (any.empty())
      return condition->is_list() && condition->items.empty() ? Fail(condition->at, "no condition")
                                                              : std::nullopt;
    return MakeOr(std::move(any));
  }

 private:
  std::nullopt_t Fail(Position at, std::string message) {
    context_.problems->push_back({at, std::move(message)});
    return std::nullopt;
  }

  std::optional<Expression> ParseSelection(const Node& node, Position key_at) {
    if (node.is_map()) return ParseMap(node);
    if (node.is_list()) return ParseList(node);
    if (node.is_null()) return Fail(key_at, "a selection without values");
    return ParseKeywords({node});
  }

  std::optional<Expression> ParseMap(const Node& map) {
    std::vector<Expression> all;
    for (size_t i = 0; i < map.items.size(); ++i)
      if (auto item = ParseItem(map.keys[i], map.items[i], context_))
        all.push_back(std::move(*item));
    if (map.items.empty()) return Fail(map.at, "a selection without values");
    if (all.empty()) return std::nullopt;
    return MakeAnd(std::move(all));
  }

  // Maps are alternatives; the values between them are keywords, alternatives too.
  std::optional<Expression> ParseList(const Node& list) {
    std::vector<Expression> any;
    std::vector<Node> keywords;
    for (const Node& node : list.items) {
      if (node.is_scalar()) {
        keywords.push_back(node);
      } else if (node.is_null()) {
        Fail(node.at, "a keyword must not be null");
      } else if (auto selection = node.is_map() ? ParseMap(node) : ParseList(node)) {
        any.push_back(std::move(*selection));
      }
    }
    if (list.items.empty()) return Fail(list.at, "a selection without values");
    if (!keywords.empty())
      if (auto parsed = ParseKeywords(std::move(keywords))) any.push_back(std::move(*parsed));
    if (any.empty()) return std::nullopt;
    return MakeOr(std::move(any));
  }

  std::optional<Expression> ParseKeywords(std::vector<Node> values) {
    Node key, list;
    key.kind = Node::Kind::kScalar;
    key.at = list.at = values[0].at;
    list.kind = Node::Kind::kList;
    list.items = std::move(values);
    return ParseItem(key, list, context_);
  }

  const DetectionContext& context_;
};

}  // namespace

std::optional<Expression> ParseDetection(const Node& detection, std::string_view name,
                                         const DetectionContext& context) {
  if (!detection.is_map()) {
    context.problems->push_back(
        {detection.at,
         fmt::format("{}: expected a map of selections, got {}", name, detection.KindName())});
    return std::nullopt;
  }
  const size_t problems_before = context.problems->size();
  const size_t missing_before = context.missing_lists->size();
  DetectionParser parser(context);
  const Selections selections = parser.ParseSelections(detection);
  auto condition = parser.ParseConditions(detection, selections);
  if (context.problems->size() != problems_before ||
      context.missing_lists->size() != missing_before)
    return std::nullopt;
  return condition;
}

std::optional<Expression> ParseConditionOf(const Node& node, const DetectionContext& context) {
  const Node* const detection = node.Find("detection");
  const Node* const query = node.Find("query");
  const auto fail = [&](std::string message) {
    context.problems->push_back({query->at, std::move(message)});
    return std::nullopt;
  };
  if (query == nullptr) return ParseDetection(*detection, "detection", context);
  if (detection != nullptr) return fail("query: there is a detection already");
  if (!query->is_scalar())
    return fail(fmt::format("query: expected a text, got {}", query->KindName()));
  auto condition = ParseQueryCondition(query->text);
  if (!condition.ok()) return fail(fmt::format("query: {}", condition.status().message()));
  return std::move(condition).value();
}

}  // namespace neurallog::rules
