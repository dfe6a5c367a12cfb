#include "query/nested_query.h"

#include <unordered_set>

#include "filter/filter.h"
#include "query/pipe.h"

namespace neurallog::query {
namespace {

// The values of one field, each once; empty ones are none.
class ValuesQuery : public NestedQuery, public filter::Subquery, private RowVisitor {
 public:
  ValuesQuery(Query query, std::string field)
      : NestedQuery(std::move(query)),
        text_(query::ToText(this->query())),
        field_(filter::StoredName(field)) {}

  std::string ToText() const override { return text_; }
  RowVisitor* visitor() override { return this; }
  size_t memory_bytes() const override { return memory_bytes_; }
  Status Finish() override {
    SetValues({found_.begin(), found_.end()});
    found_.clear();
    return {};
  }

 private:
  void Clear() override {
    found_.clear();
    memory_bytes_ = 0;
  }
  void OnColumns(std::span<const std::string_view> names) override {
    column_ = names.size();
    for (size_t i = 0; i < names.size(); ++i)
      if (filter::StoredName(names[i]) == field_) column_ = i;
  }
  void OnRow(std::span<const Value> values) override {
    constexpr size_t kBytesPerValue = 96;  // of the set and, in the end, of the filter
    if (column_ >= values.size() || values[column_].text.empty()) return;
    const auto [value, is_new] = found_.emplace(values[column_].text);
    if (is_new) memory_bytes_ += kBytesPerValue + 2 * value->size();
  }

  const std::string text_;
  const std::string field_;  // stored name
  std::unordered_set<std::string> found_;
  size_t column_ = 0;
  size_t memory_bytes_ = 0;
};

}  // namespace

Result<Query> ParseNestedQuery(filter::Lexer* lexer, const ParseOptions& options) {
  if (options.depth >= kNestedDepthMax)
    return lexer->ErrorHere("queries are nested more than " + std::to_string(kNestedDepthMax) +
                            " deep");
  ParseOptions inner = options;
  ++inner.depth;
  return ParseQueryPart(lexer, inner);
}

Result<std::shared_ptr<filter::Subquery>> SubqueryReader::ParseSubquery(filter::Lexer* lexer) {
  const size_t begin = lexer->token().begin;
  NL_TRY(Query query, ParseNestedQuery(lexer, options_));
  const std::string field(query.pipes.empty() ? "" : query.pipes.back()->only_field());
  if (field.empty())
    return lexer->ErrorAt(
        begin, "expected a query that ends with the pipe 'fields' or 'uniq by' with one field");
  auto subquery = std::make_shared<ValuesQuery>(std::move(query), field);
  options_.nested->push_back(subquery);
  return std::shared_ptr<filter::Subquery>(std::move(subquery));
}

}  // namespace neurallog::query
