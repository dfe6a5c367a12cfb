#include "rules/condition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "rules/case_fold.h"
#include "rules/pattern.h"
#include "rules/query_condition.h"

namespace neurallog::rules {
namespace {

constexpr size_t kDepthMax = 64;
constexpr size_t kTokensMax = 4096;

struct Token {
  std::string text;
  size_t offset;
};

using base::IsSpace;
bool IsMark(char c) { return c == '(' || c == ')' || c == '|'; }

std::vector<Token> Tokenize(const std::string& text) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i++;
    if (IsSpace(text[begin])) continue;
    while (!IsMark(text[begin]) && i < text.size() && !IsSpace(text[i]) && !IsMark(text[i])) ++i;
    tokens.push_back({text.substr(begin, i - begin), begin});
  }
  return tokens;
}

class ConditionParser {
 public:
  ConditionParser(const Node& condition, const Selections& selections,
                  const DetectionContext& context)
      : condition_(condition),
        selections_(selections),
        context_(context),
        tokens_(Tokenize(condition.text)) {}

  std::optional<Expression> Parse() {
    if (tokens_.empty()) return Fail("an empty condition");
    if (tokens_.size() > kTokensMax)
      return Fail(fmt::format("a condition of more than {} words", kTokensMax));
    auto parsed = ParseOr(0);
    if (!parsed || at_ == tokens_.size()) return parsed;
    if (Peek() == "|")
      return Fail("aggregations behind '|' are not part of Sigma 2; use a correlation");
    return Fail(fmt::format("expected 'and' or 'or', got \"{}\"", Peek()));
  }

 private:
  // The word that comes next, lower-cased; empty at the end.
  std::string Peek(size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? Fold(tokens_[at_ + ahead].text) : std::string();
  }

  std::nullopt_t Fail(std::string message) {
    const size_t offset = at_ < tokens_.size() ? tokens_[at_].offset : condition_.text.size();
    // Where the text of a quoted or folded scalar stands is known for its first line only.
    const bool is_one_line = condition_.text.find('\n') == std::string::npos;
    Position at = condition_.at;
    if (is_one_line) at.column += static_cast<int>(offset) + (condition_.is_quoted ? 1 : 0);
    context_.problems->push_back({at, std::move(message)});
    return std::nullopt;
  }

  std::optional<Expression> ParseOr(size_t depth) {
    return ParseChain(depth, "or", &ConditionParser::ParseAnd, MakeOr);
  }
  std::optional<Expression> ParseAnd(size_t depth) {
    return ParseChain(depth, "and", &ConditionParser::ParseNot, MakeAnd);
  }

  std::optional<Expression> ParseChain(size_t depth, std::string_view word,
                                       std::optional<Expression> (ConditionParser::*part)(size_t),
                                       Expression (*make)(std::vector<Expression>)) {
    std::vector<Expression> parts;
    do {
      auto parsed = (this->*part)(depth);
      if (!parsed) return std::nullopt;
      parts.push_back(std::move(*parsed));
    } while (Peek() == word && ++at_);
    return make(std::move(parts));
  }

  std::optional<Expression> ParseNot(size_t depth) {
    if (depth > kDepthMax) return Fail(fmt::format("nested deeper than {} levels", kDepthMax));
    const std::string word = Peek();
    if (word.empty()) return Fail("expected a selection, got the end of the condition");
    if (word == "not") {
      ++at_;
      auto child = ParseNot(depth + 1);
      if (!child) return std::nullopt;
      return MakeNot(std::move(*child));
    }
    if (word == "(") return ParseGroup(depth);
    if (Peek(1) == "of") return ParseQuantity();
    return ParseName();
  }

  std::optional<Expression> ParseGroup(size_t depth) {
    ++at_;
    auto inner = ParseOr(depth + 1);
    if (!inner) return std::nullopt;
    if (Peek() != ")")
      return Fail(Peek().empty() ? "expected ')', got the end of the condition"
                                 : fmt::format("expected ')', got \"{}\"", Peek()));
    ++at_;
    return inner;
  }

  std::optional<Expression> ParseName() {
    const std::string& name = tokens_[at_].text;
    for (const Selection& selection : selections_) {
      if (selection.name != name) continue;
      if (!Count(selection)) return std::nullopt;
      ++at_;
      return selection.expression;
    }
    if (name.size() > 2 && name.front() == '%' && name.back() == '%')
      return ParseMacro(name.substr(1, name.size() - 2));
    return Fail(fmt::format("no selection is named \"{}\"", name));
  }

  // Any of the filters that are the list's values.
  std::optional<Expression> ParseMacro(const std::string& name) {
    const auto list = context_.lists->find(name);
    if (list == context_.lists->end()) {
      context_.missing_lists->insert(name);
      return std::nullopt;
    }
    std::vector<Expression> any;
    for (const std::string& text : list->second) {
      auto condition = ParseQueryCondition(text);
      if (!condition.ok())
        return Fail(fmt::format("%{}%: \"{}\": {}", name, text, condition.status().message()));
      any.push_back(std::move(condition).value());
    }
    if (any.empty()) return Fail(fmt::format("%{}%: the list is empty", name));
    const Selection macro{name, MakeOr(std::move(any))};
    if (!Count(macro)) return std::nullopt;
    ++at_;
    return macro.expression;
  }

  std::optional<Expression> ParseQuantity() {
    const std::string quantity = Peek();
    uint32_t count = 0;
    const char* const end = quantity.data() + quantity.size();
    const auto [at, error] = std::from_chars(quantity.data(), end, count);
    const bool is_number = error == std::errc() && at == end && count > 0;
    if (!is_number && quantity != "all" && quantity != "any")
      return Fail(
          fmt::format("expected 'all', 'any' or a number before 'of', got \"{}\"", quantity));
    at_ += 2;
    if (at_ == tokens_.size()) return Fail("expected a pattern of names behind 'of'");
    auto chosen = Choose(tokens_[at_].text);
    if (!chosen) return std::nullopt;
    if (is_number && count > chosen->size())
      return Fail(fmt::format("{} of {} selections", count, chosen->size()));
    ++at_;
    if (quantity == "all") return MakeAnd(std::move(*chosen));
    return is_number ? MakeAtLeast(count, std::move(*chosen)) : MakeOr(std::move(*chosen));
  }

  std::optional<std::vector<Expression>> Choose(const std::string& pattern) {
    const bool is_them = Fold(pattern) == "them";
    const Pattern parsed = ParsePattern(pattern);
    std::vector<Expression> chosen;
    for (const Selection& selection : selections_) {
      const bool fits =
          is_them ? selection.name.rfind('_', 0) != 0 : MatchPattern(parsed, selection.name);
      if (!fits) continue;
      if (!Count(selection)) return std::nullopt;
      chosen.push_back(selection.expression);
    }
    if (chosen.empty()) return Fail(fmt::format("no selection fits \"{}\"", pattern));
    return chosen;
  }

  bool Count(const Selection& selection) {
    tests_ += CountTests(selection.expression);
    if (tests_ <= context_.limits->tests_max) return true;
    Fail(fmt::format("the condition uses more than {} values", context_.limits->tests_max));
    return false;
  }

  const Node& condition_;
  const Selections& selections_;
  const DetectionContext& context_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t tests_ = 0;
};

}  // namespace

std::optional<Expression> ParseCondition(const Node& condition, const Selections& selections,
                                         const DetectionContext& context) {
  return ConditionParser(condition, selections, context).Parse();
}

}  // namespace neurallog::rules
