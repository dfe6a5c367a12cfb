#include <algorithm>
#include <cmath>

#include "filter/nearest_name.h"
#include "filter/parser.h"
#include "query/stats_function.h"

namespace neurallog::query {
namespace {

struct FunctionRow {
  std::string_view name;
  StatsFunctionResult (*parse)(filter::Lexer*);
};

constexpr FunctionRow kStatsFunctions[] = {
    {"avg", ParseStatsAvg},
    {"count", ParseStatsCount},
    {"count_empty", ParseStatsCountEmpty},
    {"count_uniq", ParseStatsCountUniq},
    {"count_uniq_hash", ParseStatsCountUniq},
    {"histogram", ParseStatsHistogram},
    {"json_values", ParseStatsJsonValues},
    {"max", ParseStatsMax},
    {"median", ParseStatsMedian},
    {"min", ParseStatsMin},
    {"quantile", ParseStatsQuantile},
    {"rate", ParseStatsRate},
    {"rate_sum", ParseStatsRateSum},
    {"row_any", ParseStatsRowAny},
    {"row_max", ParseStatsRowMax},
    {"row_min", ParseStatsRowMin},
    {"sum", ParseStatsSum},
    {"sum_len", ParseStatsSumLen},
    {"uniq_values", ParseStatsUniqValues},
    {"values", ParseStatsValues},
};

constexpr std::string_view kFunctionsNotBuilt[] = {"field_max", "field_min", "stddev"};

}  // namespace

bool IsStatsFunction(std::string_view name) {
  return std::any_of(std::begin(kStatsFunctions), std::end(kStatsFunctions),
                     [name](const FunctionRow& row) { return row.name == name; });
}

std::vector<std::string_view> StatsFunctionNames() {
  std::vector<std::string_view> names;
  for (const FunctionRow& row : kStatsFunctions) names.push_back(row.name);
  return names;
}

StatsFunctionResult ParseStatsFunction(filter::Lexer* lexer) {
  if (!lexer->IsText() || lexer->token().kind != filter::Token::Kind::kWord)
    return lexer->ErrorHere("expected a function such as count(), found " + lexer->Found());
  const std::string name = filter::AsciiLower(lexer->token().text);
  const bool is_built = std::any_of(std::begin(kStatsFunctions), std::end(kStatsFunctions),
                                    [&](const FunctionRow& row) { return row.name == name; });
  if (!is_built && std::find(std::begin(kFunctionsNotBuilt), std::end(kFunctionsNotBuilt), name) !=
                       std::end(kFunctionsNotBuilt))
    return lexer->ErrorHere("function \"" + name + "\" is not supported yet");
  if (!is_built) {
    return lexer->ErrorHere("unknown function \"" + name + "\" in stats" +
                            filter::DidYouMean(name, StatsFunctionNames()));
  }
  lexer->Next();
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected '(' after '" + name + "', found " + lexer->Found());
  for (const FunctionRow& row : kStatsFunctions)
    if (row.name == name) return row.parse(lexer);
  return Internal("function \"" + name + "\" has no parser");
}

Result<std::vector<FieldPattern>> ParseStatsFields(filter::Lexer* lexer, bool may_be_empty) {
  std::vector<FieldPattern> fields;
  if (!may_be_empty || !lexer->IsSymbol(')')) {
    NL_TRY(fields, ParseFieldList(lexer, "the name of a field"));
  }
  if (!lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ',' or ')', found " + lexer->Found());
  const bool means_all = std::any_of(fields.begin(), fields.end(), [](const FieldPattern& field) {
    return field.is_prefix && field.name.empty();
  });
  if (means_all) fields.clear();
  return fields;
}

void PrintStatsFields(std::string* to, const std::vector<FieldPattern>& fields) {
  if (fields.empty()) to->push_back('*');
  PrintFieldList(to, fields);
}

Result<uint64_t> ParseStatsLimit(filter::Lexer* lexer) {
  if (!lexer->TakeKeyword("limit")) return uint64_t{0};
  return ParseCount(lexer, "a number of values after 'limit'");
}

Result<std::vector<FieldReader>> OpenStatsFields(Batch& batch,
                                                 const std::vector<FieldPattern>& fields) {
  std::vector<FieldReader> readers;
  const auto open = [&](std::string_view name) -> Status {
    NL_TRY(FieldReader reader, FieldReader::Open(batch, name));
    readers.push_back(std::move(reader));
    return {};
  };
  const FieldPattern all{{}, {}, true};
  for (const FieldPattern& field : fields.empty() ? std::vector{all} : fields) {
    if (!field.is_prefix) {
      NL_RETURN_IF_ERROR(open(field.name));
      continue;
    }
    for (const FieldRef& candidate : batch.Fields())
      if (field.Matches(candidate.name)) NL_RETURN_IF_ERROR(open(candidate.name));
  }
  return readers;
}

NumberReader::NumberReader(const block::Column* column, const filter::EntryNumbers* numbers)
    : column_(column), entries_(numbers) {
  if (column == nullptr || numbers != nullptr) return;
  own_.emplace(column->entries);
  entries_ = &*own_;
}

double NumberReader::ReadDouble(uint32_t row) const {
  const bool is_in_dict = column_ != nullptr && column_->encoding == block::Encoding::kDict;
  if (is_in_dict && column_->Has(row)) return entries_->doubles[column_->codes[row]];
  filter::Number number;
  return Read(row, &number) ? static_cast<double>(number.value) : NAN;
}

bool NumberReader::Read(uint32_t row, filter::Number* number) const {
  if (column_ == nullptr || !column_->Has(row)) return false;
  switch (column_->encoding) {
    case block::Encoding::kInts:
      *number = {true, column_->ints[row], static_cast<long double>(column_->ints[row])};
      return true;
    case block::Encoding::kConst:
      *number = entries_->numbers[0];
      return entries_->is_number[0] != 0;
    case block::Encoding::kDict:
      *number = entries_->numbers[column_->codes[row]];
      return entries_->is_number[column_->codes[row]] != 0;
    case block::Encoding::kStrings:
    case block::Encoding::kTemplates:
    case block::Encoding::kHex:
    case block::Encoding::kIpv4:
    case block::Encoding::kDecimal: return filter::ReadNumber(*column_, row, number);
  }
  return false;
}

}  // namespace neurallog::query
