#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "filter/nearest_name.h"
#include "filter/number.h"
#include "filter/parser.h"
#include "query/pipe.h"
#include "query/query.h"
#include "query/stats_function.h"

namespace neurallog::query {
namespace {

struct PipeRow {
  std::string_view name;
  PipeResult (*parse)(const PipeParse&);
};

constexpr PipeRow kPipes[] = {
    {"block_stats", ParsePipeBlockStats},
    {"blocks_count", ParsePipeBlocksCount},
    {"collapse_nums", ParsePipeCollapseNums},
    {"copy", ParsePipeCopy},
    {"cp", ParsePipeCopy},
    {"decolorize", ParsePipeDecolorize},
    {"del", ParsePipeDelete},
    {"delete", ParsePipeDelete},
    {"drop", ParsePipeDelete},
    {"drop_empty_fields", ParsePipeDropEmptyFields},
    {"eval", ParsePipeMath},
    {"extract", ParsePipeExtract},
    {"extract_regexp", ParsePipeExtractRegexp},
    {"facets", ParsePipeFacets},
    {"field_names", ParsePipeFieldNames},
    {"field_values", ParsePipeFieldValues},
    {"fields", ParsePipeFields},
    {"filter", ParsePipeFilter},
    {"first", ParsePipeFirst},
    {"format", ParsePipeFormat},
    {"hash", ParsePipeHash},
    {"head", ParsePipeLimit},
    {"join", ParsePipeJoin},
    {"json_array_len", ParsePipeJsonArrayLen},
    {"keep", ParsePipeFields},
    {"last", ParsePipeLast},
    {"len", ParsePipeLen},
    {"limit", ParsePipeLimit},
    {"math", ParsePipeMath},
    {"mv", ParsePipeRename},
    {"offset", ParsePipeOffset},
    {"order", ParsePipeSort},
    {"pack_json", ParsePipePackJson},
    {"pack_logfmt", ParsePipePackLogfmt},
    {"rename", ParsePipeRename},
    {"replace", ParsePipeReplace},
    {"replace_regexp", ParsePipeReplaceRegexp},
    {"rm", ParsePipeDelete},
    {"sample", ParsePipeSample},
    {"skip", ParsePipeOffset},
    {"sort", ParsePipeSort},
    {"stats", ParsePipeStats},
    {"stream_context", ParsePipeStreamContext},
    {"top", ParsePipeTop},
    {"union", ParsePipeUnion},
    {"uniq", ParsePipeUniq},
    {"unpack_json", ParsePipeUnpackJson},
    {"unpack_logfmt", ParsePipeUnpackLogfmt},
    {"unpack_syslog", ParsePipeUnpackSyslog},
    {"unpack_words", ParsePipeUnpackWords},
    {"unroll", ParsePipeUnroll},
    {"where", ParsePipeFilter},
};

constexpr std::string_view kPipesNotBuilt[] = {
    "generate_sequence", "query_stats", "running_stats", "set_stream_fields", "split",
    "time_add",          "total_stats",
};

}  // namespace

Status Interrupt::Check() const {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed))
    return Cancelled("query was cancelled");
  if (deadline_ns_ != std::numeric_limits<int64_t>::max() && clock_->MonotonicNs() >= deadline_ns_)
    return DeadlineExceeded(
        "query took longer than its deadline allows; narrow its time range or raise the timeout");
  return {};
}

namespace {

bool IsPipe(std::string_view name) {
  return std::any_of(std::begin(kPipes), std::end(kPipes),
                     [name](const PipeRow& row) { return row.name == name; });
}

// `count() hits`, `by (a) count() hits`, `(a) count() hits`: stats without their name.
bool BeginsStats(filter::Lexer lexer) {
  const bool has_fields = lexer.TakeKeyword("by") || lexer.IsSymbol('(');
  if (has_fields && !lexer.IsSymbol('(')) return false;
  int depth = 0;
  for (bool is_inside = has_fields; is_inside && !lexer.AtEnd(); lexer.Next()) {
    depth += lexer.IsSymbol('(') ? 1 : lexer.IsSymbol(')') ? -1 : 0;
    is_inside = depth > 0;
  }
  const bool is_word = lexer.token().kind == filter::Token::Kind::kWord;
  const std::string name = filter::AsciiLower(lexer.token().text);
  return is_word && !IsPipe(name) && IsStatsFunction(name) && lexer.Peek().text == "(";
}

// `level:error`, `{app="x"}`, `!a:b`, `"a b"`: a filter without its name. A bare word would more often
// be the misspelt name of a pipe.
bool BeginsFilter(const filter::Lexer& lexer) {
  if (lexer.token().kind == filter::Token::Kind::kSymbol)
    return std::string_view("{(!-*=~<>:").find(lexer.token().text) != std::string_view::npos;
  return lexer.token().kind == filter::Token::Kind::kQuoted ||
         (lexer.IsText() && lexer.Peek().text == ":");
}

}  // namespace

