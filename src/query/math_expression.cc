#include "query/math_expression.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/time_format.h"
#include "filter/filter.h"
#include "filter/number.h"
#include "query/math_functions.h"

namespace neurallog::query {
namespace {

using ExpressionPtr = std::unique_ptr<MathExpression>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kDepthMax = 100;  // of parentheses, functions and signs

bool ParseHex(std::string_view text, double* number) {
  if (text.substr(0, 2) != "0x" && text.substr(0, 2) != "0X") return false;
  uint64_t value;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + 2, end, value, 16);
  if (error != std::errc() || at != end) return false;
  *number = static_cast<double>(value);
  return true;
}

class MathParser {
 public:
  MathParser(filter::Lexer* lexer, int64_t now_ns) : lexer_(*lexer), now_ns_(now_ns) {}

  // An expression of operators that bind at least as close as `priority`.
  Result<ExpressionPtr> Parse(int priority) {
    if (priority == 0) return ParseOperand();
    NL_TRY(ExpressionPtr left, Parse(priority - 1));
    for (;;) {
      const MathOperator* op = PeekOperator();
      if (op == nullptr || op->priority != priority) return left;
      lexer_.Next();
      auto both = std::make_unique<MathExpression>();
      both->name = op->name;
      both->function = op->function;
      both->arguments.push_back(std::move(left));
      NL_TRY(ExpressionPtr right, Parse(priority - 1));
      both->arguments.push_back(std::move(right));
      left = std::move(both);
    }
  }

 private:
  const MathOperator* PeekOperator() {
    const filter::Token& token = lexer_.token();
    if (token.kind == filter::Token::Kind::kQuoted || lexer_.AtEnd()) return nullptr;
    const bool begins_with_operator =
        std::string_view("+-/%^&").find(token.text[0]) != std::string_view::npos;
    if (begins_with_operator) lexer_.RereadAsMath();
    return FindMathOperator(filter::AsciiLower(lexer_.token().text));
  }

  Result<ExpressionPtr> ParseOperand() {
    if (++depth_ > kDepthMax) return lexer_.ErrorHere("expressions are nested more than 100 deep");
    auto operand = ParseOne();
    --depth_;
    return operand;
  }

  Result<ExpressionPtr> ParseOne() {
    lexer_.RereadAsMath();
    if (lexer_.TakeSymbol('(')) return ParseParentheses();
    if (lexer_.TakeSymbol('+')) return ParseOperand();
    if (lexer_.TakeSymbol('-')) return ParseNegation();
    if (!lexer_.IsText())
      return lexer_.ErrorHere("expected a number or the name of a field, found " + lexer_.Found());
    const bool is_call = lexer_.token().kind == filter::Token::Kind::kWord &&
                         lexer_.Peek().kind == filter::Token::Kind::kSymbol &&
                         lexer_.Peek().text == "(";
    return is_call ? ParseCall() : ParseLeaf();
  }

  Result<ExpressionPtr> ParseParentheses() {
    NL_TRY(ExpressionPtr inner, Parse(kMathPriorityMax));
    if (!lexer_.TakeSymbol(')'))
      return lexer_.ErrorHere("expected an operator or ')', found " + lexer_.Found());
    inner->has_parentheses = true;
    return inner;
  }

  Result<ExpressionPtr> ParseNegation() {
    NL_TRY(ExpressionPtr operand, ParseOperand());
    auto negation = std::make_unique<MathExpression>();
    negation->name = "-";
    negation->function = Negate;
    negation->arguments.push_back(std::move(operand));
    return negation;
  }

  Result<ExpressionPtr> ParseCall() {
    const size_t begin = lexer_.token().begin;
    const std::string name = filter::AsciiLower(lexer_.token().text);
    const MathFunction* function = FindMathFunction(name);
    if (function == nullptr) return lexer_.ErrorHere("unknown function \"" + name + "\" in math");
    lexer_.Next();
    lexer_.Next();
    auto call = std::make_unique<MathExpression>();
    call->name = function->name;
    call->function = function->function;
    while (!lexer_.TakeSymbol(')')) {
      NL_TRY(ExpressionPtr argument, Parse(kMathPriorityMax));
      call->arguments.push_back(std::move(argument));
      if (!lexer_.IsSymbol(')') && !lexer_.TakeSymbol(','))
        return lexer_.ErrorHere("expected an operator, ',' or ')', found " + lexer_.Found());
    }
    const size_t count = call->arguments.size();
    if (count < function->arguments_min || count > function->arguments_max)
      return lexer_.ErrorAt(
          begin, name + "() takes " + Arguments(*function) + ", found " + std::to_string(count));
    if (function->function == nullptr) call->number = static_cast<double>(now_ns_);
    return call;
  }

