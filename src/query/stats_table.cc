#include <algorithm>

#include "filter/nearest_name.h"
#include "filter/parser.h"
#include "query/stats_function.h"

namespace neurallog::query {
namespace {

struct FunctionRow {
  std::string_view name;
  StatsFunctionResult (*parse)(filter::Lexer*);
};

constexpr FunctionRow kFunctions[] = {
    {"count", ParseStatsCount},
    {"count_empty", ParseStatsCountEmpty},
    {"count_uniq", ParseStatsCountUniq},
    {"sum", ParseStatsSum},
    {"avg", ParseStatsAvg},
    {"min", ParseStatsMin},
    {"max", ParseStatsMax},
    {"quantile", ParseStatsQuantile},
    {"median", ParseStatsMedian},
};

constexpr std::string_view kFunctionsNotBuilt[] = {
    "any",     "count_uniq_hash", "field_max", "field_min", "histogram", "json_values",
    "rate",    "rate_sum",        "row_any",   "row_max",   "row_min",   "stddev",
    "sum_len", "uniq_values",     "values",
};

}  // namespace

StatsFunctionResult ParseStatsFunction(filter::Lexer* lexer) {
  if (!lexer->IsText() || lexer->token().kind != filter::Token::Kind::kWord)
    return lexer->ErrorHere("expected a function such as count(), found " + lexer->Found());
  const std::string name = filter::AsciiLower(lexer->token().text);
  const bool is_built = std::any_of(std::begin(kFunctions), std::end(kFunctions),
                                    [&](const FunctionRow& row) { return row.name == name; });
  if (!is_built && std::find(std::begin(kFunctionsNotBuilt), std::end(kFunctionsNotBuilt), name) !=
                       std::end(kFunctionsNotBuilt))
    return lexer->ErrorHere("function \"" + name + "\" is not supported yet");
  if (!is_built) {
    std::vector<std::string_view> known;
    for (const FunctionRow& row : kFunctions) known.push_back(row.name);
    return lexer->ErrorHere("unknown function \"" + name + "\" in stats" +
                            filter::DidYouMean(name, known));
  }
  lexer->Next();
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected '(' after '" + name + "', found " + lexer->Found());
  for (const FunctionRow& row : kFunctions)
    if (row.name == name) return row.parse(lexer);
  return Internal("function \"" + name + "\" has no parser");
}

Result<std::vector<FieldPattern>> ParseStatsFields(filter::Lexer* lexer, bool may_be_empty) {
  std::vector<FieldPattern> fields;
  const bool is_star = may_be_empty && lexer->TakeSymbol('*');
  if (!is_star && !(may_be_empty && lexer->IsSymbol(')'))) {
    do {
      FieldPattern field;
      NL_TRY(field.shown, filter::ParseName(lexer, "the name of a field"));
      field.name = filter::StoredName(field.shown);
      fields.push_back(std::move(field));
    } while (lexer->TakeSymbol(','));
  }
  if (!lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ',' or ')', found " + lexer->Found());
  return fields;
}

NumberReader::NumberReader(const block::Column* column) : column_(column) {
  if (column == nullptr) return;
  entries_.resize(column->entries.size());
  is_number_.resize(column->entries.size());
  for (size_t i = 0; i < entries_.size(); ++i)
    is_number_[i] = filter::ParseNumber(column->entries[i], &entries_[i]) ? 1 : 0;
}

bool NumberReader::Read(uint32_t row, filter::Number* number) const {
  if (column_ == nullptr || !column_->Has(row)) return false;
  switch (column_->encoding) {
    case block::Encoding::kInts:
      *number = {true, column_->ints[row], static_cast<long double>(column_->ints[row])};
      return true;
    case block::Encoding::kConst: *number = entries_[0]; return is_number_[0] != 0;
    case block::Encoding::kDict:
      *number = entries_[column_->codes[row]];
      return is_number_[column_->codes[row]] != 0;
    case block::Encoding::kStrings:
    case block::Encoding::kTemplates:
    case block::Encoding::kHex:
    case block::Encoding::kIpv4:
    case block::Encoding::kDecimal:
      return filter::ParseNumber(column_->TextAt(row, nullptr), number);
  }
  return false;
}

}  // namespace neurallog::query