Result<std::unique_ptr<Pipe>> ParsePipe(filter::Lexer* lexer, const ParseOptions& options) {
  const filter::Token token = lexer->token();
  if (BeginsStats(*lexer)) return ParsePipeStats({lexer, options, "stats"});
  if (BeginsFilter(*lexer)) return ParsePipeFilter({lexer, options, "filter"});
  if (token.kind != filter::Token::Kind::kWord)
    return lexer->ErrorHere("expected a pipe behind '|', found " + lexer->Found());
  const std::string name = filter::AsciiLower(token.text);
  for (const PipeRow& row : kPipes) {
    if (row.name != name) continue;
    lexer->Next();
    return row.parse({lexer, options, row.name});
  }
  if (std::find(std::begin(kPipesNotBuilt), std::end(kPipesNotBuilt), name) !=
      std::end(kPipesNotBuilt))
    return lexer->ErrorHere("pipe \"" + name + "\" is not supported yet");
  return lexer->ErrorHere("unknown pipe \"" + token.text + "\"" +
                          filter::DidYouMean(name, PipeNames()));
}

std::vector<std::string_view> PipeNames() {
  std::vector<std::string_view> names;
  for (const PipeRow& row : kPipes) names.push_back(row.name);
  return names;
}

Status CheckNoLabel(const std::vector<std::string>& labels, std::string_view name,
                    std::string_view pipe) {
  if (std::find(labels.begin(), labels.end(), name) == labels.end()) return {};
  return InvalidArgument("query: the label '" + std::string(name) + "' would be lost by pipe \"" +
                         std::string(pipe) + "\"");
}

namespace {

// A number with a unit of sizes.
std::optional<uint64_t> ReadScaled(const std::string& text) {
  constexpr long double kEnd = 18446744073709551616.0L;
  const bool is_size = text.find_first_not_of("0123456789_.KMGTiB") == std::string::npos;
  filter::Number number;
  if (!is_size || !filter::ParseNumber(filter::NumberAsStored(text), &number)) return std::nullopt;
  if (number.value >= kEnd || number.value != std::floor(number.value)) return std::nullopt;
  return static_cast<uint64_t>(number.value);
}

}  // namespace

Result<uint64_t> ParseCount(filter::Lexer* lexer, std::string_view expected) {
  const std::string& text = lexer->token().text;
  uint64_t count;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool is_plain = error == std::errc() && at == text.data() + text.size();
  const auto scaled = is_plain ? std::optional(count) : ReadScaled(text);
  if (!lexer->IsText() || !scaled)
    return lexer->ErrorHere("expected " + std::string(expected) + ", found " + lexer->Found());
  count = *scaled;
  lexer->Next();
  return count;
}

Result<FieldPattern> ParseFieldPattern(filter::Lexer* lexer, std::string_view expected) {
  FieldPattern field;
  if (!lexer->IsSymbol('*')) {
    NL_TRY(field.shown, filter::ParseName(lexer, expected));
    field.is_prefix = lexer->IsSymbolHere('*');
    if (field.is_prefix) lexer->Next();
  } else {
    lexer->Next();
    field.is_prefix = true;
  }
  field.name = field.is_prefix ? field.shown : std::string(filter::StoredName(field.shown));
  return field;
}

Result<std::vector<FieldPattern>> ParseFieldList(filter::Lexer* lexer, std::string_view expected) {
  std::vector<FieldPattern> fields;
  do {
    NL_TRY(FieldPattern field, ParseFieldPattern(lexer, expected));
    fields.push_back(std::move(field));
  } while (lexer->TakeSymbol(',') && !lexer->IsSymbol(')'));
  return fields;
}

Result<std::vector<FieldPattern>> ParseFieldListInParentheses(filter::Lexer* lexer,
                                                              std::string_view expected) {
  if (!lexer->TakeSymbol('('))
    return lexer->ErrorHere("expected " + std::string(expected) + ", found " + lexer->Found());
  NL_TRY(std::vector<FieldPattern> fields, ParseFieldList(lexer, "the name of a field"));
  if (!lexer->TakeSymbol(')'))
    return lexer->ErrorHere("expected ',' or ')', found " + lexer->Found());
  return fields;
}

void PrintFieldList(std::string* to, const std::vector<FieldPattern>& fields) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i != 0) to->append(", ");
    if (!fields[i].shown.empty() || !fields[i].is_prefix) filter::AppendQuoted(to, fields[i].shown);
    if (fields[i].is_prefix) to->push_back('*');
  }
}

}  // namespace neurallog::query