  static std::string Arguments(const MathFunction& function) {
    if (function.arguments_max == 0) return "no arguments";
    if (function.arguments_min == function.arguments_max) return "one argument";
    return function.arguments_max == 2 ? "one or two arguments" : "two or more arguments";
  }

  Result<ExpressionPtr> ParseLeaf() {
    auto leaf = std::make_unique<MathExpression>();
    leaf->text = lexer_.token().text;
    leaf->number = ToMathNumber(leaf->text);
    if (std::isnan(leaf->number)) leaf->field = filter::StoredName(leaf->text);
    lexer_.Next();
    return leaf;
  }

  filter::Lexer& lexer_;
  const int64_t now_ns_;
  int depth_ = 0;
};

std::vector<double> ReadField(FieldReader reader, const std::vector<uint32_t>& rows) {
  std::vector<double> values(rows.size(), kNaN);
  const block::Column* column = reader.column();
  if (column == nullptr) return values;
  std::vector<double> entries;
  for (const std::string_view entry : column->entries) entries.push_back(ToMathNumber(entry));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!column->Has(rows[i])) continue;
    if (column->encoding == block::Encoding::kInts) {
      values[i] = static_cast<double>(column->ints[rows[i]]);
    } else if (!entries.empty()) {
      values[i] = entries[column->encoding == block::Encoding::kDict ? column->codes[rows[i]] : 0];
    } else {
      values[i] = ToMathNumber(reader.Text(rows[i]));
    }
  }
  return values;
}

}  // namespace

bool ParseIpv4(std::string_view text, double* number) {
  uint32_t address = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (int i = 0; i < 4; ++i) {
    uint8_t part;
    const auto parsed = std::from_chars(at, end, part);
    if (parsed.ec != std::errc()) return false;
    address = address << 8 | part;
    at = parsed.ptr;
    const bool is_last = i == 3;
    if (is_last ? at != end : (at == end || *at++ != '.')) return false;
  }
  *number = address;
  return true;
}

double ToMathNumber(std::string_view text) {
  filter::Number parsed;
  if (filter::ParseNumber(text, &parsed)) return static_cast<double>(parsed.value);
  double number;
  if (ParseHex(text, &number) || ParseIpv4(text, &number)) return number;
  const bool can_be_time = text.size() > 9 && text[4] == '-';
  const auto ns = can_be_time ? base::ParseRfc3339(text) : std::nullopt;
  return ns ? static_cast<double>(*ns) : kNaN;
}

Result<std::unique_ptr<MathExpression>> ParseMath(filter::Lexer* lexer, int64_t now_ns) {
  return MathParser(lexer, now_ns).Parse(kMathPriorityMax);
}

Result<std::vector<double>> MathExpression::Evaluate(Batch& batch, const FieldSet& fields,
                                                     const std::vector<uint32_t>& rows) const {
  if (!field.empty()) {
    NL_TRY(FieldReader reader, FieldReader::Open(batch, fields, field));
    return ReadField(std::move(reader), rows);
  }
  if (function == nullptr) return std::vector<double>(rows.size(), number);
  std::vector<std::vector<double>> columns;
  for (const auto& argument : arguments) {
    NL_TRY(std::vector<double> column, argument->Evaluate(batch, fields, rows));
    columns.push_back(std::move(column));
  }
  std::vector<double> results(rows.size());
  std::vector<double> of_row(columns.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t k = 0; k < columns.size(); ++k) of_row[k] = columns[k][i];
    results[i] = function(of_row.data(), of_row.size());
  }
  return results;
}

void MathExpression::Print(std::string* to) const {
  const auto print = [to](const MathExpression& argument) {
    if (argument.has_parentheses) to->push_back('(');
    argument.Print(to);
    if (argument.has_parentheses) to->push_back(')');
  };
  if (name.empty()) {
    const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c == '_' || c == '.';
    });
    if (is_plain && field.empty()) return static_cast<void>(to->append(text));
    if (is_plain) return filter::AppendQuoted(to, text);
    return static_cast<void>(to->append("`").append(text).append("`"));
  }
  if (FindMathOperator(name) != nullptr) {
    if (arguments.size() == 2) {
      print(*arguments[0]);
      to->append(" ").append(name).append(" ");
    } else {
      to->append(name);
    }
    return print(*arguments.back());
  }
  to->append(name).push_back('(');
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (i != 0) to->append(", ");
    print(*arguments[i]);
  }
  to->push_back(')');
}

}  // namespace neurallog::query
