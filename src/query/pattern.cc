#include "query/pattern.h"

#include <algorithm>

#include "filter/filter.h"

namespace neurallog::query {
namespace {

std::string Unescape(std::string_view text) {
  struct Entity {
    std::string_view name;
    char byte;
  };
  constexpr Entity kEntities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}};
  std::string plain;
  while (!text.empty()) {
    const auto entity =
        std::find_if(std::begin(kEntities), std::end(kEntities),
                     [text](const Entity& e) { return text.substr(0, e.name.size()) == e.name; });
    const bool is_entity = entity != std::end(kEntities);
    plain.push_back(is_entity ? entity->byte : text[0]);
    text.remove_prefix(is_entity ? entity->name.size() : 1);
  }
  return plain;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

void SetPlaceholder(std::string_view text, const std::vector<std::string_view>& options,
                    PatternStep* step) {
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view option = Trim(text.substr(0, colon));
    const bool is_known =
        option.empty() || std::find(options.begin(), options.end(), option) != options.end();
    if (is_known) {
      step->option = option;
      text.remove_prefix(colon + 1);
    }
  }
  const std::string_view name = Trim(text);
  if (name != "_") step->field = filter::StoredName(name);
}

}  // namespace

Result<std::vector<PatternStep>> ParsePattern(std::string_view text,
                                              const std::vector<std::string_view>& options) {
  std::vector<PatternStep> steps;
  while (!text.empty()) {
    PatternStep& step = steps.emplace_back();
    const size_t open = text.find('<');
    step.literal = Unescape(text.substr(0, open));
    if (open == std::string_view::npos) break;
    const size_t close = text.find('>', open);
    if (close == std::string_view::npos)
      return InvalidArgument("expected '>' behind '" + std::string(text.substr(open)) + "'");
    const std::string_view placeholder = text.substr(open + 1, close - open - 1);
    SetPlaceholder(placeholder, options, &step);
    if (step.field.find('*') != std::string::npos)
      return InvalidArgument("expected the name of a field without a '*', found '<" +
                             std::string(placeholder) + ">'");
    text.remove_prefix(close + 1);
  }
  return steps;
}

}  // namespace neurallog::query
