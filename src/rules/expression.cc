#include "rules/expression.h"

#include <algorithm>

namespace neurallog::rules {
namespace {

Expression MakeNode(Expression::Kind kind, std::vector<Expression> children) {
  if (children.size() == 1) return std::move(children[0]);
  Expression node;
  node.kind = kind;
  node.children = std::move(children);
  return node;
}

}  // namespace

Expression MakeTest(Test test) {
  Expression node;
  node.test = std::move(test);
  return node;
}

Expression MakeAnd(std::vector<Expression> children) {
  return MakeNode(Expression::Kind::kAnd, std::move(children));
}

Expression MakeOr(std::vector<Expression> children) {
  return MakeNode(Expression::Kind::kOr, std::move(children));
}

Expression MakeNot(Expression child) {
  Expression node;
  node.kind = Expression::Kind::kNot;
  node.children.push_back(std::move(child));
  return node;
}

Expression MakeAtLeast(uint32_t count, std::vector<Expression> children) {
  if (count == 1) return MakeOr(std::move(children));
  if (count == children.size()) return MakeAnd(std::move(children));
  Expression node;
  node.kind = Expression::Kind::kAtLeast;
  node.count = count;
  node.children = std::move(children);
  return node;
}

size_t CountTests(const Expression& expression) {
  if (expression.kind == Expression::Kind::kTest)
    return std::max<size_t>(1, expression.test.texts.size() + expression.test.regexps.size());
  size_t count = 0;
  for (const Expression& child : expression.children) count += CountTests(child);
  return count;
}

size_t MemoryBytes(const Expression& expression) {
  size_t bytes = sizeof(Expression) + expression.test.field.capacity();
  for (const std::string& text : expression.test.texts) bytes += sizeof(text) + text.capacity();
  for (const auto& regexp : expression.test.regexps)
    bytes += sizeof(regexp) + regexp->memory_bytes();
  for (const Expression& child : expression.children) bytes += MemoryBytes(child);
  return bytes;
}

}  // namespace neurallog::rules
