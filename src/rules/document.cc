#include "rules/document.h"

#include <fmt/format.h>

namespace neurallog::rules {

std::string ToString(const Problem& problem) {
  if (problem.at.line == 0) return problem.message;
  return fmt::format("{}:{}: {}", problem.at.line, problem.at.column, problem.message);
}

const Node* Node::Find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key) return &items[i];
  return nullptr;
}

std::string_view Node::KindName() const {
  switch (kind) {
    case Kind::kNull: return "nothing";
    case Kind::kScalar: return "a value";
    case Kind::kList: return "a list";
    case Kind::kMap: return "a map";
  }
  return "";
}

}  // namespace neurallog::rules
