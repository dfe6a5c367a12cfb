// Queries inside of a query: `user:in(_time:1d admin | fields user)`. They run before it, over the
// same snapshot, one after the other, and their rows go to whoever needs them: the values of a filter's
// subquery here, pipes that read another query (join, union) elsewhere.
//
//   NL_TRY(Query inner, ParseNestedQuery(lexer, options));      // behind '(', up to ')'
//   options.nested->push_back(std::make_shared<MyNestedQuery>(std::move(inner)));
//
// Filled while the query runs, by its thread; read-only from Finish on.
#pragma once

#include <cstddef>
#include <memory>

#include "filter/lexer.h"
#include "neurallog/status.h"
#include "query/query.h"
#include "query/row_visitor.h"

namespace neurallog::query {

// Nested queries in nested queries; deeper ones are refused.
inline constexpr int kNestedDepthMax = 10;

class NestedQuery {
 public:
  explicit NestedQuery(Query query) : query_(std::move(query)) {}
  virtual ~NestedQuery() = default;

  // Takes its rows.
  virtual RowVisitor* visitor() = 0;
  // There are no more rows. What visitor() keeps stays charged to the query around it.
  virtual Status Finish() { return {}; }

  const Query& query() const { return query_; }
  // For the one execution that runs it.
  Query TakeQuery() { return std::move(query_); }

 protected:
  void SetQuery(Query query) { query_ = std::move(query); }

 private:
  Query query_;
};

// Parses the query at the lexer's place up to ')', with the options and extra filters of the query
// around it.
Result<Query> ParseNestedQuery(filter::Lexer* lexer, const ParseOptions& options);

// For the lexer of a query: reads the subqueries of its filters and adds them to options.nested.
class SubqueryReader : public filter::SubqueryParser {
 public:
  explicit SubqueryReader(const ParseOptions& options) : options_(options) {}
  Result<std::shared_ptr<filter::Subquery>> ParseSubquery(filter::Lexer* lexer) override;

 private:
  const ParseOptions& options_;
};

}  // namespace neurallog::query
